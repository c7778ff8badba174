"""One question to the router by UDP, repeated until its answer comes."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Iterable
from ipaddress import IPv4Address
from typing import Final, TypeVar

from gateway.ddns.mapping.method import Unanswered

DATAGRAM_MAX_BYTES: Final = 1100
"""RFC 6887, section 7: no message is longer. A longer one is nobody's answer."""
_WAITING_MAX: Final = 32

T = TypeVar("T")


class _Inbox(asyncio.DatagramProtocol):
    """What arrived and nobody has read yet; what exceeds :data:`_WAITING_MAX` is lost, as on a wire."""

    def __init__(self) -> None:
        self.arrived: asyncio.Queue[bytes | Exception] = asyncio.Queue(_WAITING_MAX)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:  # noqa: ARG002 - it is the router's
        if len(data) <= DATAGRAM_MAX_BYTES:
            self._put(data)

    def error_received(self, exc: Exception) -> None:
        self._put(exc)

    def _put(self, what: bytes | Exception) -> None:
        with contextlib.suppress(asyncio.QueueFull):
            self.arrived.put_nowait(what)


class Conversation:
    """A socket connected to one port of the router: the kernel hands over nothing that others sent."""

    def __init__(self, transport: asyncio.DatagramTransport, inbox: _Inbox) -> None:
        self._transport = transport
        self._inbox = inbox
        self.own_address = IPv4Address(transport.get_extra_info("sockname")[0])

    async def ask(self, question: bytes, understand: Callable[[bytes], T | None], waits_s: Iterable[float]) -> T:
        """Return the first answer that ``understand`` makes something of; what it returns None for is ignored.

        The question is sent again after each of ``waits_s``. Raises what ``understand`` raises, and
        :class:`Unanswered` after the last wait, or at once where the router says that the port is closed.
        """
        for wait_s in waits_s:
            self._transport.sendto(question)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    return await self._answer(understand)
        msg = "the router does not answer"
        raise Unanswered(msg)

    async def _answer(self, understand: Callable[[bytes], T | None]) -> T:
        while True:
            arrived = await self._inbox.arrived.get()
            if isinstance(arrived, Exception):
                msg = f"the router does not listen ({arrived})"
                raise Unanswered(msg)
            if (answer := understand(arrived)) is not None:
                return answer


@contextlib.asynccontextmanager
async def conversation(address: IPv4Address, port: int) -> AsyncIterator[Conversation]:
    """Give a conversation with ``port`` of ``address``, from a port of ours drawn by the kernel."""
    loop = asyncio.get_running_loop()
    try:
        transport, inbox = await loop.create_datagram_endpoint(
            _Inbox, remote_addr=(str(address), port), family=socket.AF_INET
        )
    except OSError as error:
        msg = f"the router cannot be asked ({error.strerror})"
        raise Unanswered(msg) from error
    try:
        yield Conversation(transport, inbox)
    finally:
        transport.close()
