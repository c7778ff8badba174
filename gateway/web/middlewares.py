"""What every request goes through, outermost first. The order is the meaning: each line says what it relies on."""

from __future__ import annotations

from aiohttp.typedefs import Middleware

from bridge.process.clock import Clock
from gateway.settings import Limits, Web
from gateway.web.access_log import log_requests
from gateway.web.client_address import find_client_address
from gateway.web.cors import allow_origins
from gateway.web.csrf import refuse_cross_site_writes
from gateway.web.errors import answer_errors
from gateway.web.rate_limits import limit_requests
from gateway.web.response_headers import Drain, add_response_headers
from gateway.web.session import Verifier, find_principal
from gateway.web.tracing import trace_requests


def middlewares(web: Web, limits: Limits, *, verifier: Verifier, clock: Clock, drain: Drain) -> tuple[Middleware, ...]:
    """Return the middlewares of the application, in their order."""
    return (
        trace_requests(clock=clock, deadline_s=web.deadline_s),  # every line and answer below names the request
        log_requests(clock=clock),  # sees how the request ended, whoever ended it
        add_response_headers(drain),  # on errors too
        allow_origins(web.cors_origins),  # a script of a listed origin may read errors, hence before them
        answer_errors,  # what is raised below becomes a response
        find_client_address(trusted_hops=web.trusted_hops),
        find_principal(verifier),
        limit_requests(limits),  # by account where there is one, else by address
        refuse_cross_site_writes(web.cors_origins),  # after the limit: refusals are counted too
    )
