"""What an ID token has to be, and whom it names (OpenID Connect Core, 3.1.3.7; RFC 8725).

The algorithm is one of ours, never what the token would like; the key is one of the provider's own list, never one that
the token brings or points at. Times are judged by the clock that the agent was given.
https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation
"""

from __future__ import annotations

import hmac
import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import jwt

from agent.accounts.oidc.flow import LIFETIME_S
from agent.accounts.oidc.keys import KeySet

TOKEN_MAX: Final = 16 * 1024
_SUBJECT_MAX: Final = 255
_CLAIMS: Final = ["iss", "sub", "aud", "exp", "iat"]


class Flaw(StrEnum):
    """Why an ID token is refused, for the log."""

    MALFORMED = "malformed"
    ALGORITHM = "algorithm"
    UNKNOWN_KEY = "unknown_key"
    SIGNATURE = "signature"
    ISSUER = "issuer"
    AUDIENCE = "audience"
    NO_ID_TOKEN = "no_id_token"  # noqa: S105 - no secret
    NONCE = "nonce"
    TIME = "time"
    SUBJECT = "subject"


class IDTokenRefused(ValueError):
    def __init__(self, flaw: Flaw) -> None:
        super().__init__(flaw.value)
        self.flaw = flaw


@dataclass(frozen=True, slots=True)
class Expected:
    """Whose tokens, for whom. ``leeway_s``: how far the provider's clock may be from ours, seconds."""

    issuer: str
    client_id: str
    algorithms: frozenset[str]
    leeway_s: float


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom a token names. ``email`` is "" unless the provider says that it verified the address."""

    issuer: str
    subject: str
    email: str
    name: str


def verify(token: str, keys: KeySet, expected: Expected, *, nonce: str, now: float) -> Identity:
    """Return whom ``token`` names. ``now`` is Unix seconds. Raises :class:`IDTokenRefused`."""
    claims = _signed(token, keys, expected)
    _check_kind(claims)
    _check_audience(claims, expected)
    if not _same(claims.get("nonce"), nonce):
        raise IDTokenRefused(Flaw.NONCE)
    _check_times(claims, now=now, leeway_s=expected.leeway_s)
    subject = claims["sub"]
    if not subject or len(subject) > _SUBJECT_MAX or "\0" in subject:
        raise IDTokenRefused(Flaw.SUBJECT)
    # Cognito says it as text: https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-attributes.html
    is_verified = claims.get("email_verified") is True or claims.get("email_verified") == "true"
    return Identity(
        issuer=expected.issuer,
        subject=subject,
        email=_text(claims, "email") if is_verified else "",
        name=_text(claims, "name"),
    )


def _signed(token: str, keys: KeySet, expected: Expected) -> Mapping[str, Any]:
    """Return the claims, once signature, issuer and the types of what is required are right."""
    if len(token) > TOKEN_MAX:
        raise IDTokenRefused(Flaw.MALFORMED)
    try:
        key = _key_of(jwt.get_unverified_header(token), keys, expected)
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[key.algorithm_name],
            issuer=expected.issuer,
            audience=expected.client_id,
            options={"require": _CLAIMS, "verify_exp": False, "verify_iat": False, "verify_nbf": False},
        )
    except jwt.InvalidSignatureError:
        raise IDTokenRefused(Flaw.SIGNATURE) from None
    except jwt.InvalidIssuerError:
        raise IDTokenRefused(Flaw.ISSUER) from None
    except jwt.InvalidAudienceError:
        raise IDTokenRefused(Flaw.AUDIENCE) from None
    except IDTokenRefused:
        raise
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):  # the last: JSON that nests without end
        raise IDTokenRefused(Flaw.MALFORMED) from None
    return claims


def _key_of(header: Mapping[str, Any], keys: KeySet, expected: Expected) -> jwt.PyJWK:
    """Return the key that is to be verified with, for what the header says of itself is but a claim."""
    # "at+jwt" is an access token's (RFC 9068)
    if str(header.get("typ", "JWT")).upper() != "JWT" or "crit" in header:
        raise IDTokenRefused(Flaw.NO_ID_TOKEN)
    algorithm = header.get("alg")
    if algorithm not in expected.algorithms:
        raise IDTokenRefused(Flaw.ALGORITHM)
    if (key := keys.find(header.get("kid"), algorithm)) is None:
        raise IDTokenRefused(Flaw.UNKNOWN_KEY)
    return key


def _check_kind(claims: Mapping[str, Any]) -> None:
    """Tell an ID token from Cognito's access token, which has the same issuer and key."""
    if claims.get("token_use", "id") != "id":
        raise IDTokenRefused(Flaw.NO_ID_TOKEN)


def _check_audience(claims: Mapping[str, Any], expected: Expected) -> None:
    """Have a token that is for others too name us as who asked for it."""
    is_ours_alone = claims["aud"] in (expected.client_id, [expected.client_id])
    if claims.get("azp", expected.client_id if is_ours_alone else None) != expected.client_id:
        raise IDTokenRefused(Flaw.AUDIENCE)


def _check_times(claims: Mapping[str, Any], *, now: float, leeway_s: float) -> None:
    expires_at, issued_at = _time(claims["exp"]), _time(claims["iat"])
    begins_at = _time(claims.get("nbf", issued_at))
    is_now = max(issued_at, begins_at) - leeway_s <= now < expires_at + leeway_s
    if not is_now or now > issued_at + LIFETIME_S + leeway_s:  # older than the sign-in that it is for
        raise IDTokenRefused(Flaw.TIME)


def _time(value: object) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise IDTokenRefused(Flaw.MALFORMED)
    return value


def _same(given: object, wanted: str) -> bool:
    return isinstance(given, str) and hmac.compare_digest(given.encode("utf-8", "surrogatepass"), wanted.encode())


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    return value.strip() if isinstance(value, str) else ""
