"""A way between two processes that can be cut, stalled, delayed, truncated, lost and reset.

After asyncpg's own ``tests/test_adversity.py``. TCP between gateway and agent, a Unix socket between agent and
PostgreSQL (where a reset is a close: there is no RST).
"""

from __future__ import annotations

import asyncio
import socket
import struct
from asyncio import StreamReader, StreamWriter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

Address = tuple[str, int] | Path

_BACKLOG: Final = 100
_CHUNK_BYTES: Final = 64 * 1024
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)


@dataclass(eq=False)
class _Link:
    """One connection through the proxy; ``task`` serves it, beginning with what was ``accepted``."""

    accepted: socket.socket | None
    task: asyncio.Task[None] | None = None
    near: StreamWriter | None = None
    far: StreamWriter | None = None
    is_lost: bool = False
    is_closed: bool = False

    def close(self, *, reset: bool = False) -> None:
        """Close both ends; one that is still being made is closed as soon as it is."""
        self.is_closed = True
        if self.accepted is not None:
            _close_by_reset(self.accepted, reset=reset)
            self.accepted.close()
        for writer in (self.near, self.far):
            if writer is not None:
                _close_by_reset(writer.get_extra_info("socket"), reset=reset)
                writer.transport.abort()


def _close_by_reset(sock: socket.socket, *, reset: bool) -> None:
    if reset and sock.family != socket.AF_UNIX:
        with suppress(OSError):  # closed by its peer a moment ago
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)


class Proxy:
    """Listens at ``near`` (port 0: a free one) and forwards to ``far`` as long as nothing else is asked of it.

    Each fault lasts until :meth:`restore`, but for :meth:`reset` and :meth:`truncate`, which happen once.
    """

    def __init__(self, near: Address, far: Address) -> None:
        self._near = near
        self._far = far
        self._listener: socket.socket | None = None
        self._links: set[_Link] = set()
        self._passes = asyncio.Event()
        self._passes.set()
        self._delay_s = 0.0
        self._truncate_after_bytes: int | None = None
        self.accepted = 0
        """Connections accepted so far."""

    async def __aenter__(self) -> Self:
        self._listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.cut()
        tasks = {link.task for link in self._links if link.task is not None}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    @property
    def address(self) -> Address:
        return self._near

    @property
    def port(self) -> int:
        assert isinstance(self._near, tuple), "a Unix socket has no port"
        return self._near[1]

    @property
    def open_count(self) -> int:
        """How many connections there are."""
        return sum(not link.is_lost for link in self._links)

    # faults

    def cut(self) -> None:
        """Close every connection, and refuse new ones."""
        self._stop_listening()
        self.disconnect()

    def disconnect(self) -> None:
        """Close every connection, once; new ones are served."""
        for link in self._links:
            link.close()

    def reset(self) -> None:
        """End every connection with a TCP RST, once; new ones are served."""
        for link in self._links:
            link.close(reset=True)

    def stall(self) -> None:
        """Accept, and forward nothing in either direction; what is sent meanwhile arrives after :meth:`restore`."""
        self._passes.clear()

    def lose(self) -> None:
        """Never forward anything again on today's connections, and say so to nobody: half-open, for ever."""
        for link in self._links:
            link.is_lost = True

    def delay(self, seconds: float) -> None:
        """Let everything arrive that much later, each way, in its order."""
        self._delay_s = seconds

    def truncate(self, after_bytes: int) -> None:
        """Close the first connection whose far end says more than that from now on, having forwarded so much."""
        self._truncate_after_bytes = after_bytes

    async def restore(self) -> None:
        """Forward as at the beginning."""
        self._delay_s = 0.0
        self._truncate_after_bytes = None
        self._passes.set()
        if self._listener is None:
            self._listen()

    # connections

    def _listen(self) -> None:
        if isinstance(self._near, Path):
            self._near.unlink(missing_ok=True)
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(str(self._near))
            listener.listen(_BACKLOG)
        else:
            listener = socket.create_server(self._near, backlog=_BACKLOG)
            host, port = listener.getsockname()
            self._near = (host, port)
        listener.settimeout(0)
        asyncio.get_running_loop().add_reader(listener, self._accept, listener)
        self._listener = listener

    def _stop_listening(self) -> None:
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener)
            self._listener.close()
            self._listener = None

    def _accept(self, listener: socket.socket) -> None:
        """Make a link at once. asyncio's servers tell of a connection some turns later: a fault would miss it."""
        with suppress(BlockingIOError, ConnectionAbortedError):  # its peer left again
            accepted, _ = listener.accept()
            accepted.settimeout(0)
            self.accepted += 1
            link = _Link(accepted)
            link.task = asyncio.get_running_loop().create_task(self._serve(link))
            self._links.add(link)
            link.task.add_done_callback(lambda _task: self._links.discard(link))

    async def _serve(self, link: _Link) -> None:
        if link.is_closed:
            return
        accepted, link.accepted = link.accepted, None
        try:
            with suppress(OSError):
                near_reader, link.near = await asyncio.open_connection(sock=accepted)
                far_reader, link.far = await self._connect()
                if link.is_closed:
                    return
                async with asyncio.TaskGroup() as directions:
                    directions.create_task(self._forward(near_reader, link.far, link, is_answer=False))
                    directions.create_task(self._forward(far_reader, link.near, link, is_answer=True))
        finally:
            link.close()

    async def _connect(self) -> tuple[StreamReader, StreamWriter]:
        if isinstance(self._far, Path):
            return await asyncio.open_unix_connection(self._far)
        return await asyncio.open_connection(*self._far)

    async def _forward(self, reader: StreamReader, writer: StreamWriter, link: _Link, *, is_answer: bool) -> None:
        """Forward one direction until its end, which ends the other too."""
        chunks: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        async with asyncio.TaskGroup() as halves:
            halves.create_task(self._write(chunks, writer, link, is_answer=is_answer))
            loop = asyncio.get_running_loop()
            data = b"-"
            while data:
                with suppress(ConnectionError):
                    data = b""
                    data = await reader.read(_CHUNK_BYTES)
                chunks.put_nowait((loop.time() + self._delay_s, data))

    async def _write(
        self, chunks: asyncio.Queue[tuple[float, bytes]], writer: StreamWriter, link: _Link, *, is_answer: bool
    ) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due, data = await chunks.get()
            if not data:
                link.close()
                return
            if (wait_s := due - loop.time()) > 0:
                await asyncio.sleep(wait_s)
            await self._passes.wait()
            if link.is_lost:
                continue
            if is_answer and self._truncate_after_bytes is not None:
                data = data[: self._truncate_after_bytes]
                self._truncate_after_bytes -= len(data)
            with suppress(ConnectionError):
                writer.write(data)
                await writer.drain()
            if is_answer and self._truncate_after_bytes == 0:
                self._truncate_after_bytes = None
                link.close()
