"""Which of a provider's keys are used, and for what."""

from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from agent.accounts.oidc.keys import KEYS_MAX, KeySet, KeysRefused
from tests.oidc_tokens import Key, jwks, rsa_key

KEY = Key("k-1")
CURVED = Key("k-2", "ES256", ec.generate_private_key(ec.SECP256R1()))


def keys_of(*listed: object) -> KeySet:
    return KeySet.parse(json.dumps({"keys": listed}).encode())


def test_key_is_found_when_name_and_algorithm_are_its_own() -> None:
    keys = KeySet.parse(jwks(KEY, CURVED))
    assert [keys.find(kid, algorithm) is not None for kid, algorithm in (("k-1", "RS256"), ("k-2", "ES256"))] == [
        True
    ] * 2
    assert [keys.find(kid, algorithm) for kid, algorithm in (("k-2", "RS256"), ("k-1", "ES256"), ("k-3", "RS256"))] == [
        None
    ] * 3


def test_key_is_found_without_a_name_when_it_is_the_only_one_of_its_kind() -> None:
    assert KeySet.parse(jwks(KEY, CURVED)).find(None, "RS256") is not None
    assert KeySet.parse(jwks(KEY, Key("k-3"))).find(None, "RS256") is None


def test_key_is_not_used_when_two_have_its_name() -> None:
    assert KeySet.parse(jwks(KEY, Key("k-1", private=rsa_key("somebody's")))).find("k-1", "RS256") is None


@pytest.mark.parametrize(
    "other",
    [
        {"use": "enc"}, {"key_ops": ["encrypt"]}, {"key_ops": 7}, {"alg": "RS512"}, {"alg": "HS256"}, {"kty": "oct"},
        {"kty": None}, {"d": "AQAB"}, {"n": "!"}, {"n": 7}, {"e": None}, {"kid": {"a": 1}},
    ],
)  # fmt: skip
def test_key_is_not_used_when_it_is_for_something_else(other: dict[str, object]) -> None:
    assert keys_of(KEY.jwk | other).find("k-1", "RS256") is None


def test_key_is_used_when_it_says_no_more_than_it_must() -> None:
    least = {name: value for name, value in KEY.jwk.items() if name in {"kty", "n", "e"}}
    assert keys_of(least, "no key").find(None, "RS256") is not None
    assert keys_of(KEY.jwk | {"key_ops": ["verify"]}).find("k-1", "RS256") is not None


def test_key_is_not_used_when_it_is_short_enough_to_be_broken() -> None:
    assert KeySet.parse(jwks(Key("k-1", private=rsa_key("a short one", 1024)))).find("k-1", "RS256") is None


def test_key_is_not_used_when_its_curve_is_another() -> None:
    other = Key("k-2", "ES384", ec.generate_private_key(ec.SECP384R1()))
    assert keys_of(other.jwk | {"alg": "ES256"}).find("k-2", "ES256") is None


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"[]", b'{"keys": {}}', b'{"keys": null}', b"\xff", b"[" * 100_000,
     json.dumps({"keys": [{}] * (KEYS_MAX + 1)}).encode()],
)  # fmt: skip
def test_what_is_no_set_of_keys_is_refused(content: bytes) -> None:
    with pytest.raises(KeysRefused):
        KeySet.parse(content)
