"""From an access token to the caller: verified, and still standing."""

from __future__ import annotations

from agent.accounts.access_tokens import AccessTokens
from agent.accounts.directory import Directory
from bridge.errors import Code, Denied
from bridge.process.clock import Clock
from bridge.server import UserCaller


class Authentication:
    def __init__(self, tokens: AccessTokens, directory: Directory, clock: Clock) -> None:
        self._tokens = tokens
        self._directory = directory
        self._clock = clock

    async def authenticate(self, token: str) -> UserCaller:
        """Return whose token it is.

        Raises Denied: ``unauthenticated`` when it is not a good token, ``session_ended`` when it was one; Unavailable
        while that cannot be known.
        """
        claims = self._tokens.verify(token, now=self._clock.time())
        standing = await self._directory.standing(claims.user_id, version=claims.token_version)
        if standing is None or not standing.is_active or standing.token_version != claims.token_version:
            raise Denied(Code.SESSION_ENDED)
        if await self._directory.has_ended(claims.session_id):
            raise Denied(Code.SESSION_ENDED)
        return UserCaller(claims.user_id, claims.session_id, standing.role, claims.token_version)
