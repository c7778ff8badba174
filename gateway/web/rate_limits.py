"""Holds clients to their limits, and tells them where they stand.

A signed-in account has one quota, an address where nobody is signed in another; besides, an address as a whole has a
larger one, so that a clinic behind one address works, and sign-in attempts a smaller one (:mod:`gateway.web.limits`).
``limits.routes`` gives single routes a quota of their own besides.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from typing import Final, TypeVar

from aiohttp import hdrs, web

from bridge.addresses import client_of
from bridge.errors import Busy, Code
from bridge.process.settings import SettingsError
from gateway.settings import Limits
from gateway.web.access_log import route_of
from gateway.web.context import RequestContext
from gateway.web.inputs import FORM
from gateway.web.limits import GcraLimiter, Quota, limit_item, policy_field
from gateway.web.pipeline import Middleware

H = TypeVar("H", bound=Callable[..., object])

_METHOD_COUNTED: Final = {hdrs.METH_HEAD: hdrs.METH_GET}
_ATTRIBUTE: Final = "counted_as"
_SHOWS_FORM: Final = "shows_form_again"


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


def shows_form_again(handler: H) -> H:
    """Declare that a handler gets a page's form over the limit too, to show it again with what was typed.

    :func:`gateway.web.calls.call` refuses it then, so that nothing goes over the bridge.
    """
    setattr(handler, _SHOWS_FORM, True)
    return handler


def check_routes(limits: Limits, app: web.Application) -> None:
    """Raise SettingsError where ``limits.routes`` names a route that ``app`` does not have."""
    known = {
        name
        for route in app.router.routes()
        if route.resource is not None
        for name in (route.resource.canonical, f"{route.method} {route.resource.canonical}")
    }
    if unknown := sorted(limits.routes.keys() - known):
        msg = f"limits.routes: there is no route {unknown[0]}; write it as `route` in the log does"
        raise SettingsError(msg)


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
        self._routes = {route: limiter("route", count) for route, count in limits.routes.items()}

    def enter(self, request: web.Request, context: RequestContext) -> None:
        kind = getattr(request.match_info.handler, _ATTRIBUTE, Counted.REQUEST)
        where = client_of(context.address, self._ipv6_prefix)
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
        if self._routes:
            wait_s = max(wait_s, self._wait_for_route(request, context, where))
        if wait_s > 0:
            refusal = Busy(Code.RATE_LIMITED, retry_after_s=wait_s)
            if kind is not Counted.CHAT and not _shows_form_again(request):
                raise refusal
            context.over_limit = refusal

    def _wait_for_route(self, request: web.Request, context: RequestContext, where: str) -> float:
        """Take a request from its route's own quota, where it has one; return how long it should have waited."""
        method, path = _METHOD_COUNTED.get(request.method, request.method), route_of(request)
        limiter = self._routes.get(f"{method} {path}", self._routes.get(path))
        if limiter is None:
            return 0.0
        client = where if context.principal is None else context.principal.user_id
        decision = limiter.check(client, context.started_at)
        headers = context.response_headers
        headers["RateLimit"] = f"{limit_item(decision)}, {headers['RateLimit']}"
        headers["RateLimit-Policy"] = f"{policy_field((limiter.quota,))}, {headers['RateLimit-Policy']}"
        return decision.retry_after_s

    def _client(self, context: RequestContext, kind: Counted, where: str) -> tuple[GcraLimiter, str]:
        if kind is Counted.SIGN_IN:
            return self._sign_in, where
        if context.principal is not None:
            return self._account, context.principal.user_id
        return self._address, where


def _shows_form_again(request: web.Request) -> bool:
    return request.content_type == FORM and getattr(request.match_info.handler, _SHOWS_FORM, False)
