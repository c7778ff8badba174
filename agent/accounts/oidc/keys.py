"""A provider's public keys (JWK set, RFC 7517), as far as signatures of ID tokens can be verified with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from pydantic_core import from_json

KEYS_MAX: Final = 100
RSA_BITS: Final = range(2048, 8192 + 1)
"""RFC 7518, 3.3, and what is verified within milliseconds on a Pi."""

_KINDS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        **{f"{family}{bits}": ("RSA", "") for family in ("RS", "PS") for bits in (256, 384, 512)},
        "ES256": ("EC", "P-256"),
        "ES384": ("EC", "P-384"),
        "ES512": ("EC", "P-521"),
        "EdDSA": ("OKP", "Ed25519"),
    }
)
"""By algorithm (RFC 7518, 3.1; RFC 8037): the key's ``kty`` and ``crv``. No other is ever verified."""


class KeysRefused(ValueError):
    """This is no set of keys, or too large a one."""


@dataclass(frozen=True, slots=True)
class KeySet:
    """The keys as the provider lists them, but for those that are no public signature keys."""

    jwks: tuple[Mapping[str, Any], ...] = ()

    @classmethod
    def parse(cls, content: bytes) -> KeySet:
        """Return the keys of a JWK set. Raises :class:`KeysRefused`."""
        try:
            listed = from_json(content)["keys"]
        except (ValueError, KeyError, TypeError) as error:
            raise KeysRefused from error
        if not isinstance(listed, list) or len(listed) > KEYS_MAX:
            raise KeysRefused
        return cls(tuple(jwk for jwk in listed if isinstance(jwk, dict) and _is_for_signatures(jwk)))

    def find(self, kid: str | None, algorithm: str) -> jwt.PyJWK | None:
        """Return the one key that a token with this header is signed with; None where there is not exactly one.

        A token without a ``kid`` may be verified where just one key fits its algorithm (OpenID Connect Core, 10.1).
        """
        fitting = [jwk for jwk in self.jwks if _fits(jwk, algorithm) and (kid is None or kid == jwk.get("kid"))]
        return _loaded(fitting[0], algorithm) if len(fitting) == 1 else None


def _is_for_signatures(jwk: Mapping[str, Any]) -> bool:
    """Tell a public key to verify with from others. One whose private half is published is nobody's."""
    uses = jwk.get("key_ops", ["verify"])
    return jwk.get("use", "sig") == "sig" and isinstance(uses, list) and "verify" in uses and "d" not in jwk


def _fits(jwk: Mapping[str, Any], algorithm: str) -> bool:
    kind, curve = _KINDS[algorithm]
    return jwk.get("kty") == kind and jwk.get("crv", "") == curve and jwk.get("alg", algorithm) == algorithm


def _loaded(jwk: Mapping[str, Any], algorithm: str) -> jwt.PyJWK | None:
    try:
        key = jwt.PyJWK(dict(jwk), algorithm)
    except (jwt.PyJWTError, ValueError, TypeError, KeyError):
        return None
    if isinstance(key.key, RSAPublicKey) and key.key.key_size not in RSA_BITS:
        return None
    return key
