"""A hot processor and a weak power supply: from the kernel's files to the owner's mail."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import pytest
import trustme

from bridge.process.host import Places, ThisHost
from gateway.alerts.case import SETTLE_S
from gateway.alerts.channels.email import Email
from gateway.alerts.quiet import QuietHours
from gateway.alerts.report import Inbox
from gateway.alerts.service import Alerts
from gateway.alerts.settings import Settings
from gateway.alerts.watches import EVERY_S, Watches
from gateway.alerts.watches import Settings as WatchSettings
from gateway.alerts.watches.sources import Sources
from tests.clocks import HurriedClock
from tests.integration.gateway.alerts.test_email import serving
from tests.mail_server import Mailbox

ZONE: Final = "devices/virtual/thermal/thermal_zone0"
VOLT: Final = "devices/platform/soc/soc:firmware/raspberrypi-hwmon/hwmon/hwmon1"
SYS: Final = {
    # drivers/thermal/thermal_sysfs.c, thermal_hwmon.c: the zone, and a monitor of its own beneath it
    f"{ZONE}/type": "cpu-thermal\n",
    f"{ZONE}/mode": "enabled\n",
    f"{ZONE}/policy": "step_wise\n",
    f"{ZONE}/temp": "48312\n",
    f"{ZONE}/trip_point_0_temp": "110000\n",
    f"{ZONE}/trip_point_0_type": "critical\n",
    f"{ZONE}/hwmon0/name": "cpu_thermal\n",
    f"{ZONE}/hwmon0/temp1_input": "48312\n",
    # drivers/hwmon/raspberrypi-hwmon.c
    f"{VOLT}/name": "rpi_volt\n",
    f"{VOLT}/in0_lcrit_alarm": "0\n",
}
CLASSES: Final = {
    "class/thermal/thermal_zone0": f"../../{ZONE}",
    "class/hwmon/hwmon0": f"../../{ZONE}/hwmon0",
    "class/hwmon/hwmon1": f"../../{VOLT}",
}
"""A class is a folder of links to devices."""


@dataclass
class Pi:
    """A door with a Pi's ``/sys``, its watches, and its alerts with a mailbox; the time is turned by hand."""

    sys: Path
    clock: HurriedClock
    watches: Watches
    alerts: Alerts
    channel: Email
    mailbox: Mailbox

    def set(self, file: str, text: str) -> None:
        (self.sys / file).write_text(text)

    async def pass_s(self, seconds: float) -> None:
        """Let time pass, a minute at a time, looking and telling after each."""
        for _ in range(int(seconds // 60)):
            self.clock.advance(60)
            await self.watches.run_once()
            await self.alerts.look()
            self.clock.advance(11)  # a report waits ten seconds for one that explains it
            await self.alerts.look()
            await self.alerts.deliver(self.channel)

    def mails(self, cause: str) -> list[str]:
        """Return the subjects of the mails about ``cause``."""
        return [str(each["Subject"]) for each in self.mailbox.taken if f"Cause: {cause}" in each.get_content()]


@pytest.fixture
async def pi(tmp_path: Path, authority: trustme.CA) -> AsyncIterator[Pi]:
    sys = tmp_path / "sys"
    for name, text in SYS.items():
        (sys / name).parent.mkdir(parents=True, exist_ok=True)
        (sys / name).write_text(text)
    for name, device in CLASSES.items():
        (sys / name).parent.mkdir(parents=True, exist_ok=True)
        (sys / name).symlink_to(device)
    clock = HurriedClock()
    watched = WatchSettings(
        sockets=(), bans_socket=tmp_path / "bans.sock", ddns_status=tmp_path / "ddns.json",
        taken=tmp_path / "taken.json", units=(),
    )  # fmt: skip
    host = ThisHost("door", (), clock=clock, places=Places(sys=sys, disk=tmp_path, release=tmp_path / "current"))
    (tmp_path / "inbox").mkdir()
    inbox = Inbox(tmp_path / "inbox")
    watches = Watches(watched, report=inbox.report, clock=clock, sources=Sources(watched, clock, host))
    zone = ZoneInfo("Europe/London")
    async with serving(authority, "starttls") as server:
        channel = Email(server.settings, tls=server.tls)
        alerts = Alerts(
            Settings("Surgery", zone, QuietHours(zone)), clock, inbox=tmp_path / "inbox", book=tmp_path / "alerts.json",
            channels=[channel],
        )  # fmt: skip
        yield Pi(sys, clock, watches, alerts, channel, server.mailbox)


async def test_owner_is_mailed_once_and_of_the_end_when_the_processor_is_hot(pi: Pi) -> None:
    await pi.pass_s(240)
    pi.set(f"{ZONE}/temp", "82400\n")
    await pi.pass_s(600)
    assert pi.mails("temperature.high:door") == ["[Drawbridge] Surgery: The door is hot: 82 °C"]

    pi.set(f"{ZONE}/temp", "61200\n")
    await pi.pass_s(1200)
    _, end = pi.mails("temperature.high:door")
    assert "Over after" in end
    assert pi.mails("power.low:door") == []


async def test_owner_is_mailed_again_when_the_processor_becomes_hotter(pi: Pi) -> None:
    await pi.pass_s(240)
    pi.set(f"{ZONE}/temp", "82400\n")
    await pi.pass_s(300)
    pi.set(f"{ZONE}/temp", "85900\n")
    await pi.pass_s(240)
    warning, critical = pi.mails("temperature.high:door")
    assert "The door is hot: 82 °C" in warning
    assert "The door is hot: 86 °C" in critical


async def test_owner_is_mailed_within_thirty_seconds_when_the_power_is_weak(pi: Pi) -> None:
    await pi.pass_s(120)
    pi.clock.advance(EVERY_S)
    await pi.watches.run_once()
    pi.set(f"{VOLT}/in0_lcrit_alarm", "1\n")
    weak_at = pi.clock.time()
    pi.clock.advance(EVERY_S)
    await pi.watches.run_once()
    await pi.alerts.look()
    pi.clock.advance(SETTLE_S)
    await pi.alerts.look()
    await pi.alerts.deliver(pi.channel)
    assert pi.mails("power.low:door") == ["[Drawbridge] Surgery: The door gets too little power"]
    assert pi.clock.time() - weak_at <= 30


async def test_owner_is_mailed_once_when_the_power_is_weak_by_the_second(pi: Pi) -> None:
    for alarm in ("1\n", "0\n", "1\n", "0\n", "1\n"):
        pi.set(f"{VOLT}/in0_lcrit_alarm", alarm)
        await pi.pass_s(180)
    assert pi.mails("power.low:door") == ["[Drawbridge] Surgery: The door gets too little power"]

    pi.set(f"{VOLT}/in0_lcrit_alarm", "0\n")
    await pi.pass_s(4200)
    assert len(pi.mails("power.low:door")) == 2
