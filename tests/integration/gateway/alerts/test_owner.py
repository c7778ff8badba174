"""What the owner finds in the mailbox: from reports in the inbox to a real SMTP server, over restarts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import pytest
import trustme

from gateway.alerts.channels.email import Email
from gateway.alerts.quiet import QuietHours
from gateway.alerts.report import Inbox, Report, Severity, State
from gateway.alerts.service import Alerts
from gateway.alerts.settings import Settings
from tests.clocks import HurriedClock
from tests.integration.gateway.alerts.test_email import Server, serving

ZONE: Final = ZoneInfo("Europe/London")
HOUR_S: Final = 3600.0
STARTS_AT: Final = 21 * HOUR_S + 26 * 60 + 40
"""What the wall in London shows when the clock starts, in seconds of the day."""
NIGHT: Final = "22:00-07:00"


@dataclass
class Owner:
    """Somebody with a mailbox, and the service that writes to it; the time is turned by hand."""

    folder: Path
    server: Server
    quiet_hours: str = ""
    clock: HurriedClock = field(default_factory=HurriedClock)

    def __post_init__(self) -> None:
        (self.folder / "inbox").mkdir()
        self.inbox = Inbox(self.folder / "inbox")
        self.start()

    def start(self) -> None:
        """Start the service, anew if it ran: what it knows is what is on the disk."""
        settings = Settings("Surgery", ZONE, QuietHours.of(self.quiet_hours, ZONE))
        self.channel = Email(self.server.settings, tls=self.server.tls)
        self.alerts = Alerts(
            settings, self.clock, inbox=self.folder / "inbox", book=self.folder / "alerts.json", channels=[self.channel]
        )

    def report(self, cause: str, state: State, severity: Severity, summary: str) -> None:
        assert self.inbox.report(Report(cause, state, severity, summary, at=self.clock.time()))

    async def wait(self, seconds: float, *, step_s: float = 5.0) -> None:
        for _ in range(int(seconds / step_s)):
            await self.alerts.look()
            await self.alerts.deliver(self.channel)
            self.clock.advance(step_s)

    async def until(self, hour: int) -> None:
        """Wait until the wall shows ``hour`` next."""
        shown = (STARTS_AT + self.clock.time() - HurriedClock().time()) % (24 * HOUR_S)
        await self.wait((hour * HOUR_S - shown) % (24 * HOUR_S), step_s=20)

    @property
    def mails(self) -> list[str]:
        return [f"{each['Subject']}\n{each.get_content()}" for each in self.server.mailbox.taken]


@pytest.fixture
async def server(authority: trustme.CA) -> AsyncIterator[Server]:
    async with serving(authority, "starttls") as running:
        yield running


async def test_owner_sleeps_through_warnings_and_is_mailed_them_in_one_when_the_quiet_hours_end(
    tmp_path: Path, server: Server
) -> None:
    owner = Owner(tmp_path, server, NIGHT)
    await owner.until(23)
    owner.report("disk.low:door", "raised", "warning", "The disk of the door is almost full")
    await owner.wait(60)
    owner.start()
    await owner.until(2)
    owner.report("power.low:keep", "raised", "warning", "The keep gets too little power")
    await owner.wait(60)
    owner.start()
    await owner.until(6)
    assert owner.mails == []

    await owner.until(8)
    [mail] = owner.mails
    assert "The disk of the door is almost full" in mail
    assert "The keep gets too little power" in mail


async def test_owner_is_woken_when_it_is_critical(tmp_path: Path, server: Server) -> None:
    owner = Owner(tmp_path, server, NIGHT)
    await owner.until(3)
    owner.report("disk.low:door", "raised", "warning", "The disk of the door is almost full")
    owner.report("backup.failed", "raised", "critical", "The last backup failed")
    await owner.wait(30)
    [mail] = owner.mails
    assert "The last backup failed" in mail
    assert "disk" not in mail


@pytest.mark.parametrize("restarts", [False, True], ids=["it runs on", "it is started anew"])
async def test_owner_hears_of_the_root_with_what_follows_when_the_line_is_down(
    tmp_path: Path, server: Server, restarts: bool
) -> None:
    owner = Owner(tmp_path, server)
    owner.report("ddns.unreachable:box.example.org", "raised", "warning", "The provider does not answer")
    owner.report("certificate.renewal:web", "raised", "warning", "The certificate cannot be renewed")
    await owner.wait(5)
    owner.report("line.upstream_black_hole", "raised", "critical", "Nothing beyond the router answers")
    await owner.wait(60)
    [mail] = owner.mails
    assert "Nothing beyond the router answers" in mail.splitlines()[0]
    assert "The provider does not answer" in mail
    assert "The certificate cannot be renewed" in mail

    if restarts:
        owner.start()
    await owner.wait(11 * 60)
    for cause in ("line.upstream_black_hole", "ddns.unreachable:box.example.org", "certificate.renewal:web"):
        owner.report(cause, "cleared", "info", "It is over")
    await owner.wait(HOUR_S)
    _, end = owner.mails
    assert "It lasted 12 min" in end


async def test_owner_is_mailed_the_length_when_no_mail_got_through_meanwhile(tmp_path: Path, server: Server) -> None:
    owner = Owner(tmp_path, server)
    works, server.settings = server.settings, replace(server.settings, port=1)
    owner.start()
    owner.report("line.cable_out", "raised", "critical", "The network cable of eth0 is out")
    await owner.wait(20 * 60)
    server.settings = works
    owner.start()
    owner.report("line.cable_out", "cleared", "info", "Cable out: over")
    await owner.wait(120)
    [mail] = owner.mails
    assert "The network cable of eth0 is out" in mail
    assert "It lasted 20 min" in mail
