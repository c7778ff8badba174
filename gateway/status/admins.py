"""Who may see the owner's view: administrators, of whom the agent has the last word.

A token says what its account's role was when it was made, and its signature is good until it expires, revoked or not.
So each page is shown on the agent's own yes (``accounts.confirm_admin``). While the agent cannot be asked, its last
word counts: whom it had let in stays in for ``session.outage_grace_s``, since an outage is when the owner wants this
page most. A token that the agent never took is good for nothing then. (A door in wrong hands can show the page to
anybody: it holds what is in it.)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from aiohttp import web

from bridge.client.call import CallContext, Credentials
from bridge.contracts.accounts import CONFIRM_ADMIN
from bridge.contracts.operation import Nothing, Role
from bridge.errors import AppError, Busy, Code, Denied, Unavailable
from gateway.accounts.tokens import TokenVerifier
from gateway.web.calls import Bridge, call
from gateway.web.context import CONTEXT, Principal
from gateway.web.session import access_token

_ASK_S: Final = 2.0


class Admins:
    def __init__(self, *, bridge: Bridge, verifier: TokenVerifier) -> None:
        self._bridge = bridge
        self._verifier = verifier

    async def require(self, request: web.Request) -> Principal:
        """Return who asks, if they may. Raises Denied, or Unavailable while nobody can tell."""
        context = request[CONTEXT]
        principal = context.require_user()
        _require_role(principal)
        token = access_token(request)
        generation = self._verifier.generation
        try:
            await call(self._bridge, context, CONFIRM_ADMIN, Nothing())
        except (Unavailable, Busy):
            if not self._verifier.is_accepted(token):
                raise
            context.error_code = Code.UNREACHABLE.wire
        except Denied:
            self._verifier.forget(token)
            raise
        else:
            self._accept(token, generation)
        return principal

    async def still(self, request: web.Request, now: Callable[[], float]) -> bool:
        """Say whether who was let in may stay. The agent is asked only once the feed has put the session in doubt.

        ``now`` gives the event loop's time.
        """
        token = access_token(request)
        try:
            principal = self._verifier.verify(token)
            _require_role(principal)
            if self._verifier.is_accepted(token):
                return True
            generation = self._verifier.generation
            context = request[CONTEXT]
            await self._bridge.call(
                CONFIRM_ADMIN,
                Nothing(),
                credentials=Credentials(token, principal.scope),
                context=CallContext(context.request_id, context.traceparent, now() + _ASK_S),
            )
        except AppError:
            return False
        self._accept(token, generation)
        return True

    def _accept(self, token: str, generation: int) -> None:
        """Keep the agent's yes, unless something was revoked while it was on its way."""
        if self._verifier.generation == generation:
            self._verifier.accept(token)


def _require_role(principal: Principal) -> None:
    if principal.role is not Role.ADMIN:
        raise Denied(Code.FORBIDDEN)
