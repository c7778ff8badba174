"""Servers that speak as DDNS providers do: what their documentation says they answer, over real TLS on loopback.

``DYNDNS2``, ``DUCKDNS``, ``DESEC`` and ``CLOUDFLARE_ERRORS`` hold each documented answer and its source.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import trustme
from aiohttp import web

from bridge.process.clock import SystemClock
from gateway.ddns.answers import Kind
from gateway.ddns.https import HttpsClient, https_client


@dataclass(frozen=True)
class Said:
    """An answer of a server."""

    body: str = ""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Documented:
    """An answer that a provider's documentation knows, and what it means to us."""

    said: Said
    kind: Kind


_DYN = "https://help.dyn.com/return-codes/ and https://www.noip.com/integrate/response"
DYNDNS2: Final = {
    "good": Documented(Said("good 192.88.98.1"), Kind.UPDATED),
    "nochg": Documented(Said("nochg 192.88.98.1"), Kind.UNCHANGED),
    "badauth": Documented(Said("badauth"), Kind.BAD_CREDENTIALS),
    "badauth-401": Documented(Said("badauth", status=401), Kind.BAD_CREDENTIALS),
    "unauthorized": Documented(Said("Unauthorized", status=401), Kind.BAD_CREDENTIALS),
    "donator": Documented(Said("!donator"), Kind.REFUSED),
    "notfqdn": Documented(Said("notfqdn"), Kind.REFUSED),
    "nohost": Documented(Said("nohost"), Kind.NOT_YOURS),
    "yours": Documented(Said("!yours"), Kind.NOT_YOURS),
    "numhost": Documented(Said("numhost"), Kind.REFUSED),
    "abuse": Documented(Said("abuse"), Kind.ABUSE),
    "badagent": Documented(Said("badagent"), Kind.REFUSED),
    "badsys": Documented(Said("badsys"), Kind.REFUSED),
    "ignored": Documented(Said("good 127.0.0.1"), Kind.REFUSED),
    "dnserr": Documented(Said("dnserr"), Kind.TROUBLE),
    "911": Documented(Said("911"), Kind.TROUBLE),
    "several-lines": Documented(Said("good 192.88.98.1\nnohost\n"), Kind.UPDATED),
    "error-500": Documented(Said("oops", status=500), Kind.TROUBLE),
    "too-many": Documented(Said("slow down", status=429, headers={"Retry-After": "120"}), Kind.RATE_LIMITED),
    "a-page": Documented(Said("<html>good</html>"), Kind.TROUBLE),
    "nothing": Documented(Said(""), Kind.TROUBLE),
}

_DUCK = "https://www.duckdns.org/spec.jsp"
DUCKDNS: Final = {
    "updated": Documented(Said("OK\n192.88.98.1\n\nUPDATED"), Kind.UPDATED),
    "nochange": Documented(Said("OK\n192.88.98.1\n2001:db8::1\nNOCHANGE"), Kind.UNCHANGED),
    "terse": Documented(Said("OK"), Kind.UPDATED),
    "refused": Documented(Said("KO"), Kind.NOT_YOURS),
    "error-502": Documented(Said("Bad Gateway", status=502), Kind.TROUBLE),
    "a-page": Documented(Said("<html>OK</html>"), Kind.TROUBLE),
    "nothing": Documented(Said(""), Kind.TROUBLE),
}

_DESEC = "https://desec.readthedocs.io/en/latest/dyndns/update-api.html and …/rate-limits.html"
DESEC: Final = {
    "good": Documented(Said("good"), Kind.UPDATED),
    "token": Documented(Said("badauth", status=401), Kind.BAD_CREDENTIALS),
    "forbidden": Documented(Said("", status=403), Kind.NOT_YOURS),
    "nohost": Documented(Said("nohost", status=404), Kind.NOT_YOURS),
    "bad-request": Documented(Said("", status=400), Kind.REFUSED),
    "throttled": Documented(
        Said('{"detail":"Request was throttled."}', status=429, headers={"Retry-After": "55"}), Kind.RATE_LIMITED
    ),
    "error-503": Documented(Said("", status=503), Kind.TROUBLE),
    "a-page": Documented(Said("<html>good</html>"), Kind.TROUBLE),
}


def failed(*codes: int, status: int = 400, headers: Mapping[str, str] | None = None) -> Said:
    """Return an error of Cloudflare's: https://developers.cloudflare.com/fundamentals/api/troubleshooting/."""
    errors = [{"code": code, "message": "a message that nobody reads"} for code in codes]
    answer = {"success": False, "errors": errors, "messages": [], "result": None}
    return Said(json.dumps(answer), status, headers or {})


CLOUDFLARE_ERRORS: Final = {
    "authentication": Documented(failed(10000, status=403), Kind.BAD_CREDENTIALS),
    "authentication-400": Documented(failed(10000), Kind.BAD_CREDENTIALS),
    "invalid-token": Documented(failed(9109, status=403), Kind.BAD_CREDENTIALS),
    "malformed-header": Documented(failed(6003, 6111), Kind.BAD_CREDENTIALS),
    "unauthorized": Documented(failed(status=401), Kind.BAD_CREDENTIALS),
    "forbidden": Documented(failed(status=403), Kind.NOT_YOURS),
    "throttled": Documented(failed(971, status=429, headers={"Retry-After": "300"}), Kind.RATE_LIMITED),
    "throttled-code": Documented(failed(10429), Kind.RATE_LIMITED),
    "invalid-record": Documented(failed(9005), Kind.REFUSED),
    "same-name": Documented(failed(81053), Kind.REFUSED),
    "identical": Documented(failed(81058), Kind.UNCHANGED),
    "error-500": Documented(failed(status=500), Kind.TROUBLE),
    "no-json": Documented(Said("<html>", status=200), Kind.TROUBLE),
    "no-object": Documented(Said("[]", status=200), Kind.TROUBLE),
    "no-success": Documented(Said("{}", status=200), Kind.TROUBLE),
}


@dataclass
class ProviderServer:
    """A server over TLS: what it was asked, and what it will answer; the last answer is given again and again."""

    url: str = ""
    answers: deque[Said | Callable[[web.BaseRequest], Said]] = field(default_factory=deque)
    asked: list[web.BaseRequest] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    delay: asyncio.Event | None = None

    def will(self, *said: Said | Callable[[web.BaseRequest], Said]) -> None:
        self.answers = deque(said)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.asked.append(request)
        self.bodies.append(await request.read())
        if self.delay is not None:
            await self.delay.wait()
        said = self.answers.popleft() if len(self.answers) > 1 else self.answers[0]
        said = said(request) if callable(said) else said
        return web.Response(text=said.body, status=said.status, headers=dict(said.headers))


@dataclass
class FakeCloudflare:
    """Zones and records, by the documented API (https://developers.cloudflare.com/api/resources/dns/)."""

    token: str
    zones: dict[str, str]
    """Name to identifier."""
    records: list[dict[str, object]] = field(default_factory=list)

    def __call__(self, request: web.BaseRequest) -> Said:
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return failed(10000, status=403)
        parts = request.path.strip("/").split("/")
        if parts == ["zones"]:
            zone = self.zones.get(request.query["name"])
            return _succeeded([] if zone is None else [{"id": zone, "name": request.query["name"]}])
        if parts[1] not in self.zones.values():
            return failed(7003, status=404)
        return self._records(request, parts[3:])

    def _records(self, request: web.BaseRequest, rest: list[str]) -> Said:
        if request.method == "GET":
            wanted = {"type": request.query["type"], "name": request.query["name"]}
            return _succeeded([record for record in self.records if wanted.items() <= record.items()])
        given = json.loads(request._read_bytes or b"{}")
        if request.method == "POST":
            self.records.append({"id": f"{len(self.records):032x}"} | given)
            return _succeeded(self.records[-1])
        record = next((record for record in self.records if record["id"] == rest[0]), None)
        if record is None:
            return failed(81044, status=404)
        record.update(given)
        return _succeeded(record)


def _succeeded(result: object) -> Said:
    return Said(json.dumps({"success": True, "errors": [], "messages": [], "result": result}))


@asynccontextmanager
async def tls_server(
    ca: trustme.CA, handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
) -> AsyncIterator[str]:
    """Serve ``handler`` on loopback, and yield its URL."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("localhost").configure_cert(context)
    server = web.Server(handler, access_log=None)
    runner = web.ServerRunner(server, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    try:
        yield f"https://localhost:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def provider_server(ca: trustme.CA) -> AsyncIterator[ProviderServer]:
    server = ProviderServer()
    async with tls_server(ca, server.handle) as url:
        server.url = url
        yield server


def trusting(ca: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    ca.configure_trust(context)
    return context


@asynccontextmanager
async def client_trusting(ca: trustme.CA, *, contact: str = "") -> AsyncIterator[HttpsClient]:
    async with https_client(SystemClock(), contact=contact, tls=trusting(ca)) as client:
        yield client
