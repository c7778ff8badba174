"""The HTTP server: aiohttp's, answering what is no HTTP the way everything else is answered, and stopping with care."""

from __future__ import annotations

import asyncio
import logging
import random
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, cast

from aiohttp import hdrs, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_parser import RawRequestMessage
from aiohttp.streams import StreamReader
from aiohttp.web_protocol import RequestHandler
from multidict import CIMultiDictProxy

from bridge.errors import Code, error_for
from bridge.problem import PROBLEM_TYPE, problem_json
from bridge.process.logs import log
from gateway.settings import Listen, Web
from gateway.web.connections import Connections
from gateway.web.dispatch import Dispatch
from gateway.web.metrics import CONNECTIONS_REFUSED, CONNECTIONS_SILENT
from gateway.web.response_headers import SECURITY_HEADERS, Drain
from gateway.web.tls import WebCertificate

_log: Final = logging.getLogger(__name__)

_SETTLE_S: Final = 0.1
"""How long busy keep-alive connections get to learn that they should close, before idle ones are closed."""


class _Connection(RequestHandler):
    """Tells of malformed HTTP without repeating it: a request line may hold health text, in the log too."""

    __slots__ = ("silence",)
    silence: asyncio.TimerHandle | None

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        del message
        if request.writer.output_size > 0:
            msg = "the response had begun"
            raise ConnectionError(msg)
        error = error_for(Code.INTERNAL if status == Code.INTERNAL.status else Code.INVALID_REQUEST)
        request_id = f"{random.getrandbits(128):032x}"
        cause = exc if error.code is Code.INTERNAL else None
        reason = type(exc).__name__ if exc else None
        log(_log, "request_malformed", request_id=request_id, error_code=error.code.wire, exc_info=cause, cause=reason)
        response = web.Response(
            body=problem_json(error, request_id=request_id), status=error.code.status, content_type=PROBLEM_TYPE
        )
        response.headers.update(SECURITY_HEADERS)
        response.headers["X-Request-Id"] = request_id
        response.force_close()
        return response


class _Server(web.Server):
    """Cuts the connections of an address that has too many."""

    held: Connections
    first_request_s: float
    unread_s: float

    def __call__(self) -> RequestHandler:
        connection = _Connection(self, loop=self._loop, **self._kwargs)
        connection.silence = None
        return connection

    def connection_made(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        peer = transport.get_extra_info("peername")
        if not self.held.add(handler, peer):
            CONNECTIONS_REFUSED.inc()
            transport.abort()
        elif isinstance(peer, tuple):  # at a Unix socket there is nginx, which has taken care of that
            cast("_Connection", handler).silence = self._loop.call_later(
                self.first_request_s, _cut_when_silent, handler, transport
            )
            _cut_when_unread(transport, self.unread_s)

    def connection_lost(self, handler: RequestHandler, exc: BaseException | None = None) -> None:
        super().connection_lost(handler, exc)
        self.held.discard(handler)
        if (silence := cast("_Connection", handler).silence) is not None:
            silence.cancel()


class _Runner(web.AppRunner):
    __slots__ = ("_connections", "_dispatch", "_limits")

    def __init__(self, app: web.Application, *, listen: Listen, limits: Web, connections: Connections) -> None:
        super().__init__(
            app,
            shutdown_timeout=listen.drain_s,
            keepalive_timeout=listen.keepalive_s,
            lingering_time=limits.deadline_s,  # for the rest of a body that nobody wants
            max_line_size=limits.line_max_bytes,
            max_field_size=limits.header_max_bytes,
        )
        self._connections = connections
        self._limits = limits
        self._dispatch = Dispatch(app)

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()

        def make_request(
            message: RawRequestMessage,
            payload: StreamReader,
            protocol: RequestHandler,
            writer: AbstractStreamWriter,
            task: asyncio.Task[None],
        ) -> web.BaseRequest:
            if hdrs.EXPECT in message.headers:
                message = _with_known_expectation(message)
            return made.request_factory(message, payload, protocol, writer, task)

        server = _Server(
            cast("Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]", self._dispatch),  # of what is made above
            request_factory=make_request,
            handler_cancellation=True,  # a browser that leaves stops the work done for it
            loop=asyncio.get_running_loop(),
            access_log=None,
            **self._kwargs,
        )
        server.held = self._connections
        server.first_request_s = self._limits.first_request_s
        server.unread_s = self._limits.unread_s
        return server


class _Site(web.SockSite):
    """Gives a TLS handshake ``handshake_s`` seconds, where asyncio gives it a minute and aiohttp no say."""

    __slots__ = ("handshake_s",)
    handshake_s: float

    async def start(self) -> None:
        await web.BaseSite.start(self)
        is_tls = self._ssl_context is not None
        self._server = await asyncio.get_running_loop().create_server(
            cast("web.Server", self._runner.server),
            sock=self._sock,
            ssl=self._ssl_context,
            backlog=self._backlog,
            ssl_handshake_timeout=self.handshake_s if is_tls else None,
        )


class HttpServer:
    """Serves an application on listening sockets; ``drain`` is told when it stops."""

    def __init__(
        self,
        app: web.Application,
        *,
        listen: Listen,
        limits: Web,
        certificate: WebCertificate | None,
        drain: Drain,
    ) -> None:
        self._listen = listen
        self._certificate = certificate
        self._drain = drain
        self._first_request_s = limits.first_request_s
        self.connections: Final = Connections(limits)
        self._runner = _Runner(app, listen=listen, limits=limits, connections=self.connections)
        self.addresses: list[str] = []

    @property
    def is_listening(self) -> bool:
        return bool(self._runner.sites)

    async def start(self, sockets: Sequence[socket.socket]) -> None:
        """Begin to serve on ``sockets`` (:func:`gateway.web.listen.open_sockets`), which are closed when stopping."""
        await self._runner.setup()
        context = self._certificate.context if self._certificate else None
        for listener in sockets:
            self.addresses.append(_name(listener, is_tls=context is not None))
            site = _Site(self._runner, listener, ssl_context=context, backlog=self._listen.backlog)
            site.handshake_s = self._first_request_s
            await site.start()

    async def stop(self) -> None:
        """Take no more connections, and let every request that was taken finish, for at most ``drain_s`` seconds.

        Connections in use learn from their next response that they should close; only then are idle ones closed.
        """
        self._drain.has_begun = True
        for site in self._runner.sites:
            await site.stop()
        await asyncio.sleep(_SETTLE_S)
        await self._runner.cleanup()
        if self._listen.kind == "unix":
            self._listen.path.unlink(missing_ok=True)


def _cut_when_silent(handler: RequestHandler, transport: asyncio.Transport) -> None:
    """End a connection on which no request has begun: aiohttp waits for its first one for ever."""
    if not handler._request_count:  # noqa: SLF001 - there is nothing else that says so
        CONNECTIONS_SILENT.inc()
        transport.abort()


def _cut_when_unread(transport: asyncio.Transport, unread_s: float) -> None:
    """Have the kernel end the connection when its client takes nothing of what was written, or is gone (RFC 5482).

    aiohttp waits for ever until it may write on; nginx does so for ``send_timeout``.
    """
    transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(unread_s * 1000))


def _with_known_expectation(message: RawRequestMessage) -> RawRequestMessage:
    """Ignore what a client expects other than 100-continue, as RFC 9110, 10.1.1 allows.

    aiohttp would refuse it before any middleware: not counted, not logged, without our headers.
    """
    if message.headers[hdrs.EXPECT].lower() == "100-continue":
        return message
    headers = message.headers.copy()
    del headers[hdrs.EXPECT]
    return message._replace(headers=CIMultiDictProxy(headers))


def _name(listener: socket.socket, *, is_tls: bool) -> str:
    name = listener.getsockname()
    if listener.family == socket.AF_UNIX:
        return f"unix:{name}"
    host = f"[{name[0]}]" if listener.family == socket.AF_INET6 else name[0]
    return f"{'https' if is_tls else 'http'}://{host}:{name[1]}"
