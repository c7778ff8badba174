"""Faults of PostgreSQL and of the way to it."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from typing import Final
from uuid import uuid4

import asyncpg

from agent.audit.verify import LINKS, verify
from bridge.client.retry import RetryRule
from bridge.contracts.accounts import SIGN_IN, SignIn
from bridge.contracts.feedback import GIVE_FEEDBACK, GiveFeedback
from bridge.contracts.users import CHANGE_PROFILE, ChangeProfile
from bridge.errors import Code, Outcome
from demo.processes import DemoError
from tests.adversity.agent import OFF_S, Mitigation
from tests.adversity.appliance import PASSWORD
from tests.adversity.door import Rules, Seen, outcomes
from tests.adversity.fault import NO_CACHE, Fault, Where
from tests.adversity.scene import POOL_SIZE, Scene, Setup

_DRAG_S: Final = 0.3
_HANGS_S: Final = 30.0
_FAR_S: Final = 0.15
_HURRY_S: Final = 0.57
_UNTIL_FULL_MAX: Final = 100
_REFUSED: Final = 4
_SEND_S: Final = 10.0
_AUDITED_SQL: Final = "SELECT count(*) FROM audit WHERE operation = 'users.feedback.give'"
_WITHOUT_STORE: Final = {Code.STORAGE_FULL, Code.DATABASE_UNAVAILABLE, Code.BREAKER_OPEN}
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
    while len(failed) < _REFUSED and given < _UNTIL_FULL_MAX:
        last = await _give_feedback(scene)
        given += last.is_good
        failed += [] if last.is_good else [last]
        if failed and last.is_good:  # PostgreSQL has made room meanwhile, as by removing a file of WAL
            stage.disk.fill()
    scene.expect(len(failed) == _REFUSED, f"{given} writes find room on a full disk")
    told = {(one.code, one.error is not None and one.error.retry_after_s is not None) for one in failed}
    scene.expect(told == {(Code.STORAGE_FULL, True)}, f"who writes is told {outcomes(failed)}")
    scene.note(f"who writes: `{outcomes(failed[:1])}`, with Retry-After")
    await _expect_kept(scene, given, before)
    await _expect_account_kept(scene)
    scene.note("nothing of it is stored: neither what was written, nor a mail about it, nor an audit entry")
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
    await _expect_mails(scene)
    await scene.expect_recovery()


async def _expect_kept(scene: Scene, given: int, audited_before: int) -> None:
    kept = await scene.stage.in_store("SELECT count(*) FROM feedback")
    mailed = await scene.stage.in_store("SELECT count(*) FROM mails")
    audited = await scene.stage.in_store(_AUDITED_SQL) - audited_before
    scene.expect(
        kept == mailed == audited == given,
        f"of {given} writes that were confirmed {kept} are stored, {mailed} are mailed, {audited} are audited",
    )


async def _expect_account_kept(scene: Scene) -> None:
    """Change the account until there is no room for that either, and expect what was confirmed last to be kept."""
    name, last = "Somebody", await scene.ask()
    for number in range(_UNTIL_FULL_MAX):
        if not last.is_good:
            break
        last = await scene.door.ask(ChangeProfile(name=f"Name {number}"), operation=CHANGE_PROFILE)
        name = f"Name {number}" if last.is_good else name
    scene.expect(last.code is Code.STORAGE_FULL, f"who changes an account is told {outcomes([last])}")
    kept = await scene.stage.in_store("SELECT name FROM users WHERE email = $1", scene.email)
    scene.expect(kept == name, f"the account is called {kept}, and {name} was confirmed")


async def _expect_mails(scene: Scene) -> None:
    """Expect every mail to come once, whatever the sender could not store meanwhile."""

    async def have_come() -> bool:
        return not await scene.stage.in_store("SELECT count(*) FROM mails WHERE state <> 'sent'")

    await scene.eventually(have_come, "not every mail is sent", within_s=_SEND_S)
    came = [str(message["Message-ID"]) for message in scene.post.mailbox.taken]
    stored = await scene.stage.in_store("SELECT count(*) FROM mails")
    scene.expect(len(set(came)) == len(came) == stored, f"of {stored} mails {len(came)} came, {len(set(came))} of them")
    scene.note("every mail comes once when there is room again")


async def _wal_full(scene: Scene) -> None:
    stage = scene.stage
    known = await scene.remember()
    await stage.in_store("TRUNCATE feedback")
    before = await stage.in_store(_AUDITED_SQL)
    seen = await _give_feedback(scene)
    scene.expect(seen.is_good, f"before the fault: {outcomes([seen])}")
    stage.disk.fill()
    given, failed = 1, list[Seen]()
    for _ in range(_UNTIL_FULL_MAX):
        if not stage.is_running:
            break
        with suppress(asyncpg.PostgresError, OSError):  # each minute as delivered, for the backup (archive_timeout)
            await stage.in_store("SELECT pg_switch_wal()")
        last = await _give_feedback(scene)
        given += last.is_good
        failed += [] if last.is_good else [last]
    scene.expect(not stage.is_running, f"{given} writes find room for WAL on a full disk")
    failed += [await _give_feedback(scene) for _ in range(3)]
    told = {one.code for one in failed}
    scene.expect(told <= _WITHOUT_STORE, f"who writes is told {outcomes(failed)}")
    hints = [one.error is not None and one.error.retry_after_s is not None for one in failed]
    scene.expect(all(hints), f"{hints.count(False)} who write are not told when to try again")
    scene.note(f"who writes: {outcomes(failed)}, each with Retry-After")
    await scene.expect_stale(known)
    stage.postgres.stop()
    with suppress(DemoError):  # as systemd starts it every 5 s (systemd/store/50-drawbridge.conf)
        stage.postgres.start()
    scene.expect(not stage.is_running, "PostgreSQL starts without room for WAL: the fault is none")
    stage.disk.free()
    stage.postgres.start()
    await scene.expect_recovery()
    again = await _give_feedback(scene)
    scene.expect(again.is_good, f"who writes once there is room: {outcomes([again])}")
    kept = await stage.in_store("SELECT count(*) FROM feedback")
    audited = await stage.in_store(_AUDITED_SQL) - before
    # one may have been committed without its caller hearing of it: asked again with its key, it is not done twice
    scene.expect(
        kept == audited and given + 1 <= kept <= given + 2,
        f"of {given + 1} writes that were confirmed {kept} are stored, {audited} are audited",
    )
    async with stage.connect_to_store() as connection:
        found = await verify(lambda after, count: connection.fetch(LINKS.sql, after, count, timeout=5))
    scene.note(f"what was confirmed is stored, nothing by half, and the chain of {found.head.number} entries holds")


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
        "Who writes is told so, with Retry-After, and nothing of it is stored, be it an account, a mail or an audit "
        "entry; who reads is answered.",
        "one transaction for all of a write", _disk_full,
        Setup(without=Mitigation.TRANSACTION, has_mail=True), Setup(has_mail=True), needs_disk=True,
    ),
    Fault(
        "wal-full", Where.POSTGRES,
        "The disk is full when PostgreSQL needs another file of WAL, which ends it; nor does it start without.",
        "Remembered answers and clear refusals meanwhile; nothing stored by half; back by itself, for its unit is "
        "restarted (`Restart=on-failure`).",
        "remembered answers (`bridge.cache.symptoms_list`)", _wal_full,
        Setup(_MANY_WRITES, rules=NO_CACHE), Setup(_MANY_WRITES), needs_disk=True,
    ),
    Fault(
        "mapping-stops-fitting", Where.POSTGRES, "The existing database's owner renames the table.",
        f"The health app alone is off, with one clear line; back by itself (looked at every {OFF_S:g} s here, "
        "every 5 s as delivered).",
        "switching off what does not fit", _mapping, Setup(without=Mitigation.GUARD),
    ),
)  # fmt: skip
