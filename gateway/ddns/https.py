"""HTTPS to providers: one way to ask, and no way to leak.

Certificates are verified, always. Redirects are not followed: what is asked carries credentials. An answer has a
deadline and a largest size, and is not decompressed, so that none grows past it. A failure says which kind it is, and
neither URL nor header: DuckDNS wants its token in the URL.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Final

import aiohttp

from bridge.process.clock import Clock
from bridge.process.version import VERSION
from gateway.ddns.answers import Answer, Kind

TIMEOUT_S: Final = 20.0
SIZE_MAX_BYTES: Final = 256 * 1024

_TOO_MANY: Final = 429
_REDIRECTS: Final = range(300, 400)
_SERVER_ERRORS: Final = range(500, 600)


class NoReply(Exception):
    """Nothing usable came back; the message says why, in words that hold nothing of the question."""


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    text: str = field(repr=False)
    retry_after_s: float | None = None

    @property
    def trouble(self) -> Answer | None:
        """What the status alone says, whatever the protocol; None where the body says more."""
        if self.status == _TOO_MANY:
            return Answer(Kind.RATE_LIMITED, "the provider wants fewer updates", self.retry_after_s)
        if self.status in _SERVER_ERRORS:
            return Answer(Kind.TROUBLE, f"the provider has trouble (HTTP {self.status})", self.retry_after_s)
        if self.status in _REDIRECTS:
            reason = f"the server points elsewhere (HTTP {self.status}), where credentials are not carried"
            return Answer(Kind.TROUBLE, reason)
        return None


class HttpsClient:
    """Asks servers over HTTPS. Use :func:`https_client`."""

    def __init__(self, session: aiohttp.ClientSession, clock: Clock) -> None:
        self._session = session
        self._clock = clock

    async def fetch(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        json: Mapping[str, object] | None = None,
        timeout_s: float = TIMEOUT_S,
        size_max_bytes: int = SIZE_MAX_BYTES,
    ) -> Reply:
        """Return the answer, a redirect included. Raises :class:`NoReply`."""
        try:
            async with (
                asyncio.timeout(timeout_s),
                self._session.request(
                    method, url, params=params, headers=headers, json=json, allow_redirects=False
                ) as response,
            ):
                body = bytearray()
                async for chunk in response.content.iter_any():
                    body += chunk
                    if len(body) > size_max_bytes:
                        msg = f"it answered more than {size_max_bytes} bytes"
                        raise NoReply(msg)
                retry_after_s = self._seconds(response.headers.get("Retry-After", ""))
                return Reply(response.status, body.decode("utf-8", "replace"), retry_after_s)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise NoReply(_why(error, timeout_s)) from None  # the cause would show the URL

    def _seconds(self, retry_after: str) -> float | None:
        """Return what a Retry-After field (RFC 9110, 10.2.3) asks for: seconds, or a date."""
        if retry_after.isascii() and retry_after.isdigit():
            return float(retry_after)
        try:
            return max(0.0, parsedate_to_datetime(retry_after).timestamp() - self._clock.time())
        except (ValueError, OverflowError):
            return None


def _why(error: Exception, timeout_s: float) -> str:
    if isinstance(error, TimeoutError):
        return f"it did not answer within {timeout_s:g} s"
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientSSLError):
        return "its certificate cannot be trusted, or it speaks no TLS that we speak"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "its name cannot be resolved"
    if isinstance(error, aiohttp.ClientConnectorError | ConnectionError):
        return "it cannot be connected to"
    return "it answered nothing that HTTP knows"


def unreachable(error: NoReply) -> Answer:
    return Answer(Kind.UNREACHABLE, f"the provider: {error}")


def user_agent(contact: str = "") -> str:
    """Return who we are, in the form that No-IP and Dyn ask for (https://www.noip.com/integrate/request)."""
    return f"Drawbridge Gateway/Linux-{VERSION} {contact}".rstrip()


@asynccontextmanager
async def https_client(
    clock: Clock, *, contact: str = "", tls: ssl.SSLContext | None = None, ipv4_only: bool = False
) -> AsyncIterator[HttpsClient]:
    """Make a client. ``tls``: whose certificates are trusted, the system's where it is None."""
    context = tls or ssl.create_default_context()
    connector = aiohttp.TCPConnector(
        ssl=context, family=socket.AF_INET if ipv4_only else socket.AF_UNSPEC, force_close=True
    )
    headers = {"User-Agent": user_agent(contact), "Accept-Encoding": "identity"}
    async with aiohttp.ClientSession(
        connector=connector, headers=headers, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False,
        timeout=aiohttp.ClientTimeout(total=None),
    ) as session:  # fmt: skip
        yield HttpsClient(session, clock)
