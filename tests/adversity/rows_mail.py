"""Faults of the mail server, and of an agent that has mail to send."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import uuid4

from agent.mail.seal import MailKey
from bridge.contracts.feedback import GIVE_FEEDBACK, GiveFeedback
from bridge.contracts.joining import REQUEST_RESET, RequestReset
from bridge.process.clock import SystemClock, utc
from tests.adversity.agent import Mitigation
from tests.adversity.door import Seen, outcomes
from tests.adversity.fault import Fault, Where
from tests.adversity.relay import NEVER, DyingRelay
from tests.adversity.scene import POOL_SIZE, NotReady, Scene, Setup

_MINUTE_S: Final = 60.0
_HOUR_MIN: Final = 60
_BACK_MINUTES_MAX: Final = 5
"""A mail server that is away is asked every five minutes, at the latest."""
_SEND_S: Final = 10.0
_BEGINS_S: Final = 1.0
"""How long after it is due a try begins, at the latest."""
_LOOK_S: Final = 0.02

_MANY: Final = 10_000
_BEFORE_ENOUGH: Final = 120
_ASKED_MAX: Final = 3
_SHOWN_S: Final = 40.0
_MANY_S: Final = 240.0
"""Beside other work it takes a hundred."""
_SHORT: Final = "Your password was changed.\r\n"
_LONG: Final = _SHORT * 4000
"""So that the relay passes it on in several parts."""
_UNKNOWN: Final = ("after up sealed", "before down sealed")
"""How a kill is called after which the server may have a mail, and the agent not know."""
_PASSED: Final = (
    "before the request",
    "before down HTTP/1.1 200",
    "after down HTTP/1.1 200",
    "up handshake",
    "up sealed",
)
_ENOUGH: Final = "452 4.5.3 enough for now"


async def _hour(scene: Scene) -> None:
    scene.post.way.cut()
    await _give_feedback(scene)
    await _done(scene, await scene.door.ask(RequestReset(email=scene.email), operation=REQUEST_RESET))
    for minute in range(_HOUR_MIN):
        await scene.keep.clock.step(_MINUTE_S)
        if minute == _HOUR_MIN // 2:
            await _give_feedback(scene)
            seen = await scene.ask()
            scene.expect(seen.is_good, f"without a mail server: {outcomes([seen])}")
    waiting = (await _states(scene))["feedback", "waiting", 0]
    scene.expect(waiting == 2, f"{waiting} of 2 mails wait with every try left")
    await scene.restore()
    minutes = 0
    while len(scene.post.mailbox.taken) < 2 and minutes < _BACK_MINUTES_MAX:
        await scene.keep.clock.step(_MINUTE_S)
        minutes += 1
        await _let_it_try(scene)

    async def are_sent() -> bool:
        return await _states(scene) == {("feedback", "sent", 1): 2, ("reset_password", "dropped", 0): 1}

    await scene.eventually(are_sent, "not every mail was sent once", within_s=_SEND_S)
    scene.expect(len(scene.post.mailbox.taken) == 2, f"{len(scene.post.mailbox.taken)} mails came of 2")

    async def is_told() -> bool:
        return [len(scene.keep.log(event)) for event in ("mail_server_lost", "mail_server_found")] == [1, 1]

    await scene.eventually(is_told, "the log does not tell once that it was lost, and once that it was found")
    scene.note(f"both come once, {minutes} min after its return, at their first try; the link that expired does not")
    await scene.expect_recovery()


async def _let_it_try(scene: Scene) -> None:
    """Return when the agent's try has ended, if it makes one: stepped into, it would run out of time."""
    way = scene.post.way
    loop_time = asyncio.get_running_loop().time
    begins_until = loop_time() + _BEGINS_S
    while way.open_count or loop_time() < begins_until:  # noqa: ASYNC110 - another process
        await asyncio.sleep(_LOOK_S)


async def _killed(scene: Scene) -> None:
    scene.post.way.stall()
    await _give_feedback(scene)
    await _kill_and_start(scene, came=1)
    scene.note("killed with the mail committed: sent by the next start")

    scene.post.mailbox.mail = lambda: scene.post.way.stall()  # noqa: PLW0108 - its value is the answer: yes
    await _give_feedback(scene)
    await _until_state(scene, "sending")
    scene.post.mailbox.mail = lambda: None
    await _kill_and_start(scene, came=2)
    scene.note("killed with the mail under way: sent by the next start, once")
    await scene.expect_recovery()


async def _kill_and_start(scene: Scene, *, came: int) -> None:
    scene.keep.kill()
    scene.post.way.disconnect()
    await scene.restore()
    scene.keep.start()

    async def are_sent() -> bool:
        return len(scene.post.mailbox.taken) == came and {state for _, state, _ in await _states(scene)} == {"sent"}

    await scene.eventually(are_sent, f"{len(scene.post.mailbox.taken)} mails came of {came}", within_s=_SEND_S)
    senders = Counter(str(message["Message-ID"]) for message in scene.post.mailbox.taken)
    scene.expect(set(senders.values()) == {1}, f"mails came so often: {sorted(senders.values())}")


async def _relay_killed(scene: Scene) -> None:
    relay, mailbox = scene.post.relay, scene.post.mailbox
    assert relay is not None, "the setup has no relay"
    begun: list[int] = []
    mailbox.mail = lambda: begun.append(len(steps))
    steps: list[str] = []
    step: str | None = ""
    while step is not None:
        number = len(steps)
        losses = len(scene.keep.log("mail_server_lost"))
        await relay.start(number + 1)
        await _put_in(scene, [_person(number)], _LONG)
        step = await relay.ended()
        is_given = number in begun
        tries = await _brought_to_its_end(scene, losses, step or "at the end")
        scene.expect(is_given or tries == 1, f"killed {step}, nothing of the mail given: {tries} tries")
        steps.append(step or "")
    mailbox.mail = lambda: None
    for number, step in enumerate(steps):
        came = _came(scene, number)
        at_most = 2 if step in _UNKNOWN else 1
        scene.expect(1 <= len(came) <= at_most, f"killed {step}: the mail came {len(came)} times")
        scene.expect(len(set(came)) == 1, f"killed {step}: the mail came under two Message-IDs")
    passed = [each for each in _PASSED if each in "; ".join(steps)]
    scene.expect(passed == list(_PASSED), f"killed at no more than: {steps}")
    scene.note(f"killed before each of {len(steps) - 1} steps: every mail comes, and loses no try that was not begun")
    await _killed_before_answer(scene, relay, len(steps))
    await scene.expect_recovery()


async def _killed_before_answer(scene: Scene, relay: DyingRelay, number: int) -> None:
    has_come = asyncio.Event()

    async def come_and_wait() -> None:
        has_come.set()
        await asyncio.Event().wait()  # until the connection is lost

    scene.post.mailbox.has_taken = come_and_wait
    losses = len(scene.keep.log("mail_server_lost"))
    await _put_in(scene, [_person(number)], _LONG)
    async with asyncio.timeout(_SEND_S):
        await has_come.wait()
    scene.post.mailbox.has_taken = _nothing
    await relay.start(NEVER)  # which kills the one that runs
    await _brought_to_its_end(scene, losses, "before the answer")
    came = _came(scene, number)
    scene.expect(len(came) == 2 and len(set(came)) == 1, f"killed before the answer: the mail came under {came}")
    scene.note("killed between the text and the server's answer: it comes twice, under one Message-ID; else once")


async def _nothing() -> None:
    pass


def _came(scene: Scene, number: int) -> list[str]:
    """Return the Message-ID of a person's mail, as often as it came."""
    return [str(mail["Message-ID"]) for mail in scene.post.mailbox.taken if mail["To"] == _person(number)]


async def _brought_to_its_end(scene: Scene, losses: int, killed: str) -> int:
    """Let the agent find out how its mail went, and a minute pass; return after how many tries it was sent."""

    async def has_noticed() -> bool:
        ((_, state, tries),) = await _states(scene)
        return state == "sent" or tries > 0 or len(scene.keep.log("mail_server_lost")) > losses

    await scene.eventually(has_noticed, f"killed {killed}: the agent does not notice", within_s=_SEND_S)
    ((_, state, tries),) = await _states(scene)
    if state != "sent":
        await scene.keep.clock.step(_MINUTE_S)

        async def is_sent() -> bool:
            return [state for _, state, _ in await _states(scene)] == ["sent"]

        await scene.eventually(is_sent, f"killed {killed}: the mail is not sent", within_s=_SEND_S)
        ((_, _, tries),) = await _states(scene)
    await scene.stage.in_store("DELETE FROM mails")
    return tries


async def _many(scene: Scene) -> None:
    mailbox, asked = scene.post.mailbox, Counter[str]()

    def enough() -> str | None:
        if len(mailbox.taken) < _BEFORE_ENOUGH:
            return None
        asked["refused"] += 1
        return _ENOUGH

    mailbox.mail = enough
    await _put_in(scene, [_person(number) for number in range(_MANY)], _SHORT)

    async def has_shown() -> bool:
        return asked["refused"] > _ASKED_MAX or bool(scene.keep.log("mail_server_lost"))

    await scene.eventually(has_shown, f"{len(mailbox.taken)} mails came", within_s=_SHOWN_S)
    await scene.door.ask_many(POOL_SIZE)
    tries = sum(tries * number for (_, state, tries), number in (await _states(scene)).items() if state == "waiting")
    scene.expect(
        asked["refused"] <= _ASKED_MAX and not tries,
        f"the server has enough, and is asked more than {_ASKED_MAX} times all the same, which costs mails their tries",
    )
    scene.note(f"left alone after {len(mailbox.taken)}; no mail lost a try")
    mailbox.mail = lambda: None
    seen: list[Seen] = []

    async def are_sent() -> bool:
        seen.append(await scene.ask())
        return len(mailbox.taken) >= _MANY

    await scene.eventually(are_sent, "the mails do not come", within_s=_MANY_S)
    scene.expect(all(one.is_good for one in seen), f"meanwhile: {outcomes(seen)}")
    expected = [_person(number) for number in range(_MANY)]
    scene.expect(mailbox.recipients() == expected, "they do not come once each, and in the order that they were put in")
    scene.note("then all come, once each and in their order, and calls meanwhile are answered")
    await scene.expect_recovery()


async def _put_in(scene: Scene, recipients: Sequence[str], text: str) -> None:
    """Put in a mail to each, all at once."""
    key, now = MailKey.load(scene.post.key_file), utc(SystemClock.time())
    rows = []
    for number, to in enumerate(recipients):
        mail_id = uuid4()
        headers = f"From: box@example.org\r\nTo: {to}\r\nSubject: News\r\nMessage-ID: <{mail_id}@example.org>"
        at = now - timedelta(microseconds=len(recipients) - number)
        sealed = key.seal(f"{headers}\r\n\r\n{text}".encode(), mail_id, to)
        rows.append((mail_id, f"many {mail_id}", "password_changed", to, "waiting", sealed, at, at))
    columns = ["id", "cause", "template", "recipient", "state", "sealed", "created_at", "next_try_at"]
    async with scene.stage.connect_to_store() as connection:
        await connection.copy_records_to_table("mails", records=rows, columns=columns, timeout=_SEND_S)


def _person(number: int) -> str:
    return f"person{number:05}@example.org"


async def _give_feedback(scene: Scene) -> None:
    feedback = GiveFeedback(message="The chart is hard to read.")
    await _done(scene, await scene.door.ask(feedback, operation=GIVE_FEEDBACK, idempotency_key=uuid4().hex))


async def _done(scene: Scene, seen: Seen) -> None:
    scene.expect(seen.is_good, f"what a mail is sent for: {outcomes([seen])}")


async def _until_state(scene: Scene, wanted: str) -> None:
    async def is_there() -> bool:
        return any(state == wanted for _, state, _ in await _states(scene))

    try:
        await scene.eventually(is_there, f"no mail is {wanted}", within_s=_SEND_S)
    except AssertionError as error:
        raise NotReady(str(error)) from error


async def _states(scene: Scene) -> Counter[tuple[str, str, int]]:
    """Return how many mails there are of each template, state and number of tries."""
    async with scene.stage.connect_to_store() as connection:
        rows = await connection.fetch(
            "SELECT template, state, tries, count(*) FROM mails GROUP BY 1, 2, 3", timeout=_SEND_S
        )
    return Counter({(row[0], row[1], row[2]): row[3] for row in rows})


ROWS: Final = (
    Fault(
        "mail-server-away", Where.MAIL, "The mail server refuses connections for an hour (the agent's clocks are moved "
        "on in steps of a minute), while mails are put in.",
        f"All else goes on; the mails come once each, within {_BACK_MINUTES_MAX} min of its return.",
        "telling a server that is away from a mail that it refuses", _hour,
        Setup(without=Mitigation.AWAY, has_mail=True, moves_clock=True), Setup(has_mail=True, moves_clock=True),
    ),
    Fault(
        "killed-before-mail", Where.MAIL, "The agent is killed (signal 9) between the commit of what a mail is for and "
        "the sending of it, and once more in the middle of that.",
        "The mail comes, and comes once.", "the outbox: sent from memory instead", _killed,
        Setup(without=Mitigation.OUTBOX, has_mail=True), Setup(has_mail=True),
    ),
    Fault(
        "relay-killed", Where.MAIL, "The door's relay is killed (signal 9) before each step of leading the agent to "
        "the mail server: the request, its answer, the handshake, each part of a mail, the server's answer.",
        "Every mail comes by itself, and once; twice, under one Message-ID, only where it was killed after the text's "
        "last byte and before the answer had passed. What was not begun loses no try.",
        "telling a server that is away from a mail that it refuses", _relay_killed,
        Setup(without=Mitigation.AWAY, has_mail=True, has_relay=True, moves_clock=True),
        Setup(has_mail=True, has_relay=True, moves_clock=True),
    ),
    Fault(
        "outbox-full-of-mails", Where.MAIL, f"{_MANY:,} mails wait, and the mail server has enough after "
        f"{_BEFORE_ENOUGH} (452).",
        "It is left alone until it takes mails again; then all come, once each and in their order, and calls are "
        "answered meanwhile.",
        "telling a server that has enough from a mail that it refuses", _many,
        Setup(without=Mitigation.AWAY, has_mail=True), Setup(has_mail=True),
    ),
)  # fmt: skip
