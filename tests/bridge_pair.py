"""Both ends of the bridge in one process, really talking mTLS over loopback."""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import trustme
from aiohttp import web

from bridge.client.breaker import Breaker, BreakerRule
from bridge.client.cache import Cache
from bridge.client.call import BridgeClient, CallContext, Credentials
from bridge.client.feed import Feed
from bridge.client.pacing import Pacing, PacingRule
from bridge.client.retry import RetryRule
from bridge.client.session import SignedSession
from bridge.client.transport import Endpoint, Transport
from bridge.contracts.operation import CacheRule, Lane, Model, Operation, Role
from bridge.contracts.system import FeedEvent
from bridge.errors import Code, Denied
from bridge.process.clock import SystemClock
from bridge.server import BridgeServer, CallRules, Handler, UserCaller
from bridge.signing import SigningKey

NAME: Final = "agent.drawbridge.internal"
USER: Final = UUID("11111111-1111-4111-8111-111111111111")
SESSION: Final = UUID("22222222-2222-4222-8222-222222222222")
TOKEN: Final = "a-good-token"
CREDENTIALS: Final = Credentials(token=TOKEN, scope=f"{USER}.{SESSION}.1")
TRACEPARENT: Final = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class SkewedClock(SystemClock):
    """The machine's clock, ``ahead_s`` seconds wrong."""

    def __init__(self, ahead_s: float = 0.0) -> None:
        self.ahead_s = ahead_s

    def time(self) -> float:
        return SystemClock.time() + self.ahead_s


class FixedKeys:
    """One generation of keys of one unit; ``bridge.keys`` has the real keyring."""

    def __init__(self, unit: str = "gateway", *, generation: int = 1) -> None:
        self.unit = unit
        self.key_id = f"{unit}.{generation}"
        self._request = SigningKey(self.key_id, b"q" * 31 + bytes([generation]))
        self._response = SigningKey(self.key_id, b"r" * 31 + bytes([generation]))

    def request_key(self) -> SigningKey:
        return self._request

    def find_request_key(self, key_id: str) -> SigningKey | None:
        return self._request if key_id == self.key_id else None

    def response_key(self, key_id: str) -> SigningKey | None:
        return self._response if key_id == self.key_id else None

    def unit_of(self, key_id: str) -> str | None:
        return self.unit if key_id == self.key_id else None


@dataclass(frozen=True)
class FixedTLS:
    context: ssl.SSLContext


class Certificates:
    """A certificate authority of this test run, with one agent and one gateway."""

    def __init__(self) -> None:
        authority = trustme.CA()
        self.server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.server.minimum_version = ssl.TLSVersion.TLSv1_3
        self.server.verify_mode = ssl.CERT_REQUIRED
        client = ssl.create_default_context()
        authority.configure_trust(self.server)
        authority.configure_trust(client)
        authority.issue_cert(NAME).configure_cert(self.server)
        authority.issue_cert("gateway.drawbridge.internal").configure_cert(client)
        self.client = FixedTLS(client)


class Events:
    """A feed that the test speaks on."""

    def __init__(self) -> None:
        self._readers: set[asyncio.Queue[FeedEvent]] = set()

    def publish(self, event: FeedEvent) -> None:
        for reader in self._readers:
            reader.put_nowait(event)

    async def subscribe(self) -> AsyncIterator[FeedEvent]:
        queue: asyncio.Queue[FeedEvent] = asyncio.Queue()
        self._readers.add(queue)
        try:
            yield FeedEvent(kind="hello")
            while True:
                yield await queue.get()
        finally:
            self._readers.discard(queue)


async def authenticate(token: str) -> UserCaller:
    if token != TOKEN:
        raise Denied(Code.UNAUTHENTICATED)
    return UserCaller(USER, SESSION, Role.VIEWER, token_version=1)


@dataclass
class Agent:
    """A listening BridgeServer."""

    bridge: BridgeServer
    events: Events
    port: int


@asynccontextmanager
async def agent(
    handlers: Mapping[Operation[Any, Any], Handler],
    certificates: Certificates,
    *,
    keys: FixedKeys | None = None,
    unit_of_peer: str | None = "gateway",
    clock: SystemClock | None = None,
    boot: str = "boot-0001",
    port: int = 0,
    rules: CallRules | None = None,
) -> AsyncIterator[Agent]:
    events = Events()
    bridge = BridgeServer(
        boot=boot,
        authority=NAME,
        keys=keys or FixedKeys(),
        unit_of_peer=lambda _transport: unit_of_peer,
        handlers=handlers,
        authenticate=authenticate,
        feed=events,
        clock=clock or SystemClock(),
        rules=rules or CallRules(),
    )
    server = web.Server(bridge.handle, handler_cancellation=True, access_log=None)
    listener = await asyncio.get_running_loop().create_server(server, "127.0.0.1", port, ssl=certificates.server)
    try:
        yield Agent(bridge, events, listener.sockets[0].getsockname()[1])
    finally:
        listener.close()
        await bridge.drain(1.0)
        await server.shutdown(0.1)
        await listener.wait_closed()


@dataclass
class Gateway:
    """A BridgeClient, with what it is made of."""

    client: BridgeClient
    session: SignedSession
    feed: Feed
    cache: Cache
    breakers: dict[Lane, Breaker]
    transports: dict[Lane, Transport]
    clock: SystemClock
    tasks: asyncio.TaskGroup = field(repr=False)
    following: asyncio.Task[None] | None = None

    def context(self, deadline_s: float = 2.0) -> CallContext:
        return CallContext(
            "4bf92f3577b34da6a3ce929d0e0e4736", TRACEPARENT, asyncio.get_running_loop().time() + deadline_s
        )

    def follow_feed(self) -> None:
        self.following = self.tasks.create_task(self.feed.run())


@asynccontextmanager
async def gateway(
    port: int,
    certificates: Certificates,
    *,
    keys: FixedKeys | None = None,
    clock: SystemClock | None = None,
    breaker: BreakerRule | None = None,
    retry: RetryRule | None = None,
    pacing: PacingRule | None = None,
    cache: Cache | None = None,
    cache_rules: Mapping[str, CacheRule] | None = None,
) -> AsyncIterator[Gateway]:
    clock = clock or SystemClock()
    session = SignedSession(authority=NAME, keys=keys or FixedKeys(), clock=clock)
    endpoint = Endpoint("127.0.0.1", port, NAME)
    transports = {
        lane: Transport(endpoint, certificates.client, size=4 if lane is Lane.DATA else 2, connect_timeout_s=0.5)
        for lane in Lane
    }
    rng = random.Random(1)
    breakers = {lane: Breaker(breaker or BreakerRule(), rng=rng) for lane in Lane}
    answers = cache or Cache()
    async with asyncio.TaskGroup() as tasks:
        listeners: list[BridgeClient] = []
        feed = Feed(session=session, transport=transports[Lane.MACHINE], clock=clock, listeners=listeners)
        client = BridgeClient(
            session=session,
            transports=transports,
            breakers=breakers,
            pacing=Pacing(pacing or PacingRule(), clock),
            retry=retry or RetryRule(),
            cache=answers,
            feed=feed,
            clock=clock,
            tasks=tasks,
            rng=rng,
            cache_rules=cache_rules,
        )
        listeners.append(client)
        door = Gateway(client, session, feed, answers, breakers, transports, clock, tasks)
        try:
            yield door
        finally:
            if door.following is not None:
                door.following.cancel()
            await client.close()


class Numbers(Model):
    """Parameters of the tests' own operations."""

    a: int = 0
    b: int = 0


class Sum(Model):
    sum: int
