"""Where the gateway comes in: listeners for mTLS, each with the HTTP server behind it."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from agent.settings import Bridge
from bridge.process.logs import log
from bridge.tls import Refusal, ReloadingServerTLS, TLSListener, bind, serve_tls

_log = logging.getLogger(__name__)

WebHandler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

_SHUTDOWN_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Door:
    """One listener, and the HTTP server behind it."""

    port: int
    listener: TLSListener
    web_server: web.Server

    async def close(self) -> None:
        """Take no more connections, and close those that are left; once more does no harm.

        Raises what ended the listener, if that was not this.
        """
        self.listener.close()
        try:
            await self.listener.wait_closed()  # no handshake that is under way makes one more
        finally:
            await self.web_server.shutdown(_SHUTDOWN_S)


async def open_door(port: int, tls: ReloadingServerTLS, handler: WebHandler, settings: Bridge) -> Door:
    """Listen on ``port``, 0 for any. Raises OSError when it cannot be had."""
    sock = bind(settings.host, port)
    taken: int = sock.getsockname()[1]
    web_server = web.Server(
        handler,
        handler_cancellation=True,  # a gateway that goes away cancels its query
        keepalive_timeout=settings.idle_s,
        access_log=None,
    )
    listener = await serve_tls(
        web_server, sock, tls=tls, on_refused=_report_refused, handshake_timeout_s=settings.handshake_s
    )
    return Door(taken, listener, web_server)


def _report_refused(peer: str, refusal: Refusal) -> None:
    log(_log, "connection_refused", level=logging.WARNING, peer=peer, step=refusal.value)
