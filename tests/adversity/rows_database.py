"""Faults of PostgreSQL and of the way to it."""

from __future__ import annotations

import asyncio
import signal
from typing import Final
from uuid import uuid4

from bridge.client.retry import RetryRule
from bridge.contracts.accounts import SIGN_IN, SignIn
from bridge.contracts.feedback import GIVE_FEEDBACK, GiveFeedback
from bridge.errors import Code, Outcome
from tests.adversity.agent import RECHECK_S, Mitigation
from tests.adversity.appliance import PASSWORD
from tests.adversity.door import Rules, Seen, outcomes
from tests.adversity.fault import NO_CACHE, Fault, Where
from tests.adversity.scene import POOL_SIZE, Scene, Setup

_DRAG_S: Final = 0.3
_HANGS_S: Final = 30.0
_FAR_S: Final = 0.15
_HURRY_S: Final = 0.57
_UNTIL_FULL_MAX: Final = 100
_AUDITED_SQL: Final = "SELECT count(*) FROM audit WHERE operation = 'users.feedback.give'"
_MANY_WRITES: Final = {"limits.feedback_per_account": 1_000_000, "limits.feedback_per_address": 1_000_000}


async def _cut(scene: Scene) -> None:
    known = await scene.remember()
    scene.keep.database.cut()
    await scene.expect_stale(known)
    await scene.expect_refusal(Outcome.FAILED)
    await scene.restore()
    await scene.expect_recovery()


async def _stall(scene: Scene) -> None:
    known = await scene.remember()
    scene.keep.database.stall()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(scene.expect_stale(known))
        tasks.create_task(scene.expect_refusal(Outcome.TIMEOUT))
    await scene.restore()
    await scene.expect_recovery()


async def _half_open(scene: Scene) -> None:
    await scene.door.ask_many(POOL_SIZE)
    scene.keep.database.lose()
    await scene.expect_refusal(Outcome.TIMEOUT)
    await scene.expect_recovery()
    scene.note("dead connections are given up, new ones opened")


async def _delay(scene: Scene) -> None:
    await scene.stage.set_drag(_FAR_S)
    await scene.door.ask_many(POOL_SIZE)
    await scene.stage.set_drag(0)
    scene.keep.database.delay(_FAR_S)
    seen = await scene.ask(deadline_s=_HURRY_S)
    scene.expect(seen.is_good, f"over a slow way, {_HURRY_S} s: {outcomes([seen])}")
    scene.note(f"an answer in one round trip, after {seen.took_s:.2f} s")
    await scene.restore()
    await scene.expect_recovery()


async def _reset(scene: Scene) -> None:
    await scene.stage.set_drag(_DRAG_S)
    async with asyncio.TaskGroup() as tasks:
        asking = tasks.create_task(scene.ask())
        await scene.until_query_runs()
        scene.keep.database.reset()
    seen = asking.result()
    scene.expect(seen.is_good, f"a call in flight: {outcomes([seen])}")
    scene.note("the call in flight is asked again by itself")
    await scene.stage.set_drag(0)
    await scene.expect_recovery()


async def _stopped(scene: Scene) -> None:
    known = await scene.remember()
    scene.stage.postgres.stop()
    await scene.expect_stale(known)
    await scene.expect_refusal(Outcome.FAILED)
    scene.stage.postgres.start()
    await scene.expect_recovery()


async def _crashed(scene: Scene) -> None:
    known = await scene.remember()
    scene.stage.postgres.child.stop((signal.SIGQUIT, 3.0))
    scene.stage.postgres.stop()
    await scene.expect_stale(known)
    await scene.expect_refusal(Outcome.FAILED)
    scene.stage.postgres.start()
    await scene.expect_recovery()


async def _slow(scene: Scene) -> None:
    known = await scene.remember()
    await scene.stage.set_drag(_HANGS_S)
    await scene.expect_refusal(Outcome.TIMEOUT)
    await scene.expect_no_query("the query that nobody waits for is still running")
    await scene.stage.set_drag(0)
    await scene.expect_recovery()
    scene.expect((await scene.ask(known)).error is None, "the remembered answer is gone")


async def _left(scene: Scene) -> None:
    await scene.stage.set_drag(_HANGS_S)
    async with asyncio.TaskGroup() as tasks:
        asking = tasks.create_task(scene.ask())
        await scene.until_query_runs()
        asking.cancel()
    await scene.expect_no_query("the query of a caller who left is still running")
    await scene.stage.set_drag(0)
    await scene.expect_recovery()


async def _disk_full(scene: Scene) -> None:
    stage = scene.stage
    await stage.in_store("TRUNCATE feedback")  # so that there is room in its page for what the others have none for
    before = await stage.in_store(_AUDITED_SQL)
    seen = [await _give_feedback(scene), await scene.ask()]
    scene.expect(all(one.is_good for one in seen), f"before the fault: {outcomes(seen)}")
    stage.disk.fill()
    given, failed = 1, list[Seen]()
    while not failed and given < _UNTIL_FULL_MAX:
        last = await _give_feedback(scene)
        given += last.is_good
        failed += [] if last.is_good else [last]
    scene.expect(bool(failed), f"{given} writes find room on a full disk")
    failed += [await _give_feedback(scene) for _ in range(3)]
    told = {(one.code, one.error is not None and one.error.retry_after_s is not None) for one in failed}
    scene.expect(told == {(Code.STORAGE_FULL, True)}, f"who writes is told {outcomes(failed)}")
    scene.note(f"who writes: `{outcomes(failed[:1])}`, with Retry-After")
    kept = await stage.in_store("SELECT count(*) FROM feedback")
    audited = await stage.in_store(_AUDITED_SQL) - before
    scene.expect(
        kept == audited == given, f"of {given} writes that were confirmed {kept} are stored, {audited} are audited"
    )
    scene.note("nothing of it is stored")
    read = await scene.ask()
    scene.expect(read.is_good, f"who only reads: {outcomes([read])}")
    scene.note("who reads is answered")

    async def is_told() -> bool:
        return any(line.get("reason") == "DiskFullError" for line in scene.keep.log("dependency_changed"))

    await scene.eventually(is_told, "the log does not say that the disk is full")
    stage.disk.free()
    again = await _give_feedback(scene)
    scene.expect(again.is_good, f"who writes once there is room: {outcomes([again])}")

    async def is_up() -> bool:
        return bool(scene.keep.log("dependency_changed")[-1]["state"] == "up")

    await scene.eventually(is_up, "the store is still called down")
    scene.note("the log says `DiskFullError`, and when that is over")
    await scene.expect_recovery()


async def _give_feedback(scene: Scene) -> Seen:
    feedback = GiveFeedback(message="The chart is hard to read.")
    return await scene.door.ask(feedback, operation=GIVE_FEEDBACK, idempotency_key=uuid4().hex)


async def _mapping(scene: Scene) -> None:
    await scene.remember()
    before = len(_disabled_lines(scene))
    await scene.stage.in_source("ALTER VIEW entries RENAME TO entries_renamed")
    seen = [await scene.ask() for _ in range(3)]
    scene.expect(all(one.code is Code.APP_DISABLED for one in seen), f"records: {outcomes(seen)}")
    signed_in = await scene.door.ask(SignIn(email=scene.email, password=PASSWORD), operation=SIGN_IN)
    scene.expect(signed_in.is_good, f"signing in: {outcomes([signed_in])}")
    lines = _disabled_lines(scene)[before:]
    scene.expect(len(lines) == 1 and "entries" in lines[0], f"the log says why in {len(lines)} lines")
    scene.note("`app_disabled`, one line says which table; signing in goes on")
    await scene.stage.in_source("ALTER VIEW entries_renamed RENAME TO entries")
    await scene.expect_recovery()


def _disabled_lines(scene: Scene) -> list[str]:
    lines = scene.keep.log("dependency_changed")
    return [line["reason"] for line in lines if line["state"] == "disabled"]


ROWS: Final = (
    Fault(
        "database-cut", Where.DATABASE, "Every connection is closed, new ones are refused.",
        "Remembered answers are given as stale; the others hear `database_unavailable`.",
        "looking whether a pooled connection lives", _cut, Setup(without=Mitigation.POOL_CHECK),
    ),
    Fault(
        "database-stall", Where.DATABASE, "Connections are accepted, and nothing is forwarded.",
        "Every caller has an answer by the deadline, a remembered one if there is.",
        "remembered answers (`bridge.cache.symptoms_list`)", _stall,
        Setup(rules=NO_CACHE),
    ),
    Fault(
        "database-half-open", Where.DATABASE, "Every pooled connection is dead, and nobody says so.",
        "One caller waits in vain, then all is whole.", "suspecting the idle connections of a dead one", _half_open,
        Setup(without=Mitigation.SUSPICION),
    ),
    Fault(
        "database-delay", Where.DATABASE, f"Every byte is {_FAR_S * 1000:.0f} ms late, each way.",
        f"A caller in a hurry ({_HURRY_S} s) has an answer: one round trip.", "prepared statements", _delay,
        Setup(without=Mitigation.STATEMENT_CACHE),
    ),
    Fault(
        "database-reset", Where.DATABASE, "Every connection ends, calls in flight.",
        "The caller gets an answer by the deadline.", "retries (`retry.attempts_max`)", _reset,
        Setup(rules=Rules(retry=RetryRule(attempts_max=0))),
    ),
    Fault(
        "postgres-restarted", Where.POSTGRES, "PostgreSQL is stopped (fast shutdown) and started.",
        "Remembered answers meanwhile; back within 3 s of its start.",
        "remembered answers (`bridge.cache.symptoms_list`)", _stopped, Setup(rules=NO_CACHE),
    ),
    Fault(
        "postgres-crashed", Where.POSTGRES, "PostgreSQL is stopped at once (immediate shutdown) and recovers.",
        "Remembered answers meanwhile; back within 3 s of its start.",
        "looking whether a pooled connection lives", _crashed, Setup(without=Mitigation.POOL_CHECK),
    ),
    Fault(
        "postgres-slow", Where.POSTGRES, f"A query takes {_HANGS_S:g} s.",
        "The caller hears by the deadline, and the query is cancelled in PostgreSQL.",
        "cancellation in PostgreSQL", _slow, Setup(without=Mitigation.CANCELLATION),
    ),
    Fault(
        "caller-left", Where.POSTGRES, "The caller goes away while its query runs.",
        "The query is cancelled in PostgreSQL.", "hearing that the caller left (`handler_cancellation`)", _left,
        Setup(without=Mitigation.HANDLER_CANCELLATION),
    ),
    Fault(
        "disk-full", Where.POSTGRES, "The disk of the databases is full to its last page; then there is room again.",
        "Who writes is told so, with Retry-After, and nothing of it is stored; who reads is answered.",
        "one transaction for all of a write", _disk_full,
        Setup(_MANY_WRITES, without=Mitigation.TRANSACTION), Setup(_MANY_WRITES), needs_disk=True,
    ),
    Fault(
        "mapping-stops-fitting", Where.POSTGRES, "The existing database's owner renames the table.",
        f"The health app alone is off, with one clear line; back by itself (looked at every {RECHECK_S:g} s here, "
        "every 30 s as delivered).",
        "switching off what does not fit", _mapping, Setup(without=Mitigation.GUARD),
    ),
)  # fmt: skip
