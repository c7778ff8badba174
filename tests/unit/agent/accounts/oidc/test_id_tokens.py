"""What an ID token has to be; each refusal for its own reason, with everything else right."""

from __future__ import annotations

import base64
import hmac
import json

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from agent.accounts.oidc.id_tokens import TOKEN_MAX, Flaw, Identity, IDTokenRefused, verify
from agent.accounts.oidc.keys import KeySet
from tests.oidc_tokens import (
    CLIENT,
    EXPECTED,
    ISSUER,
    NONCE,
    NOW,
    Key,
    claims,
    cognito_access_claims,
    cognito_claims,
    encoded,
    jwks,
    rsa_key,
)

KEY = Key("k-1")
KEYS = KeySet.parse(jwks(KEY))
ANN = Identity(ISSUER, "s-1", "ann@example.org", "Ann")


def verified(token: str, keys: KeySet = KEYS) -> Identity:
    return verify(token, keys, EXPECTED, nonce=NONCE, now=NOW)


def flaw_of(token: str) -> Flaw:
    with pytest.raises(IDTokenRefused) as refused:
        verified(token)
    return refused.value.flaw


def test_token_names_its_person_when_all_is_right() -> None:
    assert verified(KEY.sign(claims())) == ANN


def test_token_is_taken_when_it_is_signed_with_an_elliptic_key() -> None:
    key = Key("k-2", "ES256", ec.generate_private_key(ec.SECP256R1()))
    assert verified(key.sign(claims()), keys=KeySet.parse(jwks(KEY, key))) == ANN


@pytest.mark.parametrize("verdict", [True, "true"])
def test_token_is_taken_when_it_has_cognitos_shape(verdict: object) -> None:
    identity = verified(KEY.sign(cognito_claims(email_verified=verdict)))
    assert identity == Identity(ISSUER, "s-1", "ann@example.org", "")


@pytest.mark.parametrize("verdict", [None, False, "false", "True", 1, "1", ["true"]])
def test_address_is_not_believed_when_the_provider_does_not_vouch_for_it(verdict: object) -> None:
    assert verified(KEY.sign(claims(email_verified=verdict))).email == ""


@pytest.mark.parametrize("email", [None, 7, ["ann@example.org"]])
def test_address_is_none_when_it_is_no_text(email: object) -> None:
    assert verified(KEY.sign(claims(email=email))).email == ""


def test_access_token_is_refused_when_it_is_cognitos() -> None:
    assert flaw_of(KEY.sign(cognito_access_claims())) is Flaw.MALFORMED  # it has no aud
    dressed_up = cognito_access_claims(aud=CLIENT, nonce=NONCE, email="ann@example.org", email_verified=True)
    assert flaw_of(KEY.sign(dressed_up)) is Flaw.NO_ID_TOKEN


@pytest.mark.parametrize("header", [{"typ": "at+jwt"}, {"typ": 7}, {"crit": ["b64"], "b64": True}])
def test_token_is_refused_when_its_header_says_that_it_is_something_else(header: dict[str, object]) -> None:
    _, body, signature = KEY.sign(claims()).split(".")
    assert flaw_of(f"{encoded({'alg': 'RS256', 'kid': 'k-1', **header})}.{body}.{signature}") is Flaw.NO_ID_TOKEN


@pytest.mark.parametrize("algorithm", ["none", "None", "", None, "HS256", "RS512", ["RS256"]])
def test_token_is_refused_when_its_algorithm_is_none_of_ours(algorithm: object) -> None:
    head = encoded({"alg": algorithm, "typ": "JWT", "kid": "k-1"})
    unsigned = f"{head}.{encoded(claims())}."
    assert flaw_of(unsigned) in {Flaw.ALGORITHM, Flaw.MALFORMED}


def test_token_is_refused_when_the_public_key_is_taken_for_an_hmac_secret() -> None:
    signed = f"{encoded({'alg': 'HS256', 'typ': 'JWT', 'kid': 'k-1'})}.{encoded(claims())}"
    for secret in (KEY.pem, KEY.pem.strip(), json.dumps(KEY.jwk).encode()):
        mac = base64.urlsafe_b64encode(hmac.digest(secret, signed.encode(), "sha256")).rstrip(b"=").decode()
        assert flaw_of(f"{signed}.{mac}") is Flaw.ALGORITHM


def test_token_is_refused_when_its_key_is_unknown() -> None:
    assert flaw_of(Key("k-9").sign(claims())) is Flaw.UNKNOWN_KEY


def test_token_is_refused_when_another_key_signed_it_under_a_known_name() -> None:
    assert flaw_of(Key("k-1", private=rsa_key("somebody's")).sign(claims())) is Flaw.SIGNATURE


def test_token_is_refused_when_it_brings_its_own_key() -> None:
    own = Key("k-1", private=rsa_key("somebody's"))
    assert flaw_of(own.sign(claims(), jwk=own.jwk, jku="https://evil.example.org/keys")) is Flaw.SIGNATURE


def test_token_is_refused_when_any_claim_was_altered() -> None:
    head, _, signature = KEY.sign(claims()).split(".")
    assert flaw_of(f"{head}.{encoded(claims(sub='s-2'))}.{signature}") is Flaw.SIGNATURE


@pytest.mark.parametrize(
    "issuer", [ISSUER + "/", "https://login.example.org", "https://evil.example.org/pool", 7, [ISSUER]]
)
def test_token_is_refused_when_another_issued_it(issuer: object) -> None:
    assert flaw_of(KEY.sign(claims(iss="x") | {"iss": issuer}) if isinstance(issuer, str) else _raw(iss=issuer)) in {
        Flaw.ISSUER, Flaw.MALFORMED
    }  # fmt: skip


@pytest.mark.parametrize("audience", ["another", ["another"], [], "", "drawbridg", {"drawbridge": 1}])
def test_token_is_refused_when_it_is_for_another(audience: object) -> None:
    assert flaw_of(KEY.sign(claims(aud=audience))) in {Flaw.AUDIENCE, Flaw.MALFORMED}


@pytest.mark.parametrize(
    ("audience", "party", "is_taken"),
    [
        (CLIENT, None, True),
        ([CLIENT], None, True),
        (CLIENT, CLIENT, True),
        ([CLIENT, "another"], CLIENT, True),
        ([CLIENT, "another"], None, False),
        ([CLIENT, "another"], "another", False),
        (CLIENT, "another", False),
        (CLIENT, [CLIENT], False),
    ],
)
def test_token_says_that_we_asked_for_it_when_others_did_too(audience: object, party: object, is_taken: bool) -> None:
    token = KEY.sign(claims(aud=audience, azp=party))
    if is_taken:
        assert verified(token) == ANN
    else:
        assert flaw_of(token) is Flaw.AUDIENCE


@pytest.mark.parametrize("nonce", [None, "", NONCE + "x", NONCE.upper(), 7, [NONCE], "\ud800"])
def test_token_is_refused_when_it_is_of_another_sign_in(nonce: object) -> None:
    assert flaw_of(KEY.sign(claims(nonce=nonce))) is Flaw.NONCE


@pytest.mark.parametrize(
    ("times", "flaw"),
    [
        ({"exp": NOW - 29}, None),
        ({"exp": NOW - 30}, Flaw.TIME),
        ({"iat": NOW + 30}, None),
        ({"iat": NOW + 31}, Flaw.TIME),
        ({"iat": NOW - 630}, None),
        ({"iat": NOW - 631}, Flaw.TIME),
        ({"nbf": NOW + 30}, None),
        ({"nbf": NOW + 31}, Flaw.TIME),
        ({"exp": None}, Flaw.MALFORMED),
        ({"iat": None}, Flaw.MALFORMED),
        ({"exp": "1780000300"}, Flaw.MALFORMED),
        ({"exp": True}, Flaw.MALFORMED),
        ({"exp": float("inf")}, Flaw.MALFORMED),
        ({"iat": float("nan")}, Flaw.MALFORMED),
        ({"nbf": "now"}, Flaw.MALFORMED),
    ],
)
def test_token_is_good_when_it_is_of_now(times: dict[str, object], flaw: Flaw | None) -> None:
    token = KEY.sign(claims(**times))
    if flaw is None:
        assert verified(token) == ANN
    else:
        assert flaw_of(token) is flaw


@pytest.mark.parametrize("subject", ["", "s" * 256, "s\0", 7, None])
def test_token_is_refused_when_it_names_nobody(subject: object) -> None:
    token = _raw(sub=subject) if not isinstance(subject, str) else KEY.sign(claims(sub=subject))
    assert flaw_of(token) in {Flaw.SUBJECT, Flaw.MALFORMED}


@pytest.mark.parametrize(
    "token",
    ["", ".", "..", "a.b.c", "x" * (TOKEN_MAX + 1), f"{encoded(['alg'])}.{encoded({})}.x", "é.é.é",
     f"{base64.urlsafe_b64encode(b'[' * 9000).decode()}.e30.x"],
)  # fmt: skip
def test_what_is_no_token_is_refused(token: str) -> None:
    assert flaw_of(token) is Flaw.MALFORMED


def test_token_is_refused_when_its_claims_nest_without_end() -> None:
    head = encoded({"alg": "RS256", "kid": "k-1"})
    body = base64.urlsafe_b64encode(b"[" * 9000).rstrip(b"=").decode()
    signature = KEY.sign({}).rpartition(".")[2]
    assert flaw_of(f"{head}.{body}.{signature}") is Flaw.SIGNATURE  # nothing is read before the signature is right


def _raw(**others: object) -> str:
    """Return a signed token with claims that PyJWT does not want to write."""
    content = json.dumps(claims() | others).encode()
    return jwt.PyJWS().encode(content, KEY.private, algorithm="RS256", headers={"kid": "k-1"})
