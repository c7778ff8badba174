"""An outbox on a real store, and who empties it into a real mail server."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import asyncpg
import pytest
import trustme
from pydantic import SecretStr

from agent.db.pools import Pool, connect
from agent.mail.outbox import Outbox
from agent.mail.post import Post
from agent.mail.sender import Sender
from agent.mail.wording import Template
from agent.settings import Mail, Relay
from bridge.process.clock import SystemClock
from tests.clocks import TurnedClock
from tests.integration.agent.conftest import StoreDsns
from tests.mail_server import PASSWORD, USER, MailServer

ANN = "ann@example.org"
LINK = "/auth/reset-password#token=sesame"


def soon() -> float:
    return SystemClock.monotonic() + 3


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(autouse=True)
def _nothing_secret_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever a test does: no link, password or address is in a line of ours."""
    for logger in ("agent", "gateway"):
        caplog.set_level(logging.DEBUG, logger=logger)
    yield
    lines = [str(record.__dict__) for record in caplog.records if record.name.startswith(("agent", "gateway"))]
    for secret in ("sesame", PASSWORD, ANN):
        assert not [line for line in lines if secret in line]


@pytest.fixture
def mail_settings(tmp_path: Path) -> Mail:
    """Give settings with mail on; nothing listens at the port that they name."""
    return Mail(
        host="localhost",
        port=1,
        username=USER,
        password=SecretStr(PASSWORD),
        sender="box@example.org",
        site="https://health.example.org",
        owner="owner@example.org",
        key_file=tmp_path / "mail" / "key",
    )


@pytest.fixture
def outbox(mail_settings: Mail, turned_clock: TurnedClock) -> Outbox:
    return Outbox(mail_settings, turned_clock)


async def put(store: Pool, outbox: Outbox, cause: str, *, to: str = ANN, expires_at: datetime | None = None) -> bool:
    """Enqueue a reset link in a transaction of its own."""
    values = {"link": LINK, "minutes": "60"}
    async with store.transaction(soon()) as transaction:
        return await outbox.enqueue(
            transaction,
            Template.RESET_PASSWORD,
            to=to,
            language="en",
            values=values,
            cause=cause,
            expires_at=expires_at,
        )


async def rows(dsns: StoreDsns) -> list[asyncpg.Record]:
    connection = await connect(dsns.owner, application_name="test", timeout_s=5)
    try:
        return await connection.fetch("SELECT * FROM mails ORDER BY created_at, cause", timeout=5)
    finally:
        await connection.close(timeout=5)


@dataclass
class Sending:
    """A sender on the test's store, which a test lets look or run."""

    store: Pool
    dsns: StoreDsns
    outbox: Outbox
    settings: Mail
    clock: TurnedClock

    def sender(self, server: MailServer, *, through: Relay | None = None, **changes: object) -> Sender:
        settings = self.settings.model_copy(update={"port": server.port, **changes})
        assert self.outbox.key is not None
        return Sender(
            settings,
            Post(settings, through or Relay(), tls=server.tls),
            self.outbox.key,
            pool=self.store,
            dsn=self.dsns.agent,
            clock=self.clock,
        )

    async def put(self, *causes: str, to: str = ANN, expires_at: datetime | None = None) -> None:
        for cause in causes:
            assert await put(self.store, self.outbox, cause, to=to, expires_at=expires_at)

    async def states(self) -> dict[str, tuple[str, int]]:
        """Return state and tries of each mail by its cause."""
        return {row["cause"]: (row["state"], row["tries"]) for row in await rows(self.dsns)}


@pytest.fixture
def sending(
    store: Pool, store_dsns: StoreDsns, outbox: Outbox, mail_settings: Mail, turned_clock: TurnedClock
) -> Sending:
    return Sending(store, store_dsns, outbox, mail_settings, turned_clock)


@asynccontextmanager
async def running(*work: Awaitable[None]) -> AsyncIterator[None]:
    """Let ``work`` go on beside the block, and cancel it after."""

    async def run(each: Awaitable[None]) -> None:
        await each

    async with asyncio.TaskGroup() as tasks:
        started = [tasks.create_task(run(each)) for each in work]
        yield
        for task in started:
            task.cancel()
