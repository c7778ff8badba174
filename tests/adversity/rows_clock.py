"""Faults of clocks that are set while all runs: a Pi has no clock chip, and gets its time from others or by hand."""

from __future__ import annotations

from typing import Final
from uuid import uuid4

from bridge.contracts.accounts import SIGN_IN, SignIn
from bridge.contracts.feedback import GIVE_FEEDBACK, GiveFeedback
from tests.adversity.agent import Mitigation
from tests.adversity.appliance import PASSWORD
from tests.adversity.door import Rules, outcomes
from tests.adversity.fault import Fault, Where
from tests.adversity.front import front
from tests.adversity.gateway import Mitigation as WithoutAtGateway
from tests.adversity.scene import RECOVERY_S, NotReady, Scene, Setup

_HOUR_S: Final = 3600.0
_HALF_DAY_S: Final = 12 * _HOUR_S
"""Less than a token lives."""
_TWO_DAYS_S: Final = 48 * _HOUR_S
_SEND_S: Final = 10.0


async def _agent_set(scene: Scene) -> None:
    for ahead_s in (_HOUR_S, -_HOUR_S, 0.0):
        scene.keep.clock.set_day(ahead_s)
        seen = [await scene.ask() for _ in range(3)]
        scene.expect(all(one.is_good for one in seen), f"{_shown(ahead_s)}: {outcomes(seen)}")
        signed_in = await scene.door.ask(SignIn(email=scene.email, password=PASSWORD), operation=SIGN_IN)
        scene.expect(signed_in.is_good, f"{_shown(ahead_s)}, signing in: {outcomes([signed_in])}")
        scene.note(f"{_shown(ahead_s)}: {outcomes(seen)}, signing in {outcomes([signed_in])}")
    await scene.expect_recovery()


async def _gateway_set(scene: Scene) -> None:
    async with front(scene) as door:
        for ahead_s in (_TWO_DAYS_S, -_TWO_DAYS_S, 0.0):
            door.clock.set_day(ahead_s)
            page = await door.get()
            scene.expect(page.is_good, f"{_shown(ahead_s)}, who is signed in gets: {page}")
            scene.note(f"{_shown(ahead_s)}: {page}")
        await door.until_good(RECOVERY_S)
    await scene.expect_recovery()


async def _mail_in_future(scene: Scene) -> None:
    mailbox = scene.post.mailbox
    mailbox.rcpt = lambda _address: "451 4.7.1 come back later"
    scene.keep.clock.set_day(_HALF_DAY_S)
    feedback = GiveFeedback(message="What time is it?")
    seen = await scene.door.ask(feedback, operation=GIVE_FEEDBACK, idempotency_key=uuid4().hex)

    async def is_deferred() -> bool:
        return bool(await scene.stage.in_store("SELECT count(*) FROM mails WHERE state = 'waiting' AND tries > 0"))

    try:
        scene.expect(seen.is_good, f"what the mail is for: {outcomes([seen])}")
        await scene.eventually(is_deferred, "no mail is put off", within_s=_SEND_S)
    except AssertionError as error:
        raise NotReady(str(error)) from error
    mailbox.rcpt = lambda _address: None
    scene.keep.clock.set_day(0.0)

    async def is_sent() -> bool:
        return bool(mailbox.taken)

    await scene.eventually(is_sent, "the mail waits for hours, and has not come", within_s=_SEND_S)
    scene.note("the mail comes, and does not wait for hours")
    await scene.expect_recovery()


def _shown(ahead_s: float) -> str:
    if not ahead_s:
        return "set right"
    hours = abs(ahead_s) / _HOUR_S
    return f"{hours:g} h {'ahead' if ahead_s > 0 else 'behind'}"


ROWS: Final = (
    Fault(
        "agent-clock-set", Where.CLOCKS, "While it runs the agent's time of day is set an hour ahead, an hour behind, "
        "and right.",
        "The first call is answered, and those after it; nobody is signed out, and signing in goes on.",
        "learning the agent's time", _agent_set,
        Setup(rules=Rules(learns_time=False), moves_clock=True), Setup(moves_clock=True),
    ),
    Fault(
        "gateway-clock-set", Where.CLOCKS, "While it runs the gateway's time of day is set two days ahead, two days "
        "behind, and right.",
        "Who is signed in stays so, and is answered.", "the agent's time, kept by a clock that nobody sets",
        _gateway_set, Setup(gateway_without=WithoutAtGateway.AGENT_TIME, moves_clock=True), Setup(moves_clock=True),
    ),
    Fault(
        "mail-put-off-too-far", Where.CLOCKS, "A mail is put off for a second while the agent's time of day is "
        "half a day ahead; then that is set right.",
        "The mail comes, and does not wait until then.", "believing no time that is too far ahead", _mail_in_future,
        Setup({"mail.retry_s": "[1, 1]"}, without=Mitigation.AGAINST_FUTURE, has_mail=True, moves_clock=True),
        Setup({"mail.retry_s": "[1, 1]"}, has_mail=True, moves_clock=True),
    ),
)  # fmt: skip
