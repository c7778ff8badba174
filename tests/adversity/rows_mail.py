"""Faults of the mail server, and of an agent that has mail to send."""

from __future__ import annotations

from collections import Counter
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
from tests.adversity.scene import POOL_SIZE, NotReady, Scene, Setup

_MINUTE_S: Final = 60.0
_HOUR_MIN: Final = 60
_BACK_MINUTES_MAX: Final = 5
"""A mail server that is away is asked every five minutes, at the latest."""
_SEND_S: Final = 10.0

_MANY: Final = 10_000
_BEFORE_ENOUGH: Final = 120
_ASKED_MAX: Final = 3
_AWAITED: Final = 1_000
"""The others are no different, and take minutes."""
_AWAITED_S: Final = 40.0
_STATES_SQL: Final = "SELECT template, state, tries, count(*) FROM mails GROUP BY 1, 2, 3"
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

    async def are_sent() -> bool:
        return await _states(scene) == {("feedback", "sent", 1): 2, ("reset_password", "dropped", 0): 1}

    await scene.eventually(are_sent, "not every mail was sent once", within_s=_SEND_S)
    scene.expect(len(scene.post.mailbox.taken) == 2, f"{len(scene.post.mailbox.taken)} mails came of 2")

    async def is_told() -> bool:
        return [len(scene.keep.log(event)) for event in ("mail_server_lost", "mail_server_found")] == [1, 1]

    await scene.eventually(is_told, "the log does not tell once that it was lost, and once that it was found")
    scene.note(f"both come once, {minutes} min after its return, at their first try; the link that expired does not")
    await scene.expect_recovery()


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


async def _many(scene: Scene) -> None:
    mailbox, asked = scene.post.mailbox, Counter[str]()

    def enough() -> str | None:
        if len(mailbox.taken) < _BEFORE_ENOUGH:
            return None
        asked["refused"] += 1
        return _ENOUGH

    mailbox.mail = enough
    await _fill_outbox(scene)

    async def has_shown() -> bool:
        return asked["refused"] > _ASKED_MAX or bool(scene.keep.log("mail_server_lost"))

    await scene.eventually(has_shown, f"{len(mailbox.taken)} mails came", within_s=_AWAITED_S)
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
        return len(mailbox.taken) >= _AWAITED

    await scene.eventually(are_sent, "the mails do not come", within_s=_AWAITED_S)
    scene.expect(all(one.is_good for one in seen), f"meanwhile: {outcomes(seen)}")
    expected = [_person(number) for number in range(len(mailbox.taken))]
    scene.expect(mailbox.recipients == expected, "they do not come once each, and in the order that they were put in")
    scene.note("then they come, once each and in their order, and calls meanwhile are answered")
    await scene.expect_recovery()


async def _fill_outbox(scene: Scene) -> None:
    """Put in as many mails as an outage of weeks would, all at once."""
    key, now = MailKey.load(scene.post.key_file), utc(SystemClock.time())
    rows = []
    for number in range(_MANY):
        mail_id, to = uuid4(), _person(number)
        content = f"From: box@example.org\r\nTo: {to}\r\nSubject: News\r\n\r\nYour password was changed.\r\n"
        at = now - timedelta(microseconds=_MANY - number)
        sealed = key.seal(content.encode(), mail_id, to)
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
        "outbox-full-of-mails", Where.MAIL, f"{_MANY:,} mails wait, and the mail server has enough after "
        f"{_BEFORE_ENOUGH} (452).",
        "It is left alone until it takes mails again; then they come, once each and in their order, and calls are "
        f"answered meanwhile (looked at until {_AWAITED:,} have come).",
        "telling a server that has enough from a mail that it refuses", _many,
        Setup(without=Mitigation.AWAY, has_mail=True), Setup(has_mail=True),
    ),
)  # fmt: skip
