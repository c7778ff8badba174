"""What the owner does with mails that were not sent."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import trustme

from agent.db.pools import Pool
from agent.mail.upkeep import Upkeep
from bridge.contracts.system import MailState
from bridge.process.clock import utc
from tests.integration.agent.mail.conftest import ANN, Sending, rows, soon
from tests.mail_server import mail_server


async def test_parked_mail_is_sent_when_the_owner_retries_it(
    authority: trustme.CA, sending: Sending, store: Pool
) -> None:
    await sending.put("reset 1", "reset 2")
    upkeep = Upkeep(store)
    async with mail_server(authority) as server:
        server.mailbox.rcpt = lambda _address: "550 5.1.1 gone"
        sender = sending.sender(server)
        await sender._look()
        listed = await upkeep.mails(is_all=False, deadline=soon())
        assert [(mail.state, mail.recipient, mail.reason) for mail in listed] == [
            ("parked", ANN, "550 5.1.1 gone"),
            ("parked", ANN, "550 5.1.1 gone"),
        ]
        server.mailbox.rcpt = lambda _address: None
        now = utc(sending.clock.time())
        assert await upkeep.retry([uuid4()], now, deadline=soon()) == 0
        assert await upkeep.retry([listed[0].id], now, deadline=soon()) == 1
        assert await upkeep.retry(None, now, deadline=soon()) == 1
        await sender._look()
    assert len(server.mailbox.taken) == 2
    assert await upkeep.mails(is_all=False, deadline=soon()) == []
    assert len(await upkeep.mails(is_all=True, deadline=soon())) == 2


async def test_mail_is_never_sent_and_erased_when_the_owner_drops_it(
    authority: trustme.CA, sending: Sending, store: Pool
) -> None:
    await sending.put("parked", to="nobody")
    await sending.put("waiting", "staying")
    upkeep = Upkeep(store)
    now = utc(sending.clock.time())
    assert await upkeep.retry(None, now, deadline=soon()) == 0  # there is nothing to send in it
    waiting = {row["cause"]: row["id"] for row in await rows(sending.dsns)}["waiting"]
    assert await upkeep.drop(None, now, deadline=soon()) == 1
    assert await upkeep.drop([waiting], now, deadline=soon()) == 1
    async with mail_server(authority) as server:
        await sending.sender(server)._look()
    assert len(server.mailbox.taken) == 1
    assert {row["cause"]: (row["state"], row["sealed"]) for row in await rows(sending.dsns)} == {
        "parked": ("dropped", None), "waiting": ("dropped", None), "staying": ("sent", None),
    }  # fmt: skip


async def test_mail_is_forgotten_when_it_ended_long_ago(authority: trustme.CA, sending: Sending, store: Pool) -> None:
    now = utc(sending.clock.time())
    await sending.put("sent")
    async with mail_server(authority) as server:
        await sending.sender(server)._look()
    await sending.put("late", expires_at=now + timedelta(hours=1))
    await sending.put("waiting")
    upkeep = Upkeep(store)
    await upkeep.forget_old(now + timedelta(hours=1), keep_s=3600, deadline=soon())
    assert {cause: state for cause, (state, _) in (await sending.states()).items()} == {
        "sent": "sent", "late": "dropped", "waiting": "waiting",
    }  # fmt: skip
    await upkeep.forget_old(now + timedelta(hours=3), keep_s=3600, deadline=soon())
    assert set(await sending.states()) == {"waiting"}


async def test_state_counts_what_waits_and_what_is_parked(authority: trustme.CA, sending: Sending, store: Pool) -> None:
    upkeep = Upkeep(store)
    assert await upkeep.state(deadline=soon()) == MailState(waiting=0, oldest=None, parked=0)
    at = sending.clock.time()
    await sending.put("parked", to="nobody")
    sending.clock.advance(60)
    await sending.put("waiting")
    sending.clock.advance(60)
    await sending.put("younger")
    assert await upkeep.state(deadline=soon()) == MailState(waiting=2, oldest=at + 60, parked=1)
