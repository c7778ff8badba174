"""One log line and one observation a request. No path, no query, no body: they may hold health text.

The line looks like every other (:mod:`bridge.process.logs`), but is put together here, without a log record: that
takes 2 µs instead of 25.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from aiohttp import web

from bridge.process.clock import Clock, utc
from gateway.web.context import RequestContext
from gateway.web.metrics import RequestDurations
from gateway.web.pipeline import Middleware


def route_of(request: web.Request) -> str:
    """Return the route's pattern, ``none`` where no route fits: few values, whatever is asked for."""
    resource = request.match_info.route.resource
    return "none" if resource is None else resource.canonical


class AccessLog(Middleware):
    """Writes ``request_finished`` lines to ``write``. Every value in them is of a kind that needs no escaping."""

    def __init__(
        self, *, clock: Clock, write: Callable[[str], object], durations: RequestDurations, host: str, level: int
    ) -> None:
        self._clock = clock
        self._monotonic = clock.monotonic
        self._write = write
        self._durations = durations
        self._is_on = level <= logging.INFO
        self._middle: Final = f'Z","level":"info","host":"{host}","app":"gateway","event":"request_finished"'
        self._second = 0
        self._second_text = ""

    def leave(self, request: web.Request, context: RequestContext, response: web.StreamResponse) -> None:
        duration_s = self._monotonic() - context.started_at
        route = route_of(request)
        outcome = context.outcome
        status = response.status
        if not context.is_stream:
            self._durations.observe(route, status, outcome, duration_s)
        if not self._is_on:
            return
        now = self._clock.time()
        second = int(now)
        if second != self._second:
            self._second, self._second_text = second, utc(second).strftime("%Y-%m-%dT%H:%M:%S")
        operation = f',"operation":"{context.operation}"' if context.operation else ""
        error = f',"error_code":"{context.error_code}"' if context.error_code else ""
        user = f',"user_id":"{context.principal.user_id}"' if context.principal else ""
        self._write(
            f'{{"at":"{self._second_text}.{int((now - second) * 1000):03d}{self._middle},'
            f'"request_id":"{context.request_id}","method":"{request.method}","route":"{route}","status":{status},'
            f'"outcome":"{outcome}"{error}{operation}{user},"address":"{context.address}",'
            f'"duration_ms":{duration_s * 1000:.3f}}}\n'
        )
