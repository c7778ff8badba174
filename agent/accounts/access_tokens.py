"""Access tokens: EdDSA JWTs (RFC 7519, 8037) that this agent alone can make, and verifies again on every call.

RFC 8725 practice: one fixed algorithm, a header of exactly ``alg``, ``kid`` and ``typ``, ``iss`` and ``aud`` checked,
and the key found by ``kid`` among our own, never taken from the token.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import jwt
from cachetools import LRUCache

from agent.accounts.token_keys import TokenKeys
from agent.settings import Tokens
from bridge.contracts.accounts import JWT_AUDIENCE, JWT_ISSUER
from bridge.contracts.operation import Role
from bridge.errors import Code, Denied

_ALGORITHM: Final = "EdDSA"
_CLAIMS: Final = ["iss", "aud", "sub", "role", "sid", "ver", "iat", "exp"]
_HEADER: Final = {"alg", "kid", "typ"}


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says. ``expires_at`` is Unix seconds."""

    user_id: UUID
    session_id: UUID
    role: Role
    token_version: int
    expires_at: float


class AccessTokens:
    def __init__(self, keys: TokenKeys, settings: Tokens) -> None:
        self._keys = keys
        self._settings = settings
        self._verified: LRUCache[str, tuple[str, Claims]] = LRUCache(settings.remembered_max)  # kid and claims

    def issue(self, claims: Claims, *, email: str, now: float) -> str:
        """Return a token with these claims."""
        key = self._keys.signer(now)
        payload = {
            "iss": JWT_ISSUER,
            "aud": JWT_AUDIENCE,
            "sub": str(claims.user_id),
            "email": email,
            "role": claims.role.value,
            "sid": str(claims.session_id),
            "ver": claims.token_version,
            "iat": int(now),
            "exp": int(claims.expires_at),
        }
        return jwt.encode(payload, key.private, algorithm=_ALGORITHM, headers={"kid": key.kid})

    def verify(self, token: str, *, now: float) -> Claims:
        """Return what a token of ours says. Raises Denied (``unauthenticated``), for whatever reason.

        A verified token is remembered until it expires or its key is removed: verification takes 80 µs, looking it up
        less than one. Whether its account and session still stand is not asked here.
        """
        known = self._verified.get(token)
        if known is None or self._keys.find(known[0]) is None:
            known = self._open(token)
            if known[1].expires_at > now:
                self._verified[token] = known
        claims = known[1]
        if claims.expires_at <= now:
            self._verified.pop(token, None)
            raise Denied(Code.UNAUTHENTICATED)
        return claims

    def _open(self, token: str) -> tuple[str, Claims]:
        try:
            header = jwt.get_unverified_header(token)
            if set(header) != _HEADER or (key := self._keys.find(header["kid"])) is None:
                raise Denied(Code.UNAUTHENTICATED)
            payload: dict[str, Any] = jwt.decode(
                token,
                key.public,
                algorithms=[_ALGORITHM],
                issuer=JWT_ISSUER,
                audience=JWT_AUDIENCE,
                # Times are ours to judge, by the clock that the agent was given.
                options={"require": _CLAIMS, "verify_exp": False, "verify_iat": False, "verify_nbf": False},
            )
            claims = Claims(
                user_id=UUID(payload["sub"]),
                session_id=UUID(payload["sid"]),
                role=Role(payload["role"]),
                token_version=int(payload["ver"]),
                expires_at=float(payload["exp"]),
            )
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise Denied(Code.UNAUTHENTICATED) from error
        return key.kid, claims
