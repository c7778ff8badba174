"""Keys of a provider that is not there, and ID tokens signed with them; also ones as Cognito's user pools make them."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from agent.accounts.oidc.id_tokens import Expected

ISSUER: Final = "https://login.example.org/pool"
CLIENT: Final = "drawbridge"
NONCE: Final = "n-0S6_WzA2Mj"
NOW: Final = 1_780_000_000.0
EXPECTED: Final = Expected(ISSUER, CLIENT, frozenset({"RS256", "ES256"}), leeway_s=30)

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@cache
def rsa_key(name: str, bits: int = 2048) -> rsa.RSAPrivateKey:
    """Return a key that is the same for the same name: making one takes long."""
    assert name
    return rsa.generate_private_key(65537, bits)


@dataclass(frozen=True)
class Key:
    """A signing key of the provider."""

    kid: str
    algorithm: str = "RS256"
    private: PrivateKey = field(default_factory=lambda: rsa_key("the provider's"))

    @property
    def jwk(self) -> dict[str, Any]:
        public: Any = self.private.public_key()
        made: dict[str, Any] = jwt.get_algorithm_by_name(self.algorithm).to_jwk(public, as_dict=True)
        return {name: value for name, value in made.items() if name != "key_ops"} | {
            "kid": self.kid, "use": "sig", "alg": self.algorithm
        }  # fmt: skip

    @property
    def pem(self) -> bytes:
        """The public key as text, which a verifier must never take for an HMAC secret."""
        return self.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def sign(self, claims: dict[str, Any], **header: object) -> str:
        return jwt.encode(claims, self.private, algorithm=self.algorithm, headers={"kid": self.kid, **header})


def jwks(*keys: Key) -> bytes:
    return json.dumps({"keys": [key.jwk for key in keys]}).encode()


def claims(**others: object) -> dict[str, Any]:
    """Return the claims of a good token; ``None`` takes one out."""
    usual: dict[str, object] = {
        "iss": ISSUER, "sub": "s-1", "aud": CLIENT, "exp": int(NOW) + 300, "iat": int(NOW), "nonce": NONCE,
        "email": "ann@example.org", "email_verified": True, "name": "Ann",
    }  # fmt: skip
    return {name: value for name, value in (usual | others).items() if value is not None}


def cognito_claims(**others: object) -> dict[str, Any]:
    """Return the claims of an ID token as AWS documents those of a user pool.

    https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-id-token.html
    """
    own: dict[str, object] = {
        "at_hash": base64.urlsafe_b64encode(hashlib.sha256(b"access").digest()[:16]).rstrip(b"=").decode(),
        "cognito:groups": ["test-group-a"], "cognito:username": "janedoe",
        "event_id": "64f513be-32db-42b0-b78e-b02127b4f463",
        "origin_jti": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "jti": "aaaaaaaa-bbbb-cccc-dddd-ffffffffffff",
        "token_use": "id", "auth_time": int(NOW) - 5, "name": None,
    }  # fmt: skip
    return claims(**(own | others))


def cognito_access_claims(**others: object) -> dict[str, Any]:
    """Return those of its access token, which the same key signs: ``client_id`` and no ``aud``."""
    own: dict[str, object] = {
        "aud": None, "nonce": None, "email": None, "email_verified": None, "name": None, "client_id": CLIENT,
        "token_use": "access", "scope": "openid email", "username": "janedoe", "version": 2,
    }  # fmt: skip
    return claims(**(own | others))


def encoded(part: object) -> str:
    """Return one part of a token that PyJWT would not make."""
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
