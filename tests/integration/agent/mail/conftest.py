"""An outbox on a real store."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from agent.db.pools import Pool
from agent.mail.outbox import Outbox
from agent.mail.wording import Template
from agent.settings import Mail
from bridge.process.clock import SystemClock
from tests.clocks import TurnedClock

ANN = "ann@example.org"
LINK = "/auth/reset-password#token=sesame"


def soon() -> float:
    return SystemClock.monotonic() + 3


@pytest.fixture
def mail_settings(tmp_path: Path) -> Mail:
    """Give settings with mail on; nothing listens at the server that they name."""
    return Mail(
        host="localhost",
        port=1,
        username="drawbridge",
        password=SecretStr("open sesame"),
        sender="box@example.org",
        site="https://health.example.org",
        owner="owner@example.org",
        key_file=tmp_path / "mail" / "key",
    )


@pytest.fixture
def outbox(mail_settings: Mail, turned_clock: TurnedClock) -> Outbox:
    return Outbox(mail_settings, turned_clock)


async def put(store: Pool, outbox: Outbox, cause: str, *, to: str = ANN) -> bool:
    """Enqueue a reset link in a transaction of its own."""
    values = {"link": LINK, "minutes": "60"}
    async with store.transaction(soon()) as transaction:
        return await outbox.enqueue(
            transaction, Template.RESET_PASSWORD, to=to, language="en", values=values, cause=cause
        )
