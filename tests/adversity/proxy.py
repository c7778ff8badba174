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

_CHUNK_BYTES: Final = 64 * 1024
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)


@dataclass(eq=False)
class _Link:
    """One connection through the proxy; ``task`` serves it."""

    task: asyncio.Task[None] | None
    near: StreamWriter
    far: StreamWriter | None = None
    is_lost: bool = False

    def close(self, *, reset: bool = False) -> None:
        for writer in (self.near, self.far):
            if writer is None:
                continue
            sock: socket.socket = writer.get_extra_info("socket")
            if reset and sock.family != socket.AF_UNIX:
                with suppress(OSError):  # closed by its peer a moment ago
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            writer.transport.abort()


class Proxy:
    """Listens at ``near`` (port 0: a free one) and forwards to ``far`` as long as nothing else is asked of it.

    Each fault lasts until :meth:`restore`, but for :meth:`reset` and :meth:`truncate`, which happen once.
    """

    def __init__(self, near: Address, far: Address) -> None:
        self._near = near
        self._far = far
        self._server: asyncio.Server | None = None
        self._links: set[_Link] = set()
        self._passes = asyncio.Event()
        self._passes.set()
        self._delay_s = 0.0
        self._truncate_after_bytes: int | None = None
        self.accepted = 0
        """Connections accepted so far."""

    async def __aenter__(self) -> Self:
        await self._listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stop_listening()
        for _turn in range(3):  # what was accepted in this very moment becomes a link
            await asyncio.sleep(0)
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
        if self._server is None:
            await self._listen()

    # connections

    async def _listen(self) -> None:
        if isinstance(self._near, Path):
            self._server = await asyncio.start_unix_server(self._serve, self._near)
            return
        self._server = await asyncio.start_server(self._serve, *self._near)
        host, port = self._server.sockets[0].getsockname()
        self._near = (host, port)

    def _stop_listening(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        self.accepted += 1
        link = _Link(asyncio.current_task(), writer)
        self._links.add(link)
        try:
            with suppress(OSError):
                far_reader, link.far = await self._connect()
                async with asyncio.TaskGroup() as directions:
                    directions.create_task(self._forward(reader, link.far, link, is_answer=False))
                    directions.create_task(self._forward(far_reader, writer, link, is_answer=True))
        except asyncio.CancelledError:  # by __aexit__ alone; asyncio's streams cannot take a cancelled callback
            return
        finally:
            link.close()
            self._links.discard(link)

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
