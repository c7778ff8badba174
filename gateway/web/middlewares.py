"""What every request goes through, outermost first. The order is the meaning: each line says what it relies on."""

from __future__ import annotations

from gateway.settings import Limits, Web
from gateway.web.access_log import AccessLog
from gateway.web.client_address import ClientAddress
from gateway.web.cors import Cors
from gateway.web.csrf import Csrf
from gateway.web.pipeline import Middleware
from gateway.web.rate_limits import RateLimits
from gateway.web.response_headers import Drain, ResponseHeaders
from gateway.web.session import Session, Verifier
from gateway.web.spans import RequestSpans


def middlewares(
    web: Web,
    limits: Limits,
    *,
    verifier: Verifier,
    access_log: AccessLog,
    drain: Drain,
    guard: Middleware,
    spans: RequestSpans | None = None,
) -> tuple[Middleware, ...]:
    """Return the middlewares in their order. Around them all: a request's id and deadline, and errors as responses."""
    return (
        *(() if spans is None else (spans,)),
        access_log,  # the last to see the response, and how long it took
        ResponseHeaders(drain),  # on errors too
        Cors(web.cors_origins),  # before whatever refuses: a script of a listed origin may read why
        ClientAddress(web.trusted_hops),
        Session(verifier),
        guard,  # who is banned counts for no limit; who is signed in is not banned
        RateLimits(limits, web.client_ipv6_prefix),  # by account where there is one, else by address
        Csrf(web.cors_origins),  # after the limit: refusals are counted too
    )
