"""Holds clients to their limits, and tells them where they stand.

A signed-in account has one quota, an address where nobody is signed in another; besides, an address as a whole has a
larger one, so that a clinic behind one address works, and sign-in attempts a smaller one (:mod:`gateway.web.limits`).
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from typing import Final, TypeVar

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from bridge.errors import Busy, Code
from gateway.settings import Limits
from gateway.web.context import CONTEXT, RequestContext
from gateway.web.limits import Decision, GcraLimiter, Quota, client_key, limit_field, policy_field

H = TypeVar("H", bound=Callable[..., object])

_ATTRIBUTE: Final = "counted_as"


class Counted(Enum):
    """Which quota a handler's requests are taken from."""

    REQUEST = auto()
    SIGN_IN = auto()
    CHAT = auto()
    """As a request; but the handler itself refuses, since an emergency is answered over the limit too."""
    ASSET = auto()
    """From the address's large quota alone: one page loads several."""


def counted(kind: Counted) -> Callable[[H], H]:
    """Declare which quota the requests of a handler are taken from; ``Counted.REQUEST`` where nothing is said."""

    def declare(handler: H) -> H:
        setattr(handler, _ATTRIBUTE, kind)
        return handler

    return declare


def limit_requests(limits: Limits) -> Middleware:
    """Refuse with ``rate_limited`` (429) what is over a limit; ``RateLimit`` on every response says what is left."""
    account = GcraLimiter(Quota("account", limits.account_per_minute), keys_max=limits.keys_max)
    address = GcraLimiter(Quota("address", limits.address_per_minute), keys_max=limits.keys_max)
    sign_in = GcraLimiter(Quota("sign-in", limits.sign_in_per_minute), keys_max=limits.keys_max)
    total = GcraLimiter(Quota("address-total", limits.address_total_per_minute), keys_max=limits.keys_max)
    policies = {limiter: policy_field((limiter.quota, total.quota)) for limiter in (account, address, sign_in)}
    policies[total] = policy_field((total.quota,))

    def decide(context: RequestContext, kind: Counted) -> tuple[GcraLimiter, list[Decision]]:
        now = context.started_at
        where = client_key(context.address)
        whole = total.check(where, now)
        if kind is Counted.ASSET:
            return total, [whole]
        if kind is Counted.SIGN_IN:
            return sign_in, [sign_in.check(where, now), whole]
        if context.principal is not None:
            return account, [account.check(context.principal.user_id, now), whole]
        return address, [address.check(where, now), whole]

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        context = request[CONTEXT]
        kind = getattr(request.match_info.handler, _ATTRIBUTE, Counted.REQUEST)
        limiter, decisions = decide(context, kind)
        context.response_headers["RateLimit-Policy"] = policies[limiter]
        context.response_headers["RateLimit"] = limit_field(decisions)
        wait_s = max(decision.retry_after_s for decision in decisions)
        if wait_s > 0:
            refusal = Busy(Code.RATE_LIMITED, retry_after_s=wait_s)
            if kind is not Counted.CHAT:
                raise refusal
            context.over_limit = refusal
        return await handler(request)

    return middleware
