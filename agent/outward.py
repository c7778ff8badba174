"""The keep's one way out: through the door's relay, or straight where there is none in the settings.

The relay sees which server is wanted and passes bytes (``gateway/relay``); whoever uses the connection begins TLS on it
and verifies the server here. A server is wanted by its name: the keep asks no name server.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Final

from agent.settings import Relay

_ANSWER_MAX_BYTES: Final = 4096
_END: Final = b"\r\n\r\n"
_TAKEN: Final = b"200"


class RelayRefused(ConnectionError):
    """The relay answers, and does not lead there; the message says what it said."""


async def connect_out(relay: Relay, host: str, port: int, *, within_s: float) -> socket.socket:
    """Return a connected TCP socket to ``host``, for the caller to close. Raises OSError (TimeoutError too)."""
    async with asyncio.timeout(within_s):
        if not relay.host:
            return await _connect(host, port)
        sock = await _connect(relay.host, relay.port)
        try:
            await _ask(sock, f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
        except BaseException:
            sock.close()
            raise
    return sock


async def _connect(host: str, port: int) -> socket.socket:
    loop = asyncio.get_running_loop()
    failed: OSError = ConnectionError(f"{host} has no address")
    for family, kind, protocol, _, address in await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        sock = socket.socket(family, kind, protocol)
        sock.setblocking(False)  # noqa: FBT003 - it takes no keyword
        try:
            await loop.sock_connect(sock, address)
        except OSError as error:
            sock.close()
            failed = error
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise failed


async def _ask(sock: socket.socket, target: str) -> None:
    """Have the relay lead to ``target`` (RFC 9110, 9.3.6). Not a byte more is read: a mail server speaks first."""
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(sock, f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
    answer = b""
    while not answer.endswith(_END):
        byte = await loop.sock_recv(sock, 1)
        if not byte or len(answer) == _ANSWER_MAX_BYTES:
            msg = "the relay hung up" if not byte else "the relay talks no HTTP"
            raise RelayRefused(msg)
        answer += byte
    version, _, status = answer.partition(b"\r\n")[0].partition(b" ")
    if not version.startswith(b"HTTP/1.") or status[:3] != _TAKEN:
        msg = f"the relay does not lead to {target}: {status.decode('ascii', 'replace')[:100]}"
        raise RelayRefused(msg)
