"""One question to one server, and what became of it. Never raises for what the network does."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
from dataclasses import dataclass
from typing import Final

from bridge.process.clock import Clock
from gateway.connectivity.dns.messages import MESSAGE_MAX_BYTES, Kind, Malformed, Message, Rcode, decode, encode_query

PORT: Final = 53
DEADLINE_S: Final = 1.0
"""For one question: it is sent again after half of that, as one datagram may be lost."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one server said, or ``message`` None and why in ``error``: ``silent`` or the name of an errno."""

    server: str
    message: Message | None
    error: str
    took_ms: float

    @property
    def text(self) -> str:
        """Say in a few words what came back."""
        took = f"{self.took_ms:.0f} ms"
        if self.message is None:
            return f"{self.error}, {took}"
        if self.message.rcode != Rcode.OK:
            known = {each.value: each.name.lower().replace("_", " ") for each in Rcode}
            return f"{known.get(self.message.rcode, f'rcode {self.message.rcode}')}, {took}"
        data = [record.data for record in self.message.answers if record.data]
        return f"{' '.join(data[:4]) or 'no record'}, {took}"


def random_name() -> str:
    """Return a name that cannot exist: ``invalid`` is reserved for that (RFC 6761)."""
    return f"{os.urandom(8).hex()}.invalid"


async def ask(server: str, name: str, kind: Kind, *, clock: Clock, recursive: bool = True) -> Answer:
    """Ask ``server`` for the records of ``kind`` at ``name``, within :data:`DEADLINE_S`."""
    began = clock.monotonic()
    message, error = None, "silent"
    number = int.from_bytes(os.urandom(2))
    try:
        query = encode_query(number, name, kind, recursive=recursive)
        async with asyncio.timeout(DEADLINE_S):
            message = await _exchange(server, query, number)
    except TimeoutError:
        pass
    except OSError as failure:
        error = errno.errorcode.get(failure.errno or 0, "failed").lower()
    except Malformed as failure:
        error = str(failure)
    return Answer(server, message, error if message is None else "", (clock.monotonic() - began) * 1000)


async def _exchange(server: str, query: bytes, number: int) -> Message:
    loop = asyncio.get_running_loop()
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sock:
        host, _, zone = server.partition("%")
        scope = (0, _scope(zone)) if family == socket.AF_INET6 else ()
        sock.connect((host, PORT, *scope))  # connected: answers of others are not seen, and ICMP errors are
        sock.send(query)
        again = loop.call_later(DEADLINE_S / 2, _send_again, sock, query)
        try:
            while True:
                data = await loop.sock_recv(sock, MESSAGE_MAX_BYTES)
                try:
                    message = decode(data)
                except Malformed:
                    continue  # somebody else's idea of an answer; the server's own may still come
                asked = decode(query)
                same = (message.number, message.name.lower(), message.kind) == (number, asked.name.lower(), asked.kind)
                if message.is_response and same:
                    return message
        finally:
            again.cancel()


def _scope(zone: str) -> int:
    try:
        return socket.if_nametoindex(zone) if zone else 0
    except OSError as error:
        raise OSError(errno.ENODEV, os.strerror(errno.ENODEV)) from error


def _send_again(sock: socket.socket, query: bytes) -> None:
    with contextlib.suppress(OSError):  # the receiving side hears of it
        sock.send(query)
