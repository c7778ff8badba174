"""Faults of the way between the two machines, and of the agent."""

from __future__ import annotations

import asyncio
from typing import Final

from bridge.client.breaker import BreakerRule, State
from bridge.client.retry import RetryRule
from bridge.contracts.operation import Lane
from bridge.errors import Outcome
from tests.adversity.agent import Mitigation
from tests.adversity.counting import COUNT, Count
from tests.adversity.door import DEADLINE_S, Rules, Seen, outcomes
from tests.adversity.fault import NO_CACHE, Fault, Where
from tests.adversity.scene import POOL_SIZE, Scene, Setup
from tests.waiting import until

_NO_RETRY: Final = Setup(rules=Rules(retry=RetryRule(attempts_max=0)))
_DRAG_S: Final = 0.3
_SLOW_WAY_S: Final = 0.52
_SLOW_ROUNDS_MAX: Final = 5
_NEVER: Final = 10**9

_OUTAGE_S: Final = 3.0
_ATTEMPTS_MAX: Final = 40


async def _cut(scene: Scene) -> None:
    known = await scene.remember()
    scene.cut_bridge()
    await scene.expect_stale(known)
    await scene.expect_refusal(Outcome.UNREACHABLE)
    await scene.restore()
    await scene.expect_recovery()


async def _stall(scene: Scene) -> None:
    known = await scene.remember()
    scene.stall_bridge()
    await until(lambda: not scene.door.feed.is_fresh)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(scene.expect_stale(known))
        tasks.create_task(scene.expect_refusal(Outcome.TIMEOUT))
    await scene.restore()
    await scene.expect_recovery()


async def _delay(scene: Scene) -> None:
    await scene.door.ask_many(POOL_SIZE)
    scene.door.bridge.delay(_SLOW_WAY_S)
    breaker, slow = scene.door.breakers[Lane.DATA], list[Seen]()
    while breaker.state is State.CLOSED and len(slow) < _SLOW_ROUNDS_MAX * POOL_SIZE:
        slow += await scene.door.ask_many(POOL_SIZE)
    late = [seen for seen in slow if seen.took_s > DEADLINE_S]
    scene.expect(not late and slow[0].is_good, f"on a slow way: {outcomes(slow)}")
    scene.note(f"slow answers in time: {outcomes(slow)}")
    seen = await scene.ask()
    scene.expect(
        seen.outcome is Outcome.OPEN, f"after {len(slow)} slow answers callers go on waiting: {seen.took_s:.1f} s"
    )
    scene.note("then the breaker opens, and callers hear at once")
    await scene.restore()
    await scene.expect_recovery()


async def _truncate(scene: Scene) -> None:
    await scene.remember()
    scene.door.bridge.truncate(200)
    seen = await scene.ask()
    scene.expect(seen.is_good, f"half an answer: {outcomes([seen])}")
    scene.note("asked again by itself, whole answer")
    await scene.expect_recovery()


async def _reset(scene: Scene) -> None:
    await scene.stage.set_drag(_DRAG_S)
    async with asyncio.TaskGroup() as tasks:
        asking = tasks.create_task(scene.ask())
        await scene.until_query_runs()
        scene.door.bridge.reset()
    seen = asking.result()
    scene.expect(seen.is_good, f"a call in flight: {outcomes([seen])}")
    scene.note("the call in flight is asked again by itself")
    await scene.stage.set_drag(0)
    await scene.expect_recovery()


async def _lost_answer(scene: Scene) -> None:
    run = scene.email
    scene.door.bridge.truncate(0)
    for _ in range(2):  # the second time, the caller itself does not believe it
        seen = await scene.door.ask(Count(run=run), operation=COUNT, idempotency_key="a-write-of-mine")
        scene.expect(seen.is_good, f"a write whose answer is lost: {outcomes([seen])}")
    applied = await scene.stage.in_store("SELECT count(*) FROM tests_counted WHERE run = $1", run)
    scene.expect(applied == 1, f"the write was applied {applied} times")
    scene.note("sent three times, applied once, the same answer each time")
    await scene.expect_recovery()


async def _long_outage(scene: Scene) -> None:
    known = await scene.remember()
    scene.cut_bridge()
    async with scene.door.load() as seen:
        await asyncio.sleep(_OUTAGE_S)  # the outage itself
    breaker = scene.door.breakers[Lane.DATA]
    attempts = len(scene.door.log("bridge_attempt_failed"))
    scene.expect(
        attempts <= _ATTEMPTS_MAX and breaker.state is not State.CLOSED,
        f"{attempts} attempts within {_OUTAGE_S:g} s, the breaker is {breaker.state}",
    )
    scene.note(f"{len(seen)} calls, {attempts} attempts, the breaker open and backed off")
    await scene.expect_stale(known)
    await scene.restore()
    await scene.expect_recovery()


async def _killed(scene: Scene) -> None:
    known = await scene.remember()
    scene.keep.kill()
    await scene.expect_stale(known)
    await scene.expect_refusal(Outcome.UNREACHABLE)
    scene.keep.start()
    await scene.expect_recovery()
    scene.note("the new boot id is learned from a signed answer")


async def _restarted(scene: Scene) -> None:
    await scene.stage.set_drag(_DRAG_S)
    async with asyncio.TaskGroup() as tasks:
        asking = tasks.create_task(scene.ask())
        await scene.until_query_runs()
        if scene.setup.is_careless:
            scene.keep.kill()
        else:
            scene.keep.terminate()
    seen = asking.result()
    scene.expect(seen.is_good, f"a call in flight: {outcomes([seen])}")
    scene.note("the call in flight ends well")

    async def has_ended() -> bool:
        return not scene.keep.is_running

    await scene.eventually(has_ended, "the agent still runs", within_s=3.0)
    await scene.stage.set_drag(0)
    scene.keep.start()
    await scene.expect_recovery()


async def _feed_stalled(scene: Scene) -> None:
    known = await scene.remember()
    scene.door.feed_way.stall()
    await scene.stage.in_store("UPDATE users SET is_active = false WHERE email = $1", scene.email)
    await until(lambda: scene.door.feed.behind_s > 1.0)
    seen = await scene.ask(known)
    scene.expect(seen.outcome is Outcome.DENIED, f"a disabled account gets: {outcomes([seen])}")
    scene.note("what is remembered is not given unasked, and the agent refuses the account")
    await _enable_again(scene)


async def _revoked(scene: Scene) -> None:
    known = await scene.remember()
    await scene.stage.in_store("UPDATE users SET is_active = false WHERE email = $1", scene.email)

    async def is_denied() -> bool:
        return (await scene.ask(known)).outcome is Outcome.DENIED

    took_s = await scene.eventually(is_denied, "a disabled account still gets its remembered answers")
    scene.note(f"refused {took_s:.2f} s later")
    await _enable_again(scene)


async def _enable_again(scene: Scene) -> None:
    await scene.restore()
    await scene.stage.in_store("UPDATE users SET is_active = true WHERE email = $1", scene.email)
    await scene.door.sign_in(scene.email)
    await scene.expect_recovery()


ROWS: Final = (
    Fault(
        "bridge-cut", Where.BRIDGE, "Every connection is closed, new ones are refused.",
        "Who has a remembered answer gets it, marked stale; the others hear at once.",
        "remembered answers (`bridge.cache.symptoms_list`)", _cut, Setup(rules=NO_CACHE),
    ),
    Fault(
        "bridge-stall", Where.BRIDGE, "Connections are accepted, and nothing is forwarded.",
        "Every caller has an answer by the deadline.",
        "one deadline over all of a call", _stall, Setup(rules=Rules(has_deadlines=False)),
    ),
    Fault(
        "bridge-delay", Where.BRIDGE, f"Every byte is {_SLOW_WAY_S * 1000:.0f} ms late, each way.",
        "Slow answers are in time; then the breaker opens and nobody waits.",
        "the breaker's eye on slowness (`breaker.slow_share`)", _delay,
        Setup(rules=Rules(breaker=BreakerRule(slow_share=2.0))),
    ),
    Fault(
        "bridge-truncate", Where.BRIDGE, "An answer ends in its middle.", "The caller gets a whole one.",
        "retries (`retry.attempts_max`)", _truncate, _NO_RETRY,
    ),
    Fault(
        "bridge-reset", Where.BRIDGE, "Connections end with a TCP reset, calls in flight.",
        "The caller gets an answer by the deadline.", "retries (`retry.attempts_max`)", _reset, _NO_RETRY,
    ),
    Fault(
        "write-answer-lost", Where.BRIDGE, "A write is carried out, its answer is lost.",
        "It is sent again and applied once.", "idempotency keys", _lost_answer, Setup(without=Mitigation.IDEMPOTENCY),
    ),
    Fault(
        "bridge-long-outage", Where.BRIDGE, f"Cut for {_OUTAGE_S:g} s under load, until the breaker has backed off.",
        f"At most {_ATTEMPTS_MAX} attempts in all; back within 3 s, with the breaker's times shortened to a tenth "
        "and a sixtieth (0.2 s, 1 s).",
        "the breaker (`breaker.calls_min`)", _long_outage,
        Setup(rules=Rules(breaker=BreakerRule(calls_min=_NEVER))),
        Setup(rules=Rules(breaker=BreakerRule(open_s=0.2, open_max_s=1.0))),
    ),
    Fault(
        "feed-stalled", Where.BRIDGE, "The feed falls silent, and meanwhile an account is disabled.",
        "Its remembered answer is not given as fresh.", "freshness of the feed (`feed.fresh_s`)", _feed_stalled,
        Setup(rules=Rules(feed_fresh_s=_NEVER)),
    ),
    Fault(
        "account-disabled", Where.AGENT, "An account is disabled while its answers are remembered.",
        "They are forgotten within a second.", "the feed's word to the cache", _revoked,
        Setup(rules=Rules(hears_feed=False)),
    ),
    Fault(
        "agent-killed", Where.AGENT, "The agent is killed (signal 9) and started again.",
        "Remembered answers meanwhile; back within 3 s of its start.", "learning the new boot id", _killed,
        Setup(rules=Rules(learns_boot=False)),
    ),
    Fault(
        "agent-restarted", Where.AGENT, "The agent is asked to stop (SIGTERM) with a call in flight.",
        "The call ends well.", "draining: killed instead", _restarted, Setup(is_careless=True),
    ),
)  # fmt: skip
