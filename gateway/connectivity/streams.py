"""Connections with a deadline each, and one word for how they failed."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
import traceback
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from typing import Final

from bridge.process.http_client import HEAD_MAX_BYTES

CONNECT_S: Final = 1.5
"""For a TCP connection: the kernel sends its SYN again after 1 s."""
TLS_S: Final = 2.0
"""For the handshake on it: two round trips, and what a certificate costs a Pi."""

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Failed(Exception):
    """A connection was not made: ``reason`` in a few words; ``verify_code`` is OpenSSL's, 0 where it said none."""

    def __init__(self, reason: str, *, verify_code: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.verify_code = verify_code


SILENT: Final = "silent"
UNREACHABLE: Final = "unreachable"
REFUSED: Final = "refused"

_UNREACHABLE: Final = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN, errno.EADDRNOTAVAIL}


def word(error: OSError) -> str:
    """Return the reason of ``error``."""
    if isinstance(error, TimeoutError) or error.errno == errno.ETIMEDOUT:
        return SILENT
    if error.errno in _UNREACHABLE:
        return UNREACHABLE
    if error.errno == errno.ECONNREFUSED:
        return REFUSED
    return "reset" if error.errno == errno.ECONNRESET else errno.errorcode.get(error.errno or 0, "failed").lower()


def _let_go(error: BaseException | None) -> None:
    """Clear the frames that ``error`` came through: they hold asyncio's buffers, 256 KiB for each TLS connection."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__


def _failed(error: OSError) -> Failed:
    if isinstance(error, ssl.SSLCertVerificationError):
        return Failed(f"certificate: {error.verify_message}", verify_code=error.verify_code)
    if isinstance(error, ssl.SSLError):
        return Failed(f"no TLS: {error.reason or 'it ended'}")
    return Failed(word(error))


@asynccontextmanager
async def connected(
    address: str, port: int, *, tls: ssl.SSLContext | None = None, name: str = ""
) -> AsyncIterator[Stream]:
    """Open a TCP connection, with TLS for ``name`` where ``tls`` is given, and cut it in the end.

    Raises :class:`Failed`.
    """
    loop = asyncio.get_running_loop()
    with ExitStack() as stack:
        sock = stack.enter_context(socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET))
        sock.settimeout(0)
        try:
            async with asyncio.timeout(CONNECT_S):
                await loop.sock_connect(sock, (address, port))
            async with asyncio.timeout(TLS_S):
                reader, writer = await asyncio.open_connection(
                    sock=sock, ssl=tls, server_hostname=name if tls else None, limit=HEAD_MAX_BYTES
                )
        except OSError as error:
            _let_go(error)
            raise _failed(error) from error
        stack.pop_all()  # the transport closes it
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


@asynccontextmanager
async def connected_locally(path: str) -> AsyncIterator[Stream]:
    """Open a Unix socket, and cut it in the end. Raises :class:`Failed`."""
    try:
        async with asyncio.timeout(CONNECT_S):
            reader, writer = await asyncio.open_unix_connection(path, limit=HEAD_MAX_BYTES)
    except OSError as error:
        raise Failed(word(error)) from error
    try:
        yield reader, writer
    finally:
        writer.transport.abort()
