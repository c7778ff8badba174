"""More than fits."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Final
from uuid import uuid4

from bridge.client.breaker import State
from bridge.client.pacing import PacingRule
from bridge.contracts.accounts import SIGN_IN, SignIn
from bridge.contracts.operation import Lane
from bridge.errors import Code, Outcome
from tests.adversity.agent import Mitigation
from tests.adversity.appliance import PASSWORD
from tests.adversity.door import DEADLINE_S, Door, Rules, Seen, door, outcomes
from tests.adversity.fault import Fault, Where
from tests.adversity.scene import LATE_S, POOL_SIZE, Scene, Setup

_FLOOD: Final = 200
_REFUSED_MIN: Final = 100
_PACE: Final = PacingRule(calls_per_s=100.0, burst=20, waiting_max=20)
_AT_ONCE_S: Final = 1.0
_DOORS: Final = 5
_DRAG_S: Final = 0.5
_SIGN_INS: Final = 100
_SIGN_IN_S: Final = 5.0
_AGAIN_S: Final = 20.0
"""A password that is being checked is checked to its end, whether or not anybody waits for it."""
_COST: Final = 14
"""Each step doubles the time; 12 as delivered. On a Pi that takes as long as this does here."""
_NO_LIMIT: Final = 1_000_000


async def _flood(scene: Scene) -> None:
    seen = await scene.door.ask_many(_FLOOD)
    refused = [one for one in seen if one.code is Code.OVERLOADED]
    late = [one for one in seen if one.took_s > DEADLINE_S + LATE_S]
    scene.expect(
        len(refused) >= _REFUSED_MIN and not late,
        f"{len(refused)} of {_FLOOD} are refused at once, {len(late)} are late: {outcomes(seen)}",
    )
    _expect_retry_after(scene, refused)
    scene.note(f"{_FLOOD} at once: {outcomes(seen)}, each in time and with Retry-After")
    await scene.expect_recovery()


async def _shed(scene: Scene) -> None:
    async with AsyncExitStack() as stack:
        doors = [
            await stack.enter_async_context(door(scene.keep.installation, scene.keep.port, scene.setup.rules))
            for _ in range(_DOORS)
        ]
        for one in doors:
            one.credentials = scene.door.credentials
            await one.ask()
        await scene.stage.set_drag(_DRAG_S)
        busiest = 0
        async with asyncio.TaskGroup() as tasks:
            asking = [tasks.create_task(one.ask_many(POOL_SIZE)) for one in doors]
            while not all(task.done() for task in asking):
                busiest = max(busiest, await scene.stage.running_queries())
        seen = [each for task in asking for each in task.result()]
    shed = [one for one in seen if one.outcome in {Outcome.OVERLOADED, Outcome.OPEN}]
    scene.expect(
        bool(shed) and len(shed) + sum(one.is_good for one in seen) == len(seen),
        f"of {len(seen)} at once: {outcomes(seen)}",
    )
    scene.expect(0 < busiest <= POOL_SIZE, f"PostgreSQL works on {busiest} at once")
    scene.expect(max(one.took_s for one in shed) < _AT_ONCE_S, "who is refused waits for it")
    _expect_retry_after(scene, shed)
    scene.note(f"{len(seen)} at once: {outcomes(seen)}; PostgreSQL never worked on more than {busiest}")
    await scene.stage.set_drag(0)
    await scene.expect_recovery()


async def _sign_ins(scene: Scene) -> None:
    async with AsyncExitStack() as stack:
        doors = [
            await stack.enter_async_context(door(scene.keep.installation, scene.keep.port, scene.setup.rules))
            for _ in range(_DOORS)
        ]
        for one in doors:
            await one.ask()  # to know the agent
        password_s = (await _try_password(scene.door)).took_s
        records: list[Seen] = []
        async with asyncio.TaskGroup() as tasks:
            flood = [tasks.create_task(_try_password(one)) for one in doors for _ in range(_SIGN_INS // _DOORS)]
            while not all(task.done() for task in flood):
                records.append(await scene.door.ask())
        seen = [task.result() for task in flood]
    refused = [one for one in seen if one.outcome in {Outcome.OVERLOADED, Outcome.OPEN}]
    scene.expect(all(one.is_good for one in records), f"records meanwhile: {outcomes(records)}")
    slowest_s = max(one.took_s for one in records)
    scene.expect(slowest_s < password_s / 2, f"a record took {slowest_s:.2f} s, one password alone {password_s:.2f} s")
    told = {one.code for one in seen} <= {Code.BAD_CREDENTIALS, Code.OVERLOADED, Code.BREAKER_OPEN, Code.TIMEOUT}
    late = [one for one in seen if one.took_s > _SIGN_IN_S + LATE_S]
    scene.expect(bool(refused) and told and not late, f"{len(seen)} sign-ins: {outcomes(seen)}, {len(late)} late")
    _expect_retry_after(scene, refused)
    breakers = {one.breakers[Lane.DATA].state for one in (scene.door, *doors)}
    scene.expect(breakers == {State.CLOSED}, f"the breakers of records are {breakers}")
    scene.note(
        f"{len(seen)} at once: {outcomes(seen)}; meanwhile {len(records)} of {len(records)} records are answered"
    )

    async def can_sign_in() -> bool:
        return (await scene.door.sign_in(scene.email)).is_good

    await scene.eventually(can_sign_in, "nobody can sign in", within_s=_AGAIN_S)
    await scene.expect_recovery()


async def _try_password(one: Door) -> Seen:
    """Try a password on an account that there is not: it takes as long as on any other."""
    guess = SignIn(email=f"{uuid4()}@example.org", password=PASSWORD)
    return await one.ask(guess, operation=SIGN_IN, deadline_s=_SIGN_IN_S)


def _expect_retry_after(scene: Scene, refused: list[Seen]) -> None:
    untold = [one for one in refused if one.error is None or one.error.retry_after_s is None]
    scene.expect(not untold, f"{len(untold)} are not told when to try again")


ROWS: Final = (
    Fault(
        "flood-of-calls", Where.LOAD, f"{_FLOOD} different questions at once, to a gateway that may ask "
        f"{_PACE.burst}, and {_PACE.calls_per_s:g} a second (as delivered 100, and 500 a second).",
        "What exceeds that and a queue is refused at once, the rest is answered in time.",
        "pacing (`bridge.pacing`)", _flood,
        Setup(rules=Rules(pacing=PacingRule(calls_per_s=_NO_LIMIT, burst=_NO_LIMIT, waiting_max=_NO_LIMIT))),
        Setup(rules=Rules(pacing=_PACE)),
    ),
    Fault(
        "flood-of-gateways", Where.LOAD, f"{_DOORS} gateways ask {POOL_SIZE} slow questions each at once.",
        "The agent works on four, lets eight wait for a moment and refuses the rest, with Retry-After.",
        "shedding (`shedding.data`)", _shed,
        Setup(settings={"shedding.data.in_flight": 1000, "shedding.data.queue": 1000}),
    ),
    Fault(
        "flood-of-sign-ins", Where.LOAD, f"{_SIGN_INS} sign-ins at once by {_DOORS} gateways; a password takes as long "
        f"as on a Pi (bcrypt cost {_COST}).",
        "What exceeds a short queue is refused, with Retry-After; the others hear by the deadline; records are "
        "answered meanwhile, and their breakers stay closed.",
        "threads for passwords", _sign_ins,
        Setup({"passwords.bcrypt_cost": _COST}, without=Mitigation.PASSWORD_THREADS),
        Setup({"passwords.bcrypt_cost": _COST}),
    ),
)  # fmt: skip
