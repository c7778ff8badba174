from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any
from uuid import UUID

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from agent.accounts.access_tokens import AccessTokens, Claims
from agent.accounts.token_keys import TokenKeys
from agent.settings import Tokens
from bridge.contracts.operation import Role
from bridge.errors import Code, Denied

NOW = 1_780_000_000.0
CLAIMS = Claims(UUID(int=1), UUID(int=2), Role.TECHNICIAN, 3, NOW + 86_400)


@pytest.fixture
def keys(tmp_path: Path) -> TokenKeys:
    keys = TokenKeys(Tokens(keys_dir=tmp_path))
    keys.load(NOW)
    return keys


@pytest.fixture
def tokens(keys: TokenKeys) -> AccessTokens:
    return AccessTokens(keys, Tokens(remembered_max=3))


def refused(tokens: AccessTokens, token: str, now: float = NOW) -> bool:
    try:
        tokens.verify(token, now=now)
    except Denied as denied:
        return denied.code is Code.UNAUTHENTICATED
    return False


@pytest.mark.story("tasks/US-BE-1.3.3", "water/US-4.2")
def test_token_says_what_it_was_made_of_when_it_is_verified(tokens: AccessTokens) -> None:
    token = tokens.issue(CLAIMS, email="ann@example.org", now=NOW)
    assert tokens.verify(token, now=NOW) == CLAIMS
    assert tokens.verify(token, now=NOW + 1) is tokens.verify(token, now=NOW + 2)


@pytest.mark.story("tasks/US-BE-1.3.4")
def test_token_verifies_with_the_public_key_when_a_gateway_looks(keys: TokenKeys, tokens: AccessTokens) -> None:
    token = tokens.issue(CLAIMS, email="ann@example.org", now=NOW)
    [public] = keys.public_keys()
    assert jwt.get_unverified_header(token) == {"alg": "EdDSA", "kid": public.kid, "typ": "JWT"}
    key = Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(public.x + "="))
    payload = jwt.decode(token, key, algorithms=["EdDSA"], audience="drawbridge", options={"verify_exp": False})
    assert payload == {
        "iss": "drawbridge", "aud": "drawbridge", "sub": str(UUID(int=1)), "email": "ann@example.org",
        "role": "technician", "sid": str(UUID(int=2)), "ver": 3, "iat": int(NOW), "exp": int(NOW) + 86_400,
    }  # fmt: skip


@pytest.mark.story("tasks/US-BE-1.3.1", "water/EC.7")
def test_token_is_refused_when_it_has_expired(tokens: AccessTokens) -> None:
    token = tokens.issue(CLAIMS, email="", now=NOW)
    assert not refused(tokens, token, NOW + 86_399)
    assert refused(tokens, token, NOW + 86_400)
    assert refused(tokens, token, NOW + 86_400)
    assert not refused(tokens, token, NOW)  # the clock was set right


@pytest.mark.story("tasks/US-BE-1.3.5")
def test_token_is_refused_when_any_character_is_changed(tokens: AccessTokens) -> None:
    token = tokens.issue(CLAIMS, email="ann@example.org", now=NOW)
    # The last character of a part may hold bits that stand for nothing; the one before holds none.
    for position in range(0, len(token) - 1, 3):
        altered = token[:position] + ("A" if token[position] != "A" else "B") + token[position + 1 :]
        assert refused(tokens, altered), position


def test_token_is_forgotten_when_more_are_remembered_than_allowed(tokens: AccessTokens) -> None:
    made = [
        tokens.issue(Claims(UUID(int=n), UUID(int=2), Role.VIEWER, 1, NOW + 60), email="", now=NOW) for n in range(9)
    ]
    for token in made * 2:
        assert not refused(tokens, token)
    assert len(tokens._verified) == 3


def test_token_of_an_old_key_verifies_when_a_new_one_signs(keys: TokenKeys, tokens: AccessTokens) -> None:
    old = tokens.issue(CLAIMS, email="", now=NOW)
    made = keys.rotate(NOW)
    new = tokens.issue(CLAIMS, email="", now=NOW + 60)
    assert jwt.get_unverified_header(new)["kid"] == made.kid
    assert not refused(tokens, old)
    assert not refused(tokens, new)


def test_token_is_refused_when_its_key_was_removed_though_it_is_remembered(
    keys: TokenKeys, tokens: AccessTokens, tmp_path: Path
) -> None:
    token = tokens.issue(CLAIMS, email="", now=NOW)
    assert not refused(tokens, token)
    stolen = keys.signer(NOW)
    keys.rotate(NOW)
    (tmp_path / f"{stolen.kid}.pem").unlink()
    assert keys.maintain(NOW)
    assert refused(tokens, token)


def forge(key: object, header: dict[str, Any], payload: dict[str, Any], algorithm: str = "EdDSA") -> str:
    return jwt.encode(payload, key, algorithm=algorithm, headers=header)  # type: ignore[arg-type]


def payload(**changes: object) -> dict[str, Any]:
    good: dict[str, Any] = {
        "iss": "drawbridge", "aud": "drawbridge", "sub": str(UUID(int=1)), "role": "admin", "sid": str(UUID(int=2)),
        "ver": 1, "iat": int(NOW), "exp": int(NOW) + 60,
    }  # fmt: skip
    return {name: value for name, value in (good | changes).items() if value is not None}


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "other"}, {"aud": "other"}, {"sub": "me"}, {"sub": 5}, {"sid": "x"}, {"role": "root"}, {"ver": "x"},
        {"exp": "soon"}, {"exp": [1]}, {"ver": {}}, {"iss": None}, {"aud": None}, {"sub": None}, {"sid": None},
        {"role": None}, {"ver": None}, {"iat": None}, {"exp": None},
    ],
)  # fmt: skip
def test_token_is_refused_when_its_claims_are_wrong(
    keys: TokenKeys, tokens: AccessTokens, changes: dict[str, object]
) -> None:
    signer = keys.signer(NOW)
    assert not refused(tokens, forge(signer.private, {"kid": signer.kid}, payload()))
    assert refused(tokens, forge(signer.private, {"kid": signer.kid}, payload(**changes)))


def test_token_is_refused_when_its_header_is_not_exactly_ours(keys: TokenKeys, tokens: AccessTokens) -> None:
    signer = keys.signer(NOW)
    stranger = Ed25519PrivateKey.generate()
    for key, header in (
        (signer.private, {}),
        (signer.private, {"kid": "other"}),
        (signer.private, {"kid": signer.kid, "jku": "https://example.org/keys"}),
        (signer.private, {"kid": signer.kid, "typ": None}),
        (stranger, {"kid": signer.kid}),
    ):
        assert refused(tokens, forge(key, header, payload())), header
    assert refused(tokens, forge(None, {"kid": signer.kid}, payload(), "none"))
    assert refused(tokens, forge("s" * 64, {"kid": signer.kid}, payload(), "HS256"))


@pytest.mark.parametrize("token", ["", ".", "..", "a.b.c", "ä.ö.ü", "\x00", "e30.e30.", "x" * 4096])
def test_token_is_refused_when_it_is_none(tokens: AccessTokens, token: str) -> None:
    assert refused(tokens, token)


def test_token_is_refused_when_its_kid_is_no_text(tokens: AccessTokens) -> None:
    header = base64.urlsafe_b64encode(json.dumps({"alg": "EdDSA", "typ": "JWT", "kid": ["x"]}).encode()).decode()
    assert refused(tokens, f"{header.rstrip('=')}.e30.AAAA")
