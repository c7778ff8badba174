"""A keep and a door to play a fault on, and the words in which a fault says what it expects."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bridge.client.breaker import State
from bridge.contracts.operation import Lane, Model
from bridge.errors import Outcome
from tests.adversity.agent import Mitigation
from tests.adversity.appliance import Keep, Stage, keep
from tests.adversity.door import DEADLINE_S, Door, Rules, Seen, door, outcomes, question
from tests.adversity.gateway import Mitigation as WithoutAtGateway
from tests.adversity.post import PostOffice, post_office
from tests.adversity.proxy import Proxy
from tests.waiting import until

RECOVERY_S: Final = 3.0
"""The first good answer comes within this time of a fault's end."""

POOL_SIZE: Final = 4
LATE_S: Final = 0.5
"""How late a busy machine may be in telling a caller that the deadline has passed."""

_LOOK_S: Final = 0.02


class Unmet(AssertionError):
    """What was expected of a fault did not happen; the message says what happened instead."""


class NotReady(AssertionError):
    """The fault could not be played at all: neither as delivered nor for its counter-run does that count."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What keep and door are made of: ``settings`` are the agent's, ``gateway`` those of the gateway's process.

    ``is_careless``: the owner skips the steps that make a change safe. ``has_mail``: there is a mail server, with
    ``has_relay`` the way to it leads through the door's relay, which a test starts. ``moves_clock``: the clocks of both
    processes can be moved; then the gateway's can be ``gateway_without``.
    """

    settings: Mapping[str, object] = field(default_factory=dict)
    gateway: Mapping[str, object] = field(default_factory=dict)
    without: Mitigation = Mitigation.NOTHING
    gateway_without: WithoutAtGateway = WithoutAtGateway.NOTHING
    rules: Rules = field(default_factory=Rules)
    is_careless: bool = False
    has_mail: bool = False
    has_relay: bool = False
    moves_clock: bool = False


@dataclass
class Scene:
    """``observed`` is what the table of docs/faults.md tells of a fault, ``recovery_s`` its time to a good answer."""

    stage: Stage
    keep: Keep
    door: Door
    email: str
    setup: Setup
    office: PostOffice | None = None
    observed: list[str] = field(default_factory=list)
    recovery_s: float | None = None

    def expect(self, condition: bool, otherwise: str) -> None:
        """Raise Unmet with ``otherwise`` unless ``condition`` holds."""
        if not condition:
            raise Unmet(otherwise)

    def note(self, observed: str) -> None:
        self.observed.append(observed)

    @property
    def post(self) -> PostOffice:
        assert self.office is not None, "the setup has no mail"
        return self.office

    # the way between the two machines

    def cut_bridge(self) -> None:
        self.door.bridge.cut()
        self.door.feed_way.cut()

    def stall_bridge(self) -> None:
        self.door.bridge.stall()
        self.door.feed_way.stall()

    # asking

    async def ask(self, params: Model | None = None, *, deadline_s: float = DEADLINE_S) -> Seen:
        """Ask, and hold the answer to its deadline."""
        try:
            async with asyncio.timeout(deadline_s + LATE_S):
                return await self.door.ask(params, deadline_s=deadline_s)
        except TimeoutError:
            msg = f"no answer after {deadline_s + LATE_S:.1f} s, {LATE_S} s past the deadline"
            raise Unmet(msg) from None

    async def remember(self) -> Model:
        """Return a question whose answer the door knows from now on."""
        known = question()
        seen = await self.door.ask(known)
        if not seen.is_good:
            msg = f"before the fault: {outcomes([seen])}"
            raise NotReady(msg)
        return known

    async def expect_stale(self, known: Model) -> None:
        """Expect what is known to be given by the deadline, with its age, once changes cannot be heard any more."""
        await until(lambda: not self.door.feed.is_fresh)
        seen = await self.ask(known)
        self.expect(seen.outcome is Outcome.STALE, f"who has a remembered answer gets: {outcomes([seen])}")
        self.note("a remembered answer is given as stale, with its age")

    async def expect_refusal(self, *expected: Outcome) -> None:
        """Expect a new question to be refused by its deadline, saying when to try again."""
        seen = await self.ask()
        self.expect(seen.outcome in expected, f"a new question is answered: {outcomes([seen])}")
        has_retry_after = seen.error is not None and seen.error.retry_after_s is not None
        self.note(f"a new question: `{outcomes([seen])}`{', with Retry-After' if has_retry_after else ''}")

    # afterwards

    async def restore(self) -> None:
        """End the fault of every proxy."""
        for proxy in self._proxies:
            await proxy.restore()

    @property
    def _proxies(self) -> tuple[Proxy, ...]:
        proxies = (self.door.bridge, self.door.feed_way, self.keep.database)
        return proxies if self.office is None else (*proxies, self.office.way)

    async def expect_recovery(self, within_s: float = RECOVERY_S) -> None:
        """Expect a good answer ``within_s`` from now, a closed breaker, and a whole pool soon after."""
        loop_time = asyncio.get_running_loop().time
        started, seen = loop_time(), None
        while seen is None or not seen.is_good:
            self.expect(loop_time() - started < within_s, f"no good answer {within_s:g} s after: {_last(seen)}")
            seen = await self.door.ask()
            await asyncio.sleep(_LOOK_S)
        self.recovery_s = loop_time() - started
        await self._expect_closed_breakers(loop_time() + within_s)
        await self._expect_whole_pools()

    async def _expect_closed_breakers(self, deadline: float) -> None:
        breaker = self.door.breakers[Lane.DATA]
        while breaker.state is not State.CLOSED:
            self.expect(asyncio.get_running_loop().time() < deadline, f"the breaker stays {breaker.state}")
            await self.door.ask()
            await asyncio.sleep(_LOOK_S)

    async def _expect_whole_pools(self) -> None:
        """Expect every place of both pools to be of use, and none to be there twice."""
        await self.eventually(self._has_whole_pools, "the pools are not whole again")

    async def _has_whole_pools(self) -> bool:
        seen = await self.door.ask_many(2 * POOL_SIZE)
        connections = [await self.stage.connections(pool) for pool in ("source", "store")]
        return (
            all(one.is_good for one in seen)
            and self.door.transports[Lane.DATA].open_count <= POOL_SIZE
            and all(number <= POOL_SIZE for number in connections)
        )

    async def eventually(self, holds: Callable[[], Awaitable[bool]], otherwise: str, *, within_s: float = 1.0) -> float:
        """Expect something to hold ``within_s`` from now; return after how long it did (seconds)."""
        loop_time = asyncio.get_running_loop().time
        started = loop_time()
        while not await holds():
            self.expect(loop_time() - started < within_s, f"{otherwise}, {within_s:g} s after")
            await asyncio.sleep(_LOOK_S)
        return loop_time() - started

    async def until_query_runs(self) -> None:
        """Return when PostgreSQL is at work on a question."""
        try:
            await self.eventually(self._has_running_query, "no query runs", within_s=DEADLINE_S)
        except Unmet as unmet:
            raise NotReady(str(unmet)) from unmet

    async def expect_no_query(self, otherwise: str) -> None:
        """Expect PostgreSQL to have stopped working for nobody, within a second."""
        took_s = await self.eventually(self._has_no_query, otherwise)
        self.note(f"the query was gone from `pg_stat_activity` {took_s:.1f} s later")

    async def _has_running_query(self) -> bool:
        return await self.stage.running_queries() > 0

    async def _has_no_query(self) -> bool:
        return await self.stage.running_queries() == 0


@asynccontextmanager
async def scene(stage: Stage, setup: Setup | None = None) -> AsyncIterator[Scene]:
    """Give an agent and a door to it that is signed in and hears the feed. Raises Unmet and NotReady as inside."""
    setup = setup or Setup()
    try:
        async with (
            _office(stage, setup) as office,
            keep(
                stage, settings=setup.settings, without=setup.without, office=office, moves_clock=setup.moves_clock
            ) as made,
            door(made.installation, made.port, setup.rules) as opened,
        ):
            email = await stage.add_user()
            ready = Scene(stage, made, opened, email, setup, office)
            seen = await opened.sign_in(email)
            if not seen.is_good:
                msg = f"signing in: {outcomes([seen])}"
                raise NotReady(msg)
            await until(lambda: opened.feed.is_fresh, timeout_s=10.0)
            yield ready
    except ExceptionGroup as group:
        told, others = group.split((Unmet, NotReady))
        if told is None or others is not None:
            raise
        raise _first(told) from group


@asynccontextmanager
async def _office(stage: Stage, setup: Setup) -> AsyncIterator[PostOffice | None]:
    if not setup.has_mail:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="post-", dir=stage.folder) as folder:
        async with post_office(Path(folder), has_relay=setup.has_relay) as office:
            yield office


def _first(error: BaseException) -> BaseException:
    """Return what a task group wrapped."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _last(seen: Seen | None) -> str:
    return outcomes([seen]) if seen else "nobody asked"
