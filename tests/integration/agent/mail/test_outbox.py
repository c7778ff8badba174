"""What is put into the outbox is there exactly when its cause is."""

from __future__ import annotations

from email import message_from_bytes
from email.policy import default

import pytest

from agent.db.pools import Pool, connect
from agent.mail.outbox import NO_ADDRESS, Outbox
from agent.mail.wording import Template
from agent.settings import Mail
from bridge.errors import AppError
from tests.clocks import TurnedClock
from tests.integration.agent.conftest import StoreDsns
from tests.integration.agent.mail.conftest import ANN, put, rows, soon


async def test_mail_waits_sealed_and_whole_when_its_cause_is_committed(
    store: Pool, store_dsns: StoreDsns, outbox: Outbox, mail_settings: Mail
) -> None:
    assert await put(store, outbox, "reset 1")
    (row,) = await rows(store_dsns)
    assert (row["state"], row["template"], row["recipient"], row["tries"]) == ("waiting", "reset_password", ANN, 0)
    assert b"sesame" not in row["sealed"]
    assert outbox.key is not None
    mail = message_from_bytes(outbox.key.open(row["sealed"], row["id"], ANN), policy=default)
    assert mail["Message-ID"] == f"<{row['id']}@example.org>"
    assert mail["From"] == "Drawbridge <box@example.org>"
    assert mail["To"] == ANN
    assert mail["Auto-Submitted"] == "auto-generated"
    text, html = (part.get_content() for part in mail.iter_parts())
    assert "https://health.example.org/auth/reset-password#token=sesame" in text
    assert 'href="https://health.example.org/auth/reset-password#token=sesame"' in html


async def test_mail_is_not_there_when_its_cause_fails(store: Pool, store_dsns: StoreDsns, outbox: Outbox) -> None:
    with pytest.raises(AppError):
        async with store.transaction(soon()) as transaction:
            values = {"link": "/", "minutes": "60"}
            await outbox.enqueue(
                transaction, Template.RESET_PASSWORD, to=ANN, language="en", values=values, cause="reset 1"
            )
            raise KeyError
    assert await rows(store_dsns) == []


async def test_there_is_one_mail_when_its_cause_comes_twice(store: Pool, store_dsns: StoreDsns, outbox: Outbox) -> None:
    assert [await put(store, outbox, cause) for cause in ("reset 1", "reset 1", "reset 2")] == [True, False, True]
    assert [row["cause"] for row in await rows(store_dsns)] == ["reset 1", "reset 2"]


@pytest.mark.parametrize(
    "address",
    ["ann", "ann@example.org\r\nBcc: eve@example.org", "änn@example.org", "a b@c.org"],
    ids=["no domain", "second header", "not ASCII", "space"],
)
async def test_mail_is_parked_and_its_cause_goes_on_when_its_address_is_none(
    store: Pool, store_dsns: StoreDsns, outbox: Outbox, address: str
) -> None:
    assert await put(store, outbox, "reset 1", to=address)
    (row,) = await rows(store_dsns)
    assert (row["state"], row["reason"], row["sealed"]) == ("parked", NO_ADDRESS, None)


async def test_nothing_is_stored_when_mail_is_off(
    store: Pool, store_dsns: StoreDsns, turned_clock: TurnedClock
) -> None:
    outbox = Outbox(Mail(), turned_clock)
    assert not outbox.is_on
    assert not await put(store, outbox, "reset 1")
    assert await rows(store_dsns) == []


async def test_listeners_are_told_when_a_mail_waits(store: Pool, store_dsns: StoreDsns, outbox: Outbox) -> None:
    heard: list[str] = []
    connection = await connect(store_dsns.agent, application_name="test", timeout_s=5)
    try:
        await connection.add_listener("drawbridge_mail", lambda *notification: heard.append(str(notification[2])))
        await put(store, outbox, "reset 1")
        await connection.execute("SELECT 1", timeout=5)  # what was told is heard before the answer
    finally:
        await connection.close(timeout=5)
    assert heard == ["drawbridge_mail"]


def test_owner_is_who_the_settings_say_when_feedback_is_to_be_sent(outbox: Outbox) -> None:
    assert outbox.owner == "owner@example.org"
    assert outbox.is_on
