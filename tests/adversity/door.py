"""The door's side of the bridge, put together as in the gateway, with everything in sight and in reach."""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Final, NoReturn
from uuid import uuid4

import jwt

from bridge.client.breaker import Breaker, BreakerRule
from bridge.client.cache import Cache
from bridge.client.call import BridgeClient, CallContext, Credentials, Reply
from bridge.client.feed import Feed
from bridge.client.pacing import Pacing, PacingRule
from bridge.client.retry import RetryRule
from bridge.client.session import SignedAnswer, SignedSession
from bridge.client.transport import Endpoint, Response, Transport
from bridge.contracts.accounts import SIGN_IN, SignIn
from bridge.contracts.health import LIST, ListSymptoms, Total
from bridge.contracts.operation import CacheRule, Lane, Model, Operation
from bridge.errors import AppError, Code, Outcome
from bridge.keys import KeyStore
from bridge.pki import unit_name
from bridge.process.clock import SystemClock
from bridge.process.logs import JsonFormatter
from bridge.tls import ReloadingClientTLS
from demo.installation import Installation
from tests.adversity.appliance import PASSWORD
from tests.adversity.proxy import Proxy

AGENT: Final = unit_name("agent")
DEADLINE_S: Final = 2.0
_NEVER_S: Final = 3600.0

_RELOAD_S: Final = 0.1
_BEGINNING: Final = datetime(2020, 1, 1, tzinfo=UTC)
_numbers: Final = count()


def question() -> ListSymptoms:
    """Return one that nobody asked before, so that no cache knows it."""
    return ListSymptoms(start=_BEGINNING + timedelta(seconds=next(_numbers)), limit=5, total=Total.NONE)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a caller saw: an answer or an error, and after how long (seconds)."""

    outcome: Outcome
    took_s: float
    error: AppError | None = None
    reply: Reply | None = None

    @property
    def is_good(self) -> bool:
        """Whether the agent answered just now."""
        return self.outcome is Outcome.OK

    @property
    def code(self) -> Code | None:
        return self.error.code if self.error else None

    @property
    def total_items(self) -> int:
        return len(json.loads(self.reply.body)["items"]) if self.reply else 0


@dataclass(frozen=True, slots=True)
class Rules:
    """The figures of one door; the defaults are the product's."""

    breaker: BreakerRule = field(default_factory=BreakerRule)
    retry: RetryRule = field(default_factory=RetryRule)
    pacing: PacingRule = field(default_factory=PacingRule)
    cache: Mapping[str, CacheRule] = field(default_factory=dict)
    clock_ahead_s: float = 0.0
    feed_fresh_s: float = 1.0
    has_deadlines: bool = True
    hears_feed: bool = True
    learns_boot: bool = True
    learns_time: bool = True
    reloads: bool = True


class _Clock(SystemClock):
    def __init__(self, ahead_s: float) -> None:
        self._ahead_s = ahead_s

    def time(self) -> float:
        return SystemClock.time() + self._ahead_s


class _Session(SignedSession):
    """A session that may be slow on the uptake."""

    rules = Rules()

    def _open(self, response: Response, sent: Any) -> SignedAnswer:  # noqa: ANN401 - private to its module
        boot = self._boot
        answer = super()._open(response, sent)
        if boot and not self.rules.learns_boot:
            self._boot = boot
        return answer

    def _was_handshake(self, answer: SignedAnswer) -> bool:
        was_handshake = super()._was_handshake(answer)
        if not self.rules.learns_time:
            self.clock_offset_s = 0.0
        return was_handshake


@dataclass
class Door:
    """One gateway process's worth of the bridge. Calls go through one proxy, the feed through another."""

    client: BridgeClient
    session: SignedSession
    feed: Feed
    breakers: Mapping[Lane, Breaker]
    transports: Mapping[Lane, Transport]
    bridge: Proxy
    feed_way: Proxy
    lines: list[dict[str, Any]]
    rules: Rules
    credentials: Credentials = field(default_factory=Credentials)

    async def ask(
        self,
        params: Model | None = None,
        *,
        operation: Operation[Any, Any] = LIST,
        deadline_s: float = DEADLINE_S,
        idempotency_key: str = "",
    ) -> Seen:
        """Call ``operation``, by default for a page that nobody has asked for yet."""
        loop_time = asyncio.get_running_loop().time
        started = loop_time()
        trace_id = uuid4().hex
        if not self.rules.has_deadlines:
            deadline_s, operation = _NEVER_S, replace(operation, deadline_ms=int(_NEVER_S * 1000))
        context = CallContext(trace_id, f"00-{trace_id}-00f067aa0ba902b7-01", started + deadline_s)
        try:
            reply = await self.client.call(
                operation,
                question() if params is None else params,
                credentials=self.credentials,
                context=context,
                idempotency_key=idempotency_key,
            )
        except AppError as error:
            return Seen(error.code.outcome, loop_time() - started, error=error)
        return Seen(reply.outcome, loop_time() - started, reply=reply)

    async def ask_many(self, number: int, *, deadline_s: float = DEADLINE_S) -> list[Seen]:
        """Ask as many different questions at once."""
        async with asyncio.TaskGroup() as tasks:
            asked = [tasks.create_task(self.ask(deadline_s=deadline_s)) for _ in range(number)]
        return [task.result() for task in asked]

    async def sign_in(self, email: str) -> Seen:
        """Sign in, and ask as that account from now on."""
        seen = await self.ask(SignIn(email=email, password=PASSWORD), operation=SIGN_IN, deadline_s=5.0)
        if seen.reply is not None:
            tokens = json.loads(seen.reply.body)
            claims = jwt.decode(tokens["access_token"], options={"verify_signature": False})
            self.credentials = Credentials(tokens["access_token"], f"{claims['sub']}.{claims['sid']}.{claims['ver']}")
        return seen

    @asynccontextmanager
    async def load(self, *, every_s: float = 0.02) -> AsyncIterator[list[Seen]]:
        """Ask all the time, several at once; give what was seen so far."""
        seen: list[Seen] = []

        async def keep_asking() -> NoReturn:
            while True:
                seen.append(await self.ask())
                await asyncio.sleep(every_s)

        async with asyncio.TaskGroup() as tasks:
            asking = [tasks.create_task(keep_asking()) for _ in range(3)]
            yield seen
            for task in asking:
                task.cancel()

    def log(self, event: str) -> list[dict[str, Any]]:
        """Return what this side logged of one kind of event so far."""
        return [line for line in self.lines if line["event"] == event]


@asynccontextmanager
async def door(installation: Installation, agent_port: int, rules: Rules | None = None) -> AsyncIterator[Door]:
    """Give a door to the agent at ``agent_port``, with the certificate and keys of ``installation``."""
    rules = rules or Rules()
    clock = _Clock(rules.clock_ahead_s)
    keys = KeyStore(installation.gateway / "keys")
    tls = ReloadingClientTLS(installation.gateway / "tls")
    session = _Session(authority=AGENT, keys=keys, clock=clock)
    session.rules = rules
    far = ("127.0.0.1", agent_port)
    async with Proxy(("127.0.0.1", 0), far) as bridge, Proxy(("127.0.0.1", 0), far) as feed_way:
        transports = {
            lane: Transport(
                Endpoint("127.0.0.1", (feed_way if lane is Lane.MACHINE else bridge).port, AGENT), tls, size=4
            )
            for lane in Lane
        }
        rng = random.Random(1)
        breakers = {lane: Breaker(rules.breaker, rng=rng) for lane in Lane}
        with _captured_log() as lines:
            async with asyncio.TaskGroup() as tasks:
                listeners: list[BridgeClient] = []
                feed = Feed(
                    session=session,
                    transport=transports[Lane.MACHINE],
                    clock=clock,
                    listeners=listeners,
                    fresh_s=rules.feed_fresh_s,
                )
                client = BridgeClient(
                    session=session,
                    transports=transports,
                    breakers=breakers,
                    pacing=Pacing(rules.pacing, clock),
                    retry=rules.retry,
                    cache=Cache(),
                    feed=feed,
                    clock=clock,
                    tasks=tasks,
                    rng=rng,
                    cache_rules=rules.cache,
                )
                if rules.hears_feed:
                    listeners.append(client)
                background = [tasks.create_task(feed.run())]
                if rules.reloads:
                    background.append(tasks.create_task(_follow_files(keys, tls)))
                try:
                    yield Door(client, session, feed, breakers, transports, bridge, feed_way, lines, rules)
                finally:
                    for task in background:
                        task.cancel()
                    await client.close()


async def _follow_files(keys: KeyStore, tls: ReloadingClientTLS) -> None:
    while True:
        keys.reload_if_changed()
        tls.reload_if_changed()
        await asyncio.sleep(_RELOAD_S)


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(JsonFormatter(host="door", app="gateway"))
        self.lines: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(json.loads(self.format(record)))


@contextmanager
def _captured_log() -> Iterator[list[dict[str, Any]]]:
    handler, logger = _Lines(), logging.getLogger("bridge")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield handler.lines
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def outcomes(seen: list[Seen]) -> str:
    """Return how often each outcome was seen, as text."""
    counted = Counter(one.code.wire if one.code else one.outcome.value for one in seen)
    if len(seen) == 1:
        return next(iter(counted))
    return ", ".join(f"{number} {outcome}" for outcome, number in sorted(counted.items()))
