"""One request to a provider: through the relay, over TLS that is verified here, with one answer of bounded size.

The connection is closed after it: sign-ins are rare, and nothing has to be kept open through the relay.
"""

from __future__ import annotations

import asyncio
import http.client
import io
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, cast
from urllib.parse import urlsplit

from agent.outward import RelayRefused, connect_out
from agent.settings import Relay

ANSWER_MAX: Final = 256 * 1024
"""Most bytes of an answer, its head included."""
_PORT: Final = 443
_CHUNK: Final = 64 * 1024
_FEW: Final = 200


class Away(Exception):
    """The provider cannot be asked, or gives no answer that could be used; the message says why, for the owner."""


@dataclass(frozen=True, slots=True)
class Request:
    """``url`` is https, of printable ASCII."""

    url: str
    form: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes


async def send(request: Request, relay: Relay, *, ca_file: Path | None, within_s: float) -> Answer:
    """Return the server's answer. Raises :class:`Away`."""
    parts = urlsplit(request.url)
    host = parts.hostname or ""
    try:
        async with asyncio.timeout(within_s):
            # made for each connection: the authorities weigh megabytes
            tls = await asyncio.to_thread(_trust, ca_file)
            sock = await connect_out(relay, host, parts.port or _PORT, within_s=within_s)
            received = await _exchange(sock, tls, host, _written(request))
    except TimeoutError:
        msg = "it did not answer in time"
        raise Away(msg) from None
    except OSError as error:
        raise Away(_explain(error)) from None
    return _parse(received)


def _trust(ca_file: Path | None) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca_file)


def _written(request: Request) -> bytes:
    parts = urlsplit(request.url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = {
        "Host": parts.netloc, "Accept": "application/json", "Accept-Encoding": "identity", "Connection": "close",
        **request.headers,
    }  # fmt: skip
    if request.form is not None:
        headers |= {"Content-Type": "application/x-www-form-urlencoded", "Content-Length": str(len(request.form))}
    method = "GET" if request.form is None else "POST"
    head = f"{method} {target} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"{head}\r\n".encode("ascii") + (request.form or b"")


async def _exchange(sock: socket.socket, tls: ssl.SSLContext, host: str, sent: bytes) -> bytes:
    """Send, and return what comes until the server closes. Raises OSError, and :class:`Away` where it is too much."""
    try:
        reader, writer = await asyncio.open_connection(sock=sock, ssl=tls, server_hostname=host)
    except BaseException:
        sock.close()
        raise
    try:
        writer.write(sent)
        await writer.drain()
        received = bytearray()
        while chunk := await reader.read(_CHUNK):
            received += chunk
            if len(received) > ANSWER_MAX:
                msg = f"its answer has more than {ANSWER_MAX} bytes"
                raise Away(msg)
        return bytes(received)
    finally:
        writer.transport.abort()  # what it still has to say is of no interest


class _Received:
    """What ``http.client`` reads an answer from."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def makefile(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self._content)


def _parse(content: bytes) -> Answer:
    """Return the one answer in ``content``. Raises :class:`Away` where it is none, or was cut short."""
    response = http.client.HTTPResponse(cast("socket.socket", _Received(content)))
    try:
        response.begin()
        return Answer(response.status, response.read())
    except (http.client.HTTPException, ValueError, OSError):
        msg = "its answer is no HTTP, or was cut short"
        raise Away(msg) from None


def _explain(error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not good: {error.verify_message}"
    if isinstance(error, RelayRefused):
        return str(error)
    return (error.strerror or type(error).__name__)[:_FEW]
