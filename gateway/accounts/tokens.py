"""Turning bad access tokens away early, with the agent's public keys. The agent verifies each again, and decides.

A token is an EdDSA JWT (RFC 7519, RFC 8037). An Ed25519 verification takes 79 µs, so a verified token is remembered,
by its hash, until it expires or the feed says that its account or session changed.

While the agent is out of reach nobody can say what was revoked: only tokens verified before are good then, and only
for ``outage_grace_s`` seconds. After an outage everything remembered is forgotten.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Annotated, Final, Literal, Protocol
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from jwt.utils import base64url_decode
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bridge.contracts.accounts import JWT_AUDIENCE, JWT_ISSUER
from bridge.contracts.operation import Role
from bridge.contracts.system import FeedEvent, PublicKey
from bridge.errors import Code, Denied, Unavailable
from bridge.process.clock import Clock
from gateway.web.context import Principal

LEEWAY_S: Final = 30.0
"""How far the two machines' clocks may be apart before an expired token is known to be one."""

_TOKEN_MAX: Final = 2_048
_RETRY_AFTER_S: Final = 1.0


class FeedState(Protocol):
    """What :class:`bridge.client.feed.Feed` tells about itself."""

    @property
    def lost_at(self) -> float | None:
        """Since when (monotonic seconds) the agent has been out of reach; None while it is not."""


class _Header(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    alg: Literal["EdDSA"]
    typ: Literal["JWT"]
    kid: str


class _Claims(BaseModel):
    """The claims that matter here, beside issuer and audience, which are compared as the token is decoded."""

    model_config = ConfigDict(frozen=True)
    sub: UUID
    sid: UUID
    role: Role
    ver: Annotated[int, Field(ge=0)]
    exp: float


@dataclass(frozen=True, slots=True)
class _Verified:
    principal: Principal
    expires_at: float
    is_accepted: bool = False
    """Whether the agent itself gave or took the token, after the last time that it might have been revoked."""


class TokenVerifier:
    """Tells whose an access token is. Hears of keys and revocations as a listener of the feed.

    ``agent_time`` gives the agent's Unix time, seconds.
    """

    def __init__(
        self, *, clock: Clock, agent_time: Callable[[], float], outage_grace_s: float, remembered_max: int
    ) -> None:
        self._clock = clock
        self._agent_time = agent_time
        self._outage_grace_s = outage_grace_s
        self._feed: FeedState | None = None
        self._keys: dict[str, Ed25519PublicKey] = {}
        self._remembered_max = remembered_max
        self._verified: dict[bytes, _Verified] = {}
        self.generation = 0
        """Grows with everything that may have revoked a token. What the agent said before says nothing after."""

    def follow(self, feed: FeedState) -> None:
        """Take ``feed`` for the one that tells whether the agent can be heard."""
        self._feed = feed

    def verify(self, token: str) -> Principal:
        """Return who ``token`` was made for.

        Raises Denied (``unauthenticated``: not one of ours; ``session_ended``: expired), or Unavailable while nobody
        can say whether it still stands.
        """
        digest = _digest(token)
        known = self._verified.get(digest)
        verified = known or self._open(token)
        if verified.expires_at + LEEWAY_S <= self._agent_time():
            self._verified.pop(digest, None)
            raise Denied(Code.SESSION_ENDED)
        if not self._can_vouch(was_known=known is not None):
            raise Unavailable(
                Code.UNREACHABLE, "Your session cannot be checked at the moment", retry_after_s=_RETRY_AFTER_S
            )
        if known is None:
            self._remember(digest, verified)
        return verified.principal

    def accept(self, token: str) -> Principal:
        """Note that the agent has just given or taken ``token``. Raises as :meth:`verify`."""
        principal = self.verify(token)
        digest = _digest(token)
        self._verified[digest] = replace(self._verified[digest], is_accepted=True)
        return principal

    def is_accepted(self, token: str) -> bool:
        """Say whether the agent gave or took ``token``, and nothing that the feed brought has put that in doubt.

        More than that it verifies: a revoked token has a good signature until it expires.
        """
        known = self._verified.get(_digest(token))
        return known is not None and known.is_accepted

    def forget(self, token: str) -> None:
        """Remember ``token`` no longer: it was signed out, or the agent refused it."""
        self._verified.pop(_digest(token), None)

    # what the feed says

    def on_feed_event(self, event: FeedEvent) -> None:
        if event.kind in {"hello", "keys_changed"}:
            self._keys = dict(_public_keys(event.keys))
            self._verified.clear()
            self.generation += 1
        elif event.kind == "users_changed":
            self.generation += 1
            users, sessions = frozenset(event.users), frozenset(event.sessions)
            for digest, verified in tuple(self._verified.items()):
                if verified.principal.user_id in users or verified.principal.session_id in sessions:
                    del self._verified[digest]

    def on_feed_gap(self) -> None:
        self.generation += 1
        self._verified.clear()

    def _remember(self, digest: bytes, verified: _Verified) -> None:
        if len(self._verified) >= self._remembered_max:
            del self._verified[next(iter(self._verified))]  # the one verified longest ago; it only costs another look
        self._verified[digest] = verified

    def _can_vouch(self, *, was_known: bool) -> bool:
        lost_at = self._feed.lost_at if self._feed is not None else None
        return lost_at is None or (was_known and self._clock.monotonic() - lost_at <= self._outage_grace_s)

    def _open(self, token: str) -> _Verified:
        if not self._keys:
            raise Unavailable(
                Code.UNREACHABLE, "Your session cannot be checked at the moment", retry_after_s=_RETRY_AFTER_S
            )
        if len(token) > _TOKEN_MAX:
            raise Denied(Code.UNAUTHENTICATED)
        try:
            header = _Header.model_validate(jwt.get_unverified_header(token))
            key = self._keys.get(header.kid)
            if key is None:
                raise Denied(Code.UNAUTHENTICATED)
            payload = jwt.decode_complete(
                token,
                key,
                algorithms=["EdDSA"],
                issuer=JWT_ISSUER,
                audience=JWT_AUDIENCE,
                options={"verify_exp": False, "verify_iat": False, "verify_nbf": False},
            )["payload"]
            claims = _Claims.model_validate(payload)
        except (jwt.PyJWTError, ValidationError, UnicodeError):
            raise Denied(Code.UNAUTHENTICATED) from None
        scope = f"{claims.sub}.{claims.sid}.{claims.ver}"
        return _Verified(Principal(str(claims.sub), str(claims.sid), claims.role, scope), claims.exp)


def session_in(token: str) -> str:
    """Return the session that a token says it is of, whoever made it and whenever it ended; "" where it is no token."""
    try:
        return str(jwt.decode(token, options={"verify_signature": False})["sid"])
    except (jwt.PyJWTError, KeyError, UnicodeError):
        return ""


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


def _public_keys(keys: Iterable[PublicKey]) -> Iterable[tuple[str, Ed25519PublicKey]]:
    for key in keys:
        yield key.kid, Ed25519PublicKey.from_public_bytes(base64url_decode(key.x))
