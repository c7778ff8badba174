"""Holds clients to their limits, and tells them where they stand.

A signed-in account has one quota, an address where nobody is signed in another; besides, an address as a whole has a
larger one, so that a clinic behind one address works, and sign-in attempts a smaller one (:mod:`gateway.web.limits`).
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from typing import Final, TypeVar

from aiohttp import web

from bridge.errors import Busy, Code
from gateway.settings import Limits
from gateway.web.context import RequestContext
from gateway.web.limits import GcraLimiter, Quota, client_key, limit_item, policy_field
from gateway.web.pipeline import Middleware

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


class RateLimits(Middleware):
    """Refuses with ``rate_limited`` (429) what is over a limit; ``RateLimit`` on every response says what is left."""

    def __init__(self, limits: Limits, ipv6_prefix: int) -> None:
        def limiter(name: str, count: int) -> GcraLimiter:
            return GcraLimiter(Quota(name, count), keys_max=limits.keys_max)

        self._ipv6_prefix = ipv6_prefix
        self._account = limiter("account", limits.account_per_minute)
        self._address = limiter("address", limits.address_per_minute)
        self._sign_in = limiter("sign-in", limits.sign_in_per_minute)
        self._total = total = limiter("address-total", limits.address_total_per_minute)
        self._policies = {
            each: policy_field((each.quota, total.quota)) for each in (self._account, self._address, self._sign_in)
        } | {total: policy_field((total.quota,))}

    def enter(self, request: web.Request, context: RequestContext) -> None:
        kind = getattr(request.match_info.handler, _ATTRIBUTE, Counted.REQUEST)
        where = client_key(context.address, self._ipv6_prefix)
        now = context.started_at
        total = self._total.check(where, now)
        headers = context.response_headers
        if kind is Counted.ASSET:
            limiter, wait_s = self._total, total.retry_after_s
            headers["RateLimit"] = limit_item(total)
        else:
            limiter, key = self._client(context, kind, where)
            own = limiter.check(key, now)
            wait_s = max(own.retry_after_s, total.retry_after_s)
            headers["RateLimit"] = f"{limit_item(own)}, {limit_item(total)}"
        headers["RateLimit-Policy"] = self._policies[limiter]
        if wait_s > 0:
            refusal = Busy(Code.RATE_LIMITED, retry_after_s=wait_s)
            if kind is not Counted.CHAT:
                raise refusal
            context.over_limit = refusal

    def _client(self, context: RequestContext, kind: Counted, where: str) -> tuple[GcraLimiter, str]:
        if kind is Counted.SIGN_IN:
            return self._sign_in, where
        if context.principal is not None:
            return self._account, context.principal.user_id
        return self._address, where
