"""Whole calls, gateway to agent and back, over real mTLS on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from typing import Any, Final

import pytest

from bridge.client.breaker import BreakerRule, State
from bridge.client.call import Credentials, Reply
from bridge.client.pacing import PacingRule
from bridge.client.retry import RetryRule
from bridge.contracts.operation import (
    ANSWER_MAX_BYTES,
    Anonymous,
    CacheRule,
    Effect,
    Lane,
    Machine,
    Nothing,
    Operation,
    Role,
    User,
)
from bridge.contracts.system import FeedEvent
from bridge.errors import AppError, Busy, Code, Conflict, Denied, Invalid, NotFound, Outcome, Unavailable
from bridge.server import Answer, CallerContext, CallRules, Handler, SlotRule, UserCaller
from tests.bridge_pair import (
    CREDENTIALS,
    SESSION,
    TOKEN,
    TRACEPARENT,
    USER,
    Certificates,
    FixedKeys,
    Gateway,
    Numbers,
    SkewedClock,
    Sum,
    agent,
    gateway,
)
from tests.waiting import until

ADD: Final = Operation(name="test.add", params=Numbers, result=Sum, principal=User())
REMEMBERED: Final = Operation(
    name="test.remembered", params=Numbers, result=Sum, principal=User(), cache=CacheRule(frozenset({"test.numbers"}))
)
HURRIED: Final = Operation(
    name="test.hurried", params=Numbers, result=Sum, principal=User(), cache=CacheRule(frozenset({"test.numbers"})),
    deadline_ms=200,
)  # fmt: skip
WRITE: Final = Operation(
    name="test.write", params=Numbers, result=Sum, principal=User(), effect=Effect.WRITE,
    invalidates=frozenset({"test.numbers"}),
)  # fmt: skip
ADMIN: Final = Operation(name="test.admin", params=Nothing, result=Sum, principal=User(frozenset({Role.ADMIN})))
OPEN: Final = Operation(name="test.open", params=Nothing, result=Sum, principal=Anonymous())
UNITS: Final = Operation(name="test.units", params=Nothing, result=Sum, principal=Machine(frozenset({"monitor"})))
ISSUE: Final = Operation(
    name="test.issue", params=Nothing, result=Sum, principal=Anonymous(), effect=Effect.WRITE, issues_tokens=True,
    lane=Lane.CREDENTIALS,
)  # fmt: skip


class Handlers:
    """What the agent does, and what it was asked."""

    def __init__(self) -> None:
        self.contexts: list[CallerContext] = []
        self.before: Callable[[], Awaitable[None]] | None = None
        self.cancelled = asyncio.Event()
        self.asked = asyncio.Event()
        self.number = 0

    async def add(self, context: CallerContext, params: Numbers) -> Answer:
        self.contexts.append(context)
        self.asked.set()
        if self.before is not None:
            try:
                await self.before()
            except asyncio.CancelledError:
                self.cancelled.set()
                raise
        return Answer(b'{"sum":%d}' % (params.a + params.b + self.number), next_cursor="page-2")

    async def any(self, context: CallerContext, _params: Nothing) -> Answer:
        return await self.add(context, Numbers())

    @property
    def calls(self) -> int:
        return len(self.contexts)

    def table(self) -> dict[Operation[Any, Any], Handler]:
        table: dict[Operation[Any, Any], Handler] = dict.fromkeys((ADD, REMEMBERED, HURRIED, WRITE), self.add)
        return {**table, **dict.fromkeys((ADMIN, OPEN, UNITS, ISSUE), self.any)}


@pytest.fixture
def handlers() -> Handlers:
    return Handlers()


async def ask(door: Gateway, operation: Operation[Any, Any] = ADD, *, deadline_s: float = 2.0, **numbers: int) -> Reply:
    params = Numbers(**numbers) if operation.params is Numbers else Nothing()
    credentials = CREDENTIALS if isinstance(operation.principal, User) else Credentials()
    return await door.client.call(operation, params, credentials=credentials, context=door.context(deadline_s))


# The plain way


@pytest.mark.story("health/US-BE-43.1")
async def test_call_returns_the_agents_bytes(handlers: Handlers, bridge_certificates: Certificates) -> None:
    async with agent(handlers.table(), bridge_certificates) as keep, gateway(keep.port, bridge_certificates) as door:
        reply = await ask(door, a=1, b=2)
        assert (reply.body, reply.outcome, reply.next_cursor) == (b'{"sum":3}', Outcome.OK, "page-2")
        context = handlers.contexts[0]
        assert context.user == UserCaller(USER, SESSION, Role.VIEWER, token_version=1)
        assert context.traceparent == TRACEPARENT
        assert context.request_id in TRACEPARENT


async def test_first_call_learns_the_boot_id_and_is_carried_out_once(
    handlers: Handlers, bridge_certificates: Certificates
) -> None:
    async with agent(handlers.table(), bridge_certificates) as keep, gateway(keep.port, bridge_certificates) as door:
        await ask(door)
        await ask(door)
        assert handlers.calls == 2


async def test_call_recovers_when_the_agent_restarted(handlers: Handlers, bridge_certificates: Certificates) -> None:
    async with AsyncExitStack() as lasting:
        async with agent(handlers.table(), bridge_certificates, boot="boot-0001") as keep:
            door = await lasting.enter_async_context(gateway(keep.port, bridge_certificates))
            await ask(door)
        async with agent(handlers.table(), bridge_certificates, boot="boot-0002", port=keep.port):
            assert (await ask(door)).outcome is Outcome.OK
    assert handlers.calls == 2


@pytest.mark.parametrize("ahead_s", [3600.0, -3600.0])
async def test_call_is_answered_when_the_clocks_are_an_hour_apart(
    handlers: Handlers, bridge_certificates: Certificates, ahead_s: float
) -> None:
    clock = SkewedClock(ahead_s)
    async with agent(handlers.table(), bridge_certificates, clock=clock) as keep:
        async with gateway(keep.port, bridge_certificates) as door:
            assert (await ask(door)).outcome is Outcome.OK
            assert handlers.calls == 1
            assert door.session.clock_offset_s == pytest.approx(ahead_s, abs=2)
            assert door.breakers[Lane.DATA].counters(door.clock.monotonic()).failed == 0


# Refusals


@pytest.mark.parametrize(
    ("operation", "kind", "code"),
    [(ADMIN, Denied, Code.FORBIDDEN), (UNITS, Denied, Code.FORBIDDEN)],
    ids=["another role", "another unit"],
)
async def test_call_is_refused_when_the_caller_may_not(
    handlers: Handlers,
    bridge_certificates: Certificates,
    operation: Operation[Any, Any],
    kind: type[AppError],
    code: Code,
) -> None:
    async with agent(handlers.table(), bridge_certificates) as keep, gateway(keep.port, bridge_certificates) as door:
        with pytest.raises(kind) as refused:
            await ask(door, operation)
        assert refused.value.code is code
        assert handlers.calls == 0


@pytest.mark.parametrize("token", ["", "another-token"])
async def test_call_is_refused_when_the_token_is_not_good(
    handlers: Handlers, bridge_certificates: Certificates, token: str
) -> None:
    async with agent(handlers.table(), bridge_certificates) as keep, gateway(keep.port, bridge_certificates) as door:
        with pytest.raises(Denied) as refused:
            await door.client.call(ADD, Numbers(), credentials=Credentials(token), context=door.context())
        assert refused.value.code is Code.UNAUTHENTICATED


async def test_user_operation_is_refused_when_another_unit_calls_it(
    handlers: Handlers, bridge_certificates: Certificates
) -> None:
    keys = FixedKeys("monitor")
    async with agent(handlers.table(), bridge_certificates, keys=keys, unit_of_peer="monitor") as keep:
        async with gateway(keep.port, bridge_certificates, keys=keys) as door:
            with pytest.raises(Denied):
                await ask(door)
            assert (await ask(door, UNITS)).outcome is Outcome.OK


async def test_call_is_unreachable_when_certificate_and_key_name_different_units(
    handlers: Handlers, bridge_certificates: Certificates
) -> None:
    async with agent(handlers.table(), bridge_certificates, unit_of_peer="monitor") as keep:
        async with gateway(keep.port, bridge_certificates) as door:
            with pytest.raises(Unavailable) as refused:
                await ask(door)
            assert refused.value.code is Code.UNREACHABLE
    assert handlers.calls == 0


@pytest.mark.story("health/US-BE-29.3")
async def test_unknown_operation_and_wrong_parameters_are_told_apart(
    handlers: Handlers, bridge_certificates: Certificates
) -> None:
    unknown = Operation(name="test.unknown", params=Nothing, result=Sum, principal=Anonymous())

    class Words(Numbers):
        a: str = "one"  # type: ignore[assignment]  # what the agent's contract does not allow

    async with agent(handlers.table(), bridge_certificates) as keep, gateway(keep.port, bridge_certificates) as door:
        with pytest.raises(NotFound):
            await ask(door, unknown)
        with pytest.raises(Invalid) as refused:
            await door.client.call(ADD, Words(), credentials=CREDENTIALS, context=door.context())
        assert [field.name for field in refused.value.fields] == ["a"]


@pytest.mark.story("health/US-BE-43.4")
async def test_an_error_of_the_handler_keeps_its_code_and_closes_nobody_out(
    handlers: Handlers, bridge_certificates: Certificates
) -> None:
    async def conflict() -> None:
        raise Conflict(Code.CONFLICT, "taken")

    handlers.before = conflict
    async with agent(handlers.table(), bridge_certificates) as keep, gateway(keep.port, bridge_certificates) as door:
        for _ in range(20):
            with pytest.raises(Conflict, match="taken"):
                await ask(door)
        assert door.breakers[Lane.DATA].state is State.CLOSED


@pytest.mark.story("health/US-BE-43.4", "water/FR-103")
async def test_a_bug_in_a_handler_is_told_as_internal_without_its_text(
    handlers: Handlers, bridge_certificates: Certificates, caplog: pytest.LogCaptureFixture
) -> None:
    async def bug() -> None:
        raise LookupError(*["secret detail"])

    handlers.before = bug
    async with agent(handlers.table(), bridge_certificates) as keep, gateway(keep.port, bridge_certificates) as door:
        with pytest.raises(AppError) as failed:
            await ask(door, WRITE)
        assert failed.value.code is Code.INTERNAL
        assert "secret" not in str(failed.value)
    assert any(record.exc_info for record in caplog.records if record.message == "bridge_call_answered")


# Deadlines and cancellation


@pytest.mark.story("health/US-BE-11.5")
async def test_call_times_out_and_the_agents_work_is_cancelled(
    handlers: Handlers, bridge_certificates: Certificates
) -> None:
    handlers.before = asyncio.Event().wait  # type: ignore[assignment]  # its True is not looked at
    async with agent(handlers.table(), bridge_certificates) as keep, gateway(keep.port, bridge_certificates) as door:
        with pytest.raises(Unavailable) as late:
            await ask(door, deadline_s=0.2)
        assert late.value.code is Code.TIMEOUT
        await handlers.cancelled.wait()
        handlers.before = None
        assert (await ask(door)).outcome is Outcome.OK


async def test_agents_work_is_cancelled_when_the_caller_goes_away(
    handlers: Handlers, bridge_certificates: Certificates
) -> None:
    handlers.before = asyncio.Event().wait  # type: ignore[assignment]  # its True is not looked at
    async with agent(handlers.table(), bridge_certificates) as keep, gateway(keep.port, bridge_certificates) as door:
        call = door.tasks.create_task(ask(door, REMEMBERED))
        await handlers.asked.wait()
        call.cancel()
        await handlers.cancelled.wait()
        handlers.before = None
        assert (await ask(door)).outcome is Outcome.OK


async def test_breaker_does_not_count_a_time_out_when_the_caller_left_the_agent_no_time(
    handlers: Handlers, bridge_certificates: Certificates
) -> None:
    handlers.before = asyncio.Event().wait  # type: ignore[assignment]  # its True is not looked at
    async with agent(handlers.table(), bridge_certificates) as keep, gateway(keep.port, bridge_certificates) as door:
        with pytest.raises(Unavailable):
            await ask(door, deadline_s=0.1)
        assert door.breakers[Lane.DATA].counters(door.clock.monotonic()).calls == 0


@pytest.mark.parametrize("is_remembered", [False, True])
async def test_breaker_opens_when_the_agent_lets_the_time_of_remembered_answers_pass(
    handlers: Handlers, bridge_certificates: Certificates, *, is_remembered: bool
) -> None:
    async def outcome(number: int) -> Outcome:
        try:
            return (await ask(door, HURRIED, a=number)).outcome
        except Unavailable as error:
            return error.code.outcome

    rule = BreakerRule(calls_min=3)
    async with (
        agent(handlers.table(), bridge_certificates) as keep,
        gateway(keep.port, bridge_certificates, breaker=rule) as door,
    ):
        if is_remembered:
            assert [await outcome(number) for number in range(3)] == [Outcome.OK] * 3
        handlers.before = asyncio.Event().wait  # type: ignore[assignment]  # its True is not looked at
        expected = Outcome.STALE if is_remembered else Code.TIMEOUT.outcome
        assert [await outcome(number) for number in range(3)] == [expected] * 3
        await until(lambda: door.breakers[Lane.DATA].state is State.OPEN)


# What fails


async def fail_times(handlers: Handlers, count: int) -> None:
    async def fail() -> None:
        if handlers.calls <= count:
            raise Unavailable(Code.DATABASE_UNAVAILABLE)

    handlers.before = fail


@pytest.mark.story("health/US-BE-46.2", "health/US-BE-08.4", "todo/FR-018")
async def test_call_succeeds_when_the_agent_fails_twice(handlers: Handlers, bridge_certificates: Certificates) -> None:
    await fail_times(handlers, 2)
    async with agent(handlers.table(), bridge_certificates) as keep, gateway(keep.port, bridge_certificates) as door:
        assert (await ask(door)).outcome is Outcome.OK
        assert handlers.calls == 3


async def test_a_write_keeps_its_idempotency_key_when_it_is_tried_again(
    handlers: Handlers, bridge_certificates: Certificates
) -> None:
    await fail_times(handlers, 2)
    async with agent(handlers.table(), bridge_certificates) as keep, gateway(keep.port, bridge_certificates) as door:
        await ask(door, WRITE)
        keys = {context.idempotency_key for context in handlers.contexts}
        assert len(keys) == 1
        assert len(keys.pop()) >= 16


async def test_an_operation_that_issues_tokens_is_not_tried_again_when_it_was_sent(
    handlers: Handlers, bridge_certificates: Certificates
) -> None:
    await fail_times(handlers, 2)
    async with agent(handlers.table(), bridge_certificates) as keep, gateway(keep.port, bridge_certificates) as door:
        with pytest.raises(Unavailable):
            await ask(door, ISSUE)
        assert handlers.calls == 1


async def test_retries_stop_when_their_budget_is_spent(handlers: Handlers, bridge_certificates: Certificates) -> None:
    await fail_times(handlers, 1000)
    rule = RetryRule(budget_share=0.2, budget_per_s=0.1, backoff_max_s=0.026)
    async with agent(handlers.table(), bridge_certificates) as keep:
        breaker = BreakerRule(calls_min=1000)
        async with gateway(keep.port, bridge_certificates, retry=rule, breaker=breaker) as door:
            for _ in range(20):
                with pytest.raises(Unavailable):
                    await ask(door)
            assert handlers.calls <= 20 + 0.2 * 20 + 1


@pytest.mark.story("health/US-BE-47.1", "health/US-BE-47.2")
async def test_breaker_opens_and_closes_again_when_the_agent_recovers(
    handlers: Handlers, bridge_certificates: Certificates
) -> None:
    await fail_times(handlers, 1000)
    rule = BreakerRule(calls_min=4, open_s=0.3, jitter=0.0)
    async with agent(handlers.table(), bridge_certificates) as keep:
        async with gateway(keep.port, bridge_certificates, breaker=rule, retry=RetryRule(attempts_max=0)) as door:
            for _ in range(4):
                with pytest.raises(Unavailable):
                    await ask(door)
            asked = handlers.calls
            with pytest.raises(Unavailable) as refused:
                await ask(door)
            assert refused.value.code is Code.BREAKER_OPEN
            assert handlers.calls == asked
            assert door.breakers[Lane.CREDENTIALS].state is State.CLOSED
            handlers.before = None
            for _ in range(3):
                with suppress(Unavailable):
                    await ask(door)
                await asyncio.sleep(0.3)  # the breaker's own time
            assert door.breakers[Lane.DATA].state is State.CLOSED


@pytest.mark.parametrize("code", [Code.APP_DISABLED, Code.PROVIDER_UNAVAILABLE, Code.STORAGE_FULL])
async def test_breaker_stays_closed_and_nothing_is_tried_again_when_the_agent_is_well(
    handlers: Handlers, bridge_certificates: Certificates, code: Code
) -> None:
    async def refuse() -> None:
        raise Unavailable(code)

    handlers.before = refuse
    async with agent(handlers.table(), bridge_certificates) as keep:
        async with gateway(keep.port, bridge_certificates, breaker=BreakerRule(calls_min=4)) as door:
            for _ in range(8):
                with pytest.raises(Unavailable) as refused:
                    await ask(door)
                assert refused.value.code is code
            assert handlers.calls == 8
            assert door.breakers[Lane.DATA].state is State.CLOSED


async def test_nobody_else_is_closed_out_when_somebodys_answer_is_too_large(
    handlers: Handlers, bridge_certificates: Certificates
) -> None:
    """A unit takes no more than 8 MiB: more looked like an agent that is away, and was asked for three times each."""

    async def everything(_context: CallerContext, _params: Nothing) -> Answer:
        handlers.number += 1
        return Answer(b" " * ANSWER_MAX_BYTES + b"1")

    table = {**handlers.table(), OPEN: everything}
    async with agent(table, bridge_certificates) as keep:
        async with gateway(keep.port, bridge_certificates, breaker=BreakerRule(calls_min=4)) as door:
            for _ in range(8):
                with pytest.raises(Invalid) as refused:
                    await ask(door, OPEN)
                assert refused.value.code is Code.INVALID_REQUEST
            assert handlers.number == 8
            assert door.breakers[Lane.DATA].state is State.CLOSED
            handlers.number = 0
            assert (await ask(door, a=1, b=2)).body == b'{"sum":3}'


async def test_call_is_answered_when_its_answer_is_just_as_large_as_a_unit_takes(
    handlers: Handlers, bridge_certificates: Certificates
) -> None:
    async def much(_context: CallerContext, _params: Nothing) -> Answer:
        return Answer(b" " * ANSWER_MAX_BYTES)

    async with agent({**handlers.table(), OPEN: much}, bridge_certificates) as keep:
        async with gateway(keep.port, bridge_certificates) as door:
            assert len((await ask(door, OPEN)).body) == ANSWER_MAX_BYTES


@pytest.mark.story("health/US-BE-46.1")
async def test_call_is_unreachable_when_nobody_listens(bridge_certificates: Certificates) -> None:
    async with gateway(1, bridge_certificates) as door:
        with pytest.raises(Unavailable) as refused:
            await ask(door)
        assert refused.value.code is Code.UNREACHABLE
        assert refused.value.retry_after_s is not None


# Shedding and pacing


@pytest.mark.story("health/US-BE-43.6", "todo/US-5.3")
async def test_agent_sheds_calls_when_places_and_queue_are_full(
    handlers: Handlers, bridge_certificates: Certificates
) -> None:
    gate = asyncio.Event()
    handlers.before = gate.wait  # type: ignore[assignment]  # its True is not looked at
    rules = CallRules(slots={lane: SlotRule(in_flight=1, queue=1, wait_s=5.0) for lane in Lane})
    async with agent(handlers.table(), bridge_certificates, rules=rules) as keep:
        async with gateway(keep.port, bridge_certificates, retry=RetryRule(attempts_max=0)) as door:
            async with asyncio.TaskGroup() as tasks:
                first = tasks.create_task(ask(door, a=1))
                await handlers.asked.wait()
                second = tasks.create_task(ask(door, a=2))
                await until(lambda: keep.bridge.waiting(Lane.DATA) == 1)
                with pytest.raises(Busy) as shed:
                    await ask(door, a=3)
                assert shed.value.code is Code.OVERLOADED
                assert shed.value.retry_after_s is not None
                gate.set()
            assert (first.result().outcome, second.result().outcome) == (Outcome.OK, Outcome.OK)


@pytest.mark.story("health/US-BE-43.6")
async def test_gateway_holds_a_flood_back_when_it_comes_too_fast(
    handlers: Handlers, bridge_certificates: Certificates
) -> None:
    pacing = PacingRule(calls_per_s=10, burst=1, waiting_max=0)
    async with agent(handlers.table(), bridge_certificates) as keep:
        async with gateway(keep.port, bridge_certificates, pacing=pacing) as door:
            await ask(door)
            with pytest.raises(Busy):
                await ask(door)
            assert door.breakers[Lane.DATA].counters(door.clock.monotonic()).failed == 0


# Cache and feed


async def fresh(door: Gateway) -> None:
    door.follow_feed()
    await until(lambda: door.feed.is_fresh)


@pytest.mark.story("health/US-BE-45.1")
async def test_second_call_is_cached_when_the_feed_is_fresh(
    handlers: Handlers, bridge_certificates: Certificates
) -> None:
    async with agent(handlers.table(), bridge_certificates) as keep, gateway(keep.port, bridge_certificates) as door:
        await fresh(door)
        first, second = await ask(door, REMEMBERED, a=1), await ask(door, REMEMBERED, a=1)
        assert (first.outcome, second.outcome) == (Outcome.OK, Outcome.CACHED)
        assert (second.body, second.next_cursor, second.as_of) == (first.body, first.next_cursor, first.as_of)
        assert second.cache_status.startswith("drawbridge; hit")
        assert handlers.calls == 1


@pytest.mark.story("health/US-BE-45.5")
async def test_second_call_asks_again_when_there_is_no_feed(
    handlers: Handlers, bridge_certificates: Certificates
) -> None:
    async with agent(handlers.table(), bridge_certificates) as keep, gateway(keep.port, bridge_certificates) as door:
        await ask(door, REMEMBERED)
        assert (await ask(door, REMEMBERED)).outcome is Outcome.OK
        assert handlers.calls == 2


async def test_cached_answers_are_not_shared_when_the_session_differs(
    handlers: Handlers, bridge_certificates: Certificates
) -> None:
    async with agent(handlers.table(), bridge_certificates) as keep, gateway(keep.port, bridge_certificates) as door:
        await fresh(door)
        await ask(door, REMEMBERED)
        other = Credentials(CREDENTIALS.token, f"{USER}.{USER}.1")
        reply = await door.client.call(REMEMBERED, Numbers(), credentials=other, context=door.context())
        assert reply.outcome is Outcome.OK


async def test_many_who_ask_the_same_at_once_are_one_call(
    handlers: Handlers, bridge_certificates: Certificates
) -> None:
    gate = asyncio.Event()
    handlers.before = gate.wait  # type: ignore[assignment]  # its True is not looked at
    async with agent(handlers.table(), bridge_certificates) as keep, gateway(keep.port, bridge_certificates) as door:
        async with asyncio.TaskGroup() as tasks:
            calls = [tasks.create_task(ask(door, REMEMBERED)) for _ in range(50)]
            await handlers.asked.wait()
            calls[0].cancel()  # who asked first leaves; nobody else may notice
            gate.set()
        assert {call.result().body for call in calls[1:]} == {b'{"sum":0}'}
        assert handlers.calls == 1


@pytest.mark.story("health/US-BE-45.2")
@pytest.mark.parametrize(
    "event",
    [
        FeedEvent(kind="tags_invalidated", tags=("test.numbers",)),
        FeedEvent(kind="users_changed", users=(str(USER),)),
        FeedEvent(kind="users_changed", sessions=(str(SESSION),)),
    ],
    ids=["tags", "users", "sessions"],
)
async def test_cached_answer_ends_when_the_feed_says_so(
    handlers: Handlers, bridge_certificates: Certificates, event: FeedEvent
) -> None:
    async with agent(handlers.table(), bridge_certificates) as keep, gateway(keep.port, bridge_certificates) as door:
        await fresh(door)
        await ask(door, REMEMBERED)
        generation = door.cache.generation
        keep.events.publish(event)
        await until(lambda: door.cache.generation != generation)
        handlers.number = 100
        assert (await ask(door, REMEMBERED)).body == b'{"sum":100}'


@pytest.mark.story("health/US-BE-45.2")
async def test_cached_answer_ends_when_a_write_touches_it(
    handlers: Handlers, bridge_certificates: Certificates
) -> None:
    async with agent(handlers.table(), bridge_certificates) as keep, gateway(keep.port, bridge_certificates) as door:
        await fresh(door)
        await ask(door, REMEMBERED)
        await ask(door, WRITE)
        assert (await ask(door, REMEMBERED)).outcome is Outcome.OK


async def test_cached_answer_ends_when_a_write_was_sent_and_its_answer_lost(
    handlers: Handlers, bridge_certificates: Certificates
) -> None:
    async with agent(handlers.table(), bridge_certificates) as keep, gateway(keep.port, bridge_certificates) as door:
        await fresh(door)
        await ask(door, REMEMBERED)
        handlers.before = asyncio.Event().wait  # type: ignore[assignment]  # its True is not looked at
        with pytest.raises(Unavailable):
            await ask(door, WRITE, deadline_s=0.1)
        handlers.before = None
        assert (await ask(door, REMEMBERED)).outcome is Outcome.OK


async def test_answer_is_kept_for_nobody_when_it_belongs_to_nobody(
    handlers: Handlers, bridge_certificates: Certificates
) -> None:
    async with agent(handlers.table(), bridge_certificates) as keep, gateway(keep.port, bridge_certificates) as door:
        await fresh(door)
        await door.client.call(REMEMBERED, Numbers(), credentials=Credentials(TOKEN), context=door.context())
        assert len(door.cache) == 0


async def test_answer_is_renewed_in_the_background_when_it_is_no_longer_fresh(
    handlers: Handlers, bridge_certificates: Certificates
) -> None:
    rule = CacheRule(frozenset({"test.numbers"}), fresh_s=0.0)
    async with agent(handlers.table(), bridge_certificates) as keep:
        async with gateway(keep.port, bridge_certificates, cache_rules={REMEMBERED.name: rule}) as door:
            await fresh(door)
            first = await ask(door, REMEMBERED)
            handlers.number = 100
            second = await ask(door, REMEMBERED)
            assert (second.outcome, second.body) == (Outcome.CACHED, first.body)
            await until(lambda: door.client.in_flight == 0)
            assert handlers.calls == 2
            assert (await ask(door, REMEMBERED)).body == b'{"sum":100}'


async def test_idle_connections_are_closed_when_asked(handlers: Handlers, bridge_certificates: Certificates) -> None:
    async with agent(handlers.table(), bridge_certificates) as keep, gateway(keep.port, bridge_certificates) as door:
        await ask(door)
        door.client.close_idle()  # not idle for long: it stays
        assert door.transports[Lane.DATA].open_count == 1


@pytest.mark.story("health/US-BE-10.3", "health/US-BE-46.3", "health/US-BE-47.5")
async def test_stale_answer_is_given_when_the_agent_fails_and_its_origin_rests(
    handlers: Handlers, bridge_certificates: Certificates
) -> None:
    async with agent(handlers.table(), bridge_certificates) as keep:
        async with gateway(keep.port, bridge_certificates, retry=RetryRule(attempts_max=0)) as door:
            before = await ask(door, REMEMBERED)
            await fail_times(handlers, 1000)
            reply = await ask(door, REMEMBERED)
            assert (reply.outcome, reply.body, reply.as_of) == (Outcome.STALE, before.body, before.as_of)
            asked = handlers.calls
            assert (await ask(door, REMEMBERED)).outcome is Outcome.STALE
            assert handlers.calls == asked


async def test_remembered_answer_is_forgotten_when_the_agent_denies_the_caller(
    handlers: Handlers, bridge_certificates: Certificates
) -> None:
    async def deny() -> None:
        raise Denied(Code.NOT_LINKED)

    async with agent(handlers.table(), bridge_certificates) as keep, gateway(keep.port, bridge_certificates) as door:
        await ask(door, REMEMBERED)
        handlers.before = deny
        with pytest.raises(Denied):
            await ask(door, REMEMBERED)
        assert len(door.cache) == 0


async def test_feed_is_followed_again_and_remembered_answers_asked_anew_when_it_was_cut(
    handlers: Handlers, bridge_certificates: Certificates
) -> None:
    async with agent(handlers.table(), bridge_certificates) as keep, gateway(keep.port, bridge_certificates) as door:
        await fresh(door)
        await ask(door, REMEMBERED)
        for connection in tuple(door.transports[Lane.MACHINE]._connections):  # the cut
            connection.abort()
        await until(lambda: door.feed.lost_at is not None)
        assert (await ask(door, REMEMBERED)).outcome is Outcome.OK
        await until(lambda: door.feed.is_fresh)
        assert (await ask(door, REMEMBERED)).outcome is Outcome.OK
        assert (await ask(door, REMEMBERED)).outcome is Outcome.CACHED


async def unplugged(door: Gateway) -> None:
    """Let the feed be lost and come back: invalidations may have been missed."""
    for connection in tuple(door.transports[Lane.MACHINE]._connections):
        connection.abort()
    await until(lambda: door.feed.lost_at is not None)
    await until(lambda: door.feed.is_fresh)


async def test_answer_of_before_a_gap_is_not_given_when_the_agent_did_not_say_that_its_owner_is_still_let_in(
    handlers: Handlers, bridge_certificates: Certificates
) -> None:
    async with agent(handlers.table(), bridge_certificates) as keep:
        async with gateway(keep.port, bridge_certificates, retry=RetryRule(attempts_max=0)) as door:
            await fresh(door)
            await ask(door, REMEMBERED)
            await unplugged(door)
            handlers.before = asyncio.Event().wait  # type: ignore[assignment]  # its True is not looked at
            with pytest.raises(Unavailable) as late:
                await ask(door, REMEMBERED, deadline_s=0.2)
            assert late.value.code is Code.TIMEOUT


@pytest.mark.story("health/US-BE-10.3")
async def test_answer_of_before_a_gap_is_given_when_only_the_database_is_away(
    handlers: Handlers, bridge_certificates: Certificates
) -> None:
    async with agent(handlers.table(), bridge_certificates) as keep:
        async with gateway(keep.port, bridge_certificates, retry=RetryRule(attempts_max=0)) as door:
            await fresh(door)
            await ask(door, REMEMBERED)
            await unplugged(door)
            await fail_times(handlers, 1000)
            assert (await ask(door, REMEMBERED)).outcome is Outcome.STALE


async def test_breaker_probes_at_once_when_the_feed_is_back(
    handlers: Handlers, bridge_certificates: Certificates
) -> None:
    await fail_times(handlers, 4)
    rule = BreakerRule(calls_min=4, open_s=60.0, jitter=0.0)
    async with agent(handlers.table(), bridge_certificates) as keep:
        async with gateway(keep.port, bridge_certificates, breaker=rule, retry=RetryRule(attempts_max=0)) as door:
            await fresh(door)
            for _ in range(4):
                with pytest.raises(Unavailable):
                    await ask(door)
            assert door.breakers[Lane.DATA].state is State.OPEN
            await unplugged(door)
            assert (await ask(door)).outcome is Outcome.OK


# Drain


async def test_agent_finishes_calls_in_flight_and_refuses_new_ones_when_it_drains(
    handlers: Handlers, bridge_certificates: Certificates
) -> None:
    gate = asyncio.Event()
    handlers.before = gate.wait  # type: ignore[assignment]  # its True is not looked at
    async with agent(handlers.table(), bridge_certificates) as keep:
        async with gateway(keep.port, bridge_certificates, retry=RetryRule(attempts_max=0)) as door:
            async with asyncio.TaskGroup() as tasks:
                call = tasks.create_task(ask(door))
                await handlers.asked.wait()
                drained = tasks.create_task(keep.bridge.drain(5.0))
                await asyncio.sleep(0)
                with pytest.raises(Busy) as refused:
                    await ask(door)
                assert refused.value.code is Code.DRAINING
                gate.set()
            assert call.result().outcome is Outcome.OK
            assert drained.result()
