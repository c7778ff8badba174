"""The transport: a few kept-alive mTLS connections to the agent, lean and bounded.

aiohttp's client is the largest part of a call's cost (``docs/performance.md``); this one does only what the bridge
needs. Deadlines are the caller's (``asyncio.timeout_at`` around a call): a cancelled exchange closes its connection,
which tells the agent to cancel the work.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Protocol, cast

from bridge.client.http1 import Data, End, Event, Head, ProtocolError, ResponseParser, request_bytes

_STREAM_BACKLOG_MAX: Final = 1024


class ConnectFailed(ConnectionError):
    """No connection could be made; nothing was sent."""


class ConnectionLost(ConnectionError):
    """The connection ended before the response did; the request may have been carried out.

    ``was_reused`` tells a race with the peer's keep-alive timeout from a refusal on a new connection (a client
    certificate that TLS 1.3 refuses is told only after the handshake).
    """

    def __init__(self, message: str, *, was_reused: bool) -> None:
        super().__init__(message)
        self.was_reused = was_reused


@dataclass(frozen=True, slots=True)
class Response:
    head: Head
    body: bytes


class ClientTLS(Protocol):
    """Where the transport finds the current TLS context (``bridge.tls`` replaces it when certificates change)."""

    @property
    def context(self) -> ssl.SSLContext: ...


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the agent is. ``server_name`` is the name that its certificate must carry, whatever the address."""

    host: str
    port: int
    server_name: str


class _Connection(asyncio.Protocol):
    """One connection; at most one exchange or stream at a time."""

    def __init__(self, loop: asyncio.AbstractEventLoop, on_lost: Callable[[_Connection], None]) -> None:
        self._loop = loop
        self._on_lost = on_lost
        self._parser = ResponseParser()
        self._transport: asyncio.Transport
        self._answer: asyncio.Future[Response] | None = None
        self._stream: asyncio.Queue[Event | None] | None = None
        self._head: Head | None = None
        self._body: list[bytes] = []
        self._error: Exception | None = None
        self._uses = 0
        self.context: ssl.SSLContext | None = None
        self.idle_since = 0.0
        self.is_open = False

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by inheritance
        self.is_open = True

    def data_received(self, data: bytes) -> None:
        if self._answer is None and self._stream is None:
            self.abort()  # nobody asked: an answer out of turn could be taken for the next one's
            return
        try:
            for event in self._parser.feed(data):
                self._take(event)
            if self._answer is None and self._stream is None and not self._parser.is_between_responses:
                self.abort()  # bytes behind the answer would be taken for the next one's
        except ProtocolError as error:
            self._error = error
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_open = False
        self._end(self._error or exc)
        self._on_lost(self)

    # what the pool does with it

    async def exchange(self, request: bytes) -> Response:
        """Send one request and return its response. Cancellation closes the connection."""
        self._uses += 1
        answer: asyncio.Future[Response] = self._loop.create_future()
        self._answer = answer
        try:
            self._write(request)
            return await answer
        except BaseException:
            self.abort()
            raise
        finally:
            self._answer = None

    async def stream(self, request: bytes) -> AsyncIterator[Head | Data]:
        """Send one request and yield its head, then its data as it comes, until the response ends."""
        self._uses += 1
        self._stream = asyncio.Queue()
        try:
            self._write(request)
            while (event := await self._stream.get()) is not None:
                if isinstance(event, End):
                    return
                yield event
            raise self._lost(self._error)
        finally:
            self.abort()

    def abort(self) -> None:
        self.is_open = False
        self._transport.abort()

    def _write(self, request: bytes) -> None:
        if not self.is_open:
            raise self._lost(self._error)
        self._transport.write(request)

    def _take(self, event: Event) -> None:
        if self._stream is not None:
            if self._stream.qsize() >= _STREAM_BACKLOG_MAX:
                msg = "the stream's reader fell behind"
                raise ProtocolError(msg)
            self._stream.put_nowait(event)
        elif isinstance(event, Head):
            self._head = event
        elif isinstance(event, Data):
            self._body.append(event.content)
        else:
            self._finish()

    def _finish(self) -> None:
        head, body = self._head, self._body
        self._head, self._body = None, []
        if head is None or self._answer is None:
            msg = "a response that nobody asked for"
            raise ProtocolError(msg)
        if not head.keep_alive:
            self.is_open = False
        if not self._answer.done():
            self._answer.set_result(Response(head, body[0] if len(body) == 1 else b"".join(body)))
        self._answer = None

    def _end(self, cause: Exception | None) -> None:
        self._error = cause
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(self._lost(cause))
        if self._stream is not None:
            self._stream.put_nowait(None)

    def _lost(self, cause: Exception | None) -> ConnectionError:
        if isinstance(cause, ProtocolError):
            return cause
        lost = ConnectionLost(str(cause or "closed by the agent"), was_reused=self._uses > 1)
        lost.__cause__ = cause
        return lost


class Transport:
    """A pool of at most ``size`` connections, the most recently used idle one first, for who has waited longest.

    ``keepalive_s`` must be below the agent's, so that this side closes first and few requests meet a dying connection.
    ``on_connect`` hears of each attempt: "connected", or the reason of the failure.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        tls: ClientTLS,
        *,
        size: int = 4,
        keepalive_s: float = 15.0,
        connect_timeout_s: float = 2.0,
        on_connect: Callable[[str], None] = lambda _reason: None,
    ) -> None:
        self._endpoint = endpoint
        self._tls = tls
        self._size = size
        self._keepalive_s = keepalive_s
        self._connect_timeout_s = connect_timeout_s
        self._on_connect = on_connect
        self._idle: list[_Connection] = []
        self._connections: set[_Connection] = set()
        self._connecting = 0
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._called = 0  # of those who waited: it is their turn, and they have not come yet
        self._is_closed = False

    async def exchange(self, path: str, headers: Mapping[str, str], body: bytes) -> Response:
        """POST ``body`` over a pooled connection.

        Raises :class:`ConnectFailed`, :class:`ConnectionLost` and :class:`ProtocolError`.
        """
        connection = await self._acquire()
        try:
            return await connection.exchange(request_bytes(path, self._endpoint.server_name, headers, body))
        finally:
            self._release(connection)

    @asynccontextmanager
    async def stream(
        self, path: str, headers: Mapping[str, str], body: bytes
    ) -> AsyncIterator[AsyncIterator[Head | Data]]:
        """POST ``body`` and give the response's head and data as they come; the connection is closed afterwards."""
        connection = await self._acquire()
        events = connection.stream(request_bytes(path, self._endpoint.server_name, headers, body))
        try:
            yield events
        finally:
            connection.abort()
            self._release(connection)

    async def close(self) -> None:
        """Close every connection and wait (briefly) until they are gone."""
        self._is_closed = True
        self._idle.clear()
        for connection in tuple(self._connections):
            connection.abort()
        await asyncio.sleep(0)

    def close_idle(self) -> None:
        """Close connections idle for longer than ``keepalive_s``. Call it now and then."""
        oldest = asyncio.get_running_loop().time() - self._keepalive_s
        for connection in [idle for idle in self._idle if idle.idle_since < oldest]:
            self._idle.remove(connection)
            connection.abort()

    @property
    def open_count(self) -> int:
        return len(self._connections) + self._connecting

    async def _acquire(self) -> _Connection:
        loop = asyncio.get_running_loop()
        free = len(self._idle) + self._size - self.open_count - self._called
        is_our_turn = free > 0 and not self._waiters  # else whoever comes at the right moment overtakes all who wait
        while True:
            if self._is_closed:
                msg = "the transport is closed"
                raise ConnectFailed(msg)
            if not is_our_turn:
                await self._wait_for_turn(loop)
                is_our_turn = True
                continue
            while self._idle:
                connection = self._idle.pop()
                is_recent = loop.time() - connection.idle_since < self._keepalive_s
                if connection.is_open and is_recent and connection.context is self._tls.context:
                    return connection
                connection.abort()
            if self.open_count < self._size:
                return await self._connect(loop)
            is_our_turn = False

    async def _wait_for_turn(self, loop: asyncio.AbstractEventLoop) -> None:
        turn: asyncio.Future[None] = loop.create_future()
        self._waiters.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._called -= 1
                self._wake_one()  # the turn came as we left: pass it on
            raise
        self._called -= 1

    async def _connect(self, loop: asyncio.AbstractEventLoop) -> _Connection:
        context = self._tls.context
        connection: _Connection | None = None
        self._connecting += 1
        try:
            async with asyncio.timeout(self._connect_timeout_s):
                _, connection = await loop.create_connection(
                    lambda: _Connection(loop, self._forget),
                    self._endpoint.host,
                    self._endpoint.port,
                    ssl=context,
                    server_hostname=self._endpoint.server_name,
                )
        except (OSError, TimeoutError) as error:  # ssl.SSLError is an OSError
            reason = type(error).__name__
            self._on_connect(reason)
            msg = f"no connection to the agent: {reason}: {error}"
            raise ConnectFailed(msg) from error
        else:
            self._on_connect("connected")
            connection.context = context
            if connection.is_open:
                self._connections.add(connection)
            return connection
        finally:
            self._connecting -= 1
            if connection is None:
                self._wake_one()  # the place is free again

    def _release(self, connection: _Connection) -> None:
        if connection.is_open and not self._is_closed:
            connection.idle_since = asyncio.get_running_loop().time()
            self._idle.append(connection)
        else:
            connection.abort()
        self._wake_one()

    def _forget(self, connection: _Connection) -> None:
        self._connections.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        self._wake_one()

    def _wake_one(self) -> None:
        while self._waiters:
            turn = self._waiters.popleft()
            if not turn.done():
                turn.set_result(None)
                self._called += 1
                return
