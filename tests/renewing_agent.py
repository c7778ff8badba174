"""An agent that renews certificates, on both of its ports, and units that ask it to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

from aiohttp import web
from cryptography import x509

from bridge.client.renewal import RenewalCalls
from bridge.client.session import Message, SignedSession
from bridge.client.transport import Endpoint, Transport
from bridge.contracts.operation import Anonymous, Nothing, Operation
from bridge.contracts.system import RENEW, STATUS
from bridge.errors import AppError
from bridge.keys import Keyring, KeyStore, Ring, generate, save_keyring
from bridge.pki import IDENTITY_FILE, Identity, Renewal, generate_key, read_identity
from bridge.problem import error_from_problem
from bridge.process.clock import SystemClock
from bridge.server import Answer, BridgeServer, CallerContext, Issuer
from bridge.tls import (
    Refusal,
    ReloadingClientTLS,
    ReloadingServerTLS,
    RenewalServerTLS,
    bind,
    serve_tls,
    unit_of_peer,
)
from tests.bridge_pair import NAME, TRACEPARENT, Events, Numbers, SkewedClock, Sum, authenticate
from tests.certificates import Folders

UNITS: Final = ("gateway", "monitor")
ADD: Final = Operation(name="test.add", params=Numbers, result=Sum, principal=Anonymous())


class IssuerClock(SkewedClock):
    """Both of the machine's clocks, ahead."""

    def monotonic(self) -> float:
        return SystemClock.monotonic() + self.ahead_s


@dataclass
class Keep:
    """A running agent that renews, with its two ports."""

    folders: Folders
    tls: ReloadingServerTLS
    port: int
    renewal_port: int
    refused: list[Refusal]
    issuer_clock: IssuerClock
    events: Events

    def unit(self, unit: str = "gateway", *, issued_days_ago: float, ahead_s: float = 0.0) -> Unit:
        folder = self.folders.issue(unit, now=datetime.now(UTC) - timedelta(days=issued_days_ago))
        clock = SkewedClock(ahead_s)
        session = SignedSession(authority=NAME, keys=KeyStore(self.keys_of(unit)), clock=clock)
        tls = ReloadingClientTLS(folder)
        endpoints = [Endpoint("127.0.0.1", port, NAME) for port in (self.port, self.renewal_port)]
        return Unit(folder, session, tls, RenewalCalls(session, tls, endpoints, clock))

    def keys_of(self, unit: str) -> Path:
        """Return the folder of a unit's keyring."""
        return self.folders.folder / f"{unit}-keys"

    @property
    def issued(self) -> set[str]:
        return {one.serial for one in self.folders.authority.issued()}


@dataclass
class Unit:
    """A unit of the RPI4 that renews its certificate."""

    folder: Path
    session: SignedSession
    tls: ReloadingClientTLS
    calls: RenewalCalls

    @property
    def renewal(self) -> Renewal:
        return Renewal(self.folder, self.calls.sign, now=self.calls.now, check_s=3600.0)

    @property
    def leaf(self) -> x509.Certificate:
        return read_identity(self.folder / IDENTITY_FILE).certificate

    async def ask(self, request: x509.CertificateSigningRequest | None = None) -> x509.Certificate:
        request = request or Identity(generate_key(), ()).request()
        return (await self.calls.sign(self.leaf, request))[0]

    async def send(self, port: int, operation: str, body: bytes) -> AppError | None:
        """Send one message by hand and return the error that it was answered with."""
        transport = Transport(Endpoint("127.0.0.1", port, NAME), self.tls)
        try:
            message = Message(operation=operation, body=body, traceparent=TRACEPARENT)
            return error_from_problem((await self.session.exchange(transport, message)).body)
        finally:
            await transport.close()


async def add(_context: CallerContext, params: Numbers) -> Answer:
    return Answer(b'{"sum":%d}' % (params.a + params.b))


async def unused(_context: CallerContext, _params: Nothing) -> Answer:
    raise NotImplementedError


@asynccontextmanager
async def renewing_agent(folders: Folders) -> AsyncIterator[Keep]:
    folder, clock = folders.issue("agent"), IssuerClock()
    events = Events()
    rings = {unit: Ring(generate(unit, now=datetime.now(UTC))) for unit in UNITS}
    save_keyring(folders.folder / "agent-keys", Keyring(rings))
    for unit, ring in rings.items():
        save_keyring(folders.folder / f"{unit}-keys", Keyring({unit: ring}))
    bridge = BridgeServer(
        boot="boot-0001",
        authority=NAME,
        keys=KeyStore(folders.folder / "agent-keys"),
        unit_of_peer=unit_of_peer,
        handlers={RENEW: Issuer(folders.folder / "pki", clock).renew, STATUS: unused, ADD: add},
        authenticate=authenticate,
        feed=events,
        clock=SystemClock(),
    )
    refused: list[Refusal] = []
    usual, renewing = ReloadingServerTLS(folder, UNITS), RenewalServerTLS(folder, UNITS, SystemClock())
    async with AsyncExitStack() as stack:
        ports = []
        for tls, handler in ((usual, bridge.handle), (renewing, partial(bridge.handle, only=RENEW))):
            server, sock = web.Server(handler, access_log=None), bind("127.0.0.1", 0)
            ports.append(sock.getsockname()[1])
            listener = await serve_tls(server, sock, tls=tls, on_refused=lambda _peer, reason: refused.append(reason))
            stack.push_async_callback(server.shutdown, 0.1)
            stack.push_async_callback(listener.wait_closed)
            stack.callback(listener.close)
        yield Keep(folders, usual, ports[0], ports[1], refused, clock, events)
