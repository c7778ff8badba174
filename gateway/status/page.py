"""``/status`` and its live events, for administrators."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

import aiohttp_jinja2
from aiohttp import web

from bridge.errors import Busy, Code
from bridge.process.clock import Clock
from gateway.settings import GatewaySettings
from gateway.status.admins import Admins
from gateway.status.fragments import Fragments, Process, Shown
from gateway.status.snapshots import Files
from gateway.web.context import Principal
from gateway.web.event_stream import EventStream, StreamEnded
from gateway.web.pages import render
from gateway.web.response_headers import Drain

LOOK_S: Final = 1.0
BEAT_S: Final = 4.0
"""Below half of what nginx waits for the next byte (nginx/snippets/proxy.conf)."""

_BUSY_RETRY_S: Final = 30.0


class StatusPages:
    """The handlers.

    ``look_s``: how often a live page looks whether there is news and whether it may still be told, ``beat_s``: after
    how long without news it says that it lives.
    """

    def __init__(
        self,
        settings: GatewaySettings,
        *,
        admins: Admins,
        fragments: Fragments,
        drain: Drain,
        look_s: float,
        beat_s: float,
    ) -> None:
        self._admins = admins
        self._fragments = fragments
        self._drain = drain
        self._streams = _Streams(settings.status.streams_per_session, settings.status.streams_max)
        self._look_s = look_s
        self._beat_s = beat_s

    async def show(self, request: web.Request) -> web.Response:
        """``GET /status``: the page, whole without its script."""
        await self._admins.require(request)
        shown = await self._fragments.current()
        return render("status/page.html", request, {"shown": shown})

    async def events(self, request: web.Request) -> web.StreamResponse:
        """``GET /status/events``: what changes, as server-sent events, until the session or this process ends."""
        principal = await self._admins.require(request)
        with self._streams.one_more(principal):
            return await self._tell(request)

    async def _tell(self, request: web.Request) -> web.StreamResponse:
        loop = asyncio.get_running_loop()
        sent: dict[str, str] = {}
        try:
            stream = await EventStream.open(request)
        except StreamEnded:
            return web.Response()
        spoke_at = loop.time()
        with suppress(StreamEnded):
            while not self._drain.has_begun and await self._admins.still(request, loop.time):
                shown = await self._fragments.current()
                news = {
                    name: [fragment.version, fragment.html]
                    for name, fragment in shown.fragments.items()
                    if sent.get(name) != fragment.version
                }
                if news:
                    await stream.tell("sections", _message(shown, news))
                    sent |= {name: version for name, (version, _) in news.items()}
                    spoke_at = loop.time()
                elif loop.time() - spoke_at >= self._beat_s:
                    await stream.beat()
                    spoke_at = loop.time()
                await asyncio.sleep(self._look_s)
        return stream.response


class _Streams:
    """Counts the live pages. Raises Busy where there are enough."""

    def __init__(self, per_session: int, in_all: int) -> None:
        self._per_session = per_session
        self._in_all = in_all
        self._counts: Counter[str] = Counter()

    @contextmanager
    def one_more(self, principal: Principal) -> Iterator[None]:
        session = principal.session_id
        if self._counts[session] >= self._per_session or self._counts.total() >= self._in_all:
            raise Busy(Code.RATE_LIMITED, retry_after_s=_BUSY_RETRY_S)
        self._counts[session] += 1
        try:
            yield
        finally:
            self._counts[session] -= 1
            if not self._counts[session]:
                del self._counts[session]


def _message(shown: Shown, news: dict[str, list[str]]) -> dict[str, object]:
    return {"headline": shown.headline.text, "state": shown.headline.state, "at": shown.at, "sections": news}


def add_routes(
    app: web.Application, settings: GatewaySettings, *, admins: Admins, process: Process, clock: Clock, drain: Drain
) -> None:
    """Put the page into ``app``, whose templates are set up."""
    fragments = Fragments(
        environment=aiohttp_jinja2.get_env(app),
        files=Files(settings.status.monitor_file, settings.status.ddns_file),
        process=process,
        clock=clock,
        zone=settings.chat.zone,
    )
    pages = StatusPages(settings, admins=admins, fragments=fragments, drain=drain, look_s=LOOK_S, beat_s=BEAT_S)
    app.router.add_get("/status", pages.show)
    app.router.add_get("/status/events", pages.events, allow_head=False)  # a stream is nothing but its body
