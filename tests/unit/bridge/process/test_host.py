from __future__ import annotations

import json
import os
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from bridge.process.host import Places, ThisHost, parse_units, temperature_c, under_voltage
from bridge.process.host_report import HostReport, UnitState
from tests.clocks import TurnedClock

SHOW = """Id=agent.service
LoadState=loaded
ActiveState=active
SubState=running
Result=success
NRestarts=2
StateChangeTimestampMonotonic=5000000

Id=backup.service
LoadState=loaded
ActiveState=failed
SubState=failed
Result=exit-code
NRestarts=0
StateChangeTimestampMonotonic=0

Id=bans.service
LoadState=not-found
ActiveState=inactive
SubState=dead
Result=success
NRestarts=0
StateChangeTimestampMonotonic=0
"""

REPORT = HostReport(
    host="keep",
    at=1.5,
    release="1.2.3",
    uptime_s=10.0,
    memory_unused_mib=100,
    disk_free_share=0.5,
    temperature_c=50.0,
    under_voltage=True,
    clock_synchronized=None,
    units=(),
)


def program(path: Path, script: str) -> Path:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o700)
    return path


def places(folder: Path, *, systemctl: str = "exit 1", timedatectl: str = "exit 1") -> Places:
    return Places(
        sys=folder / "sys",
        disk=folder,
        release=folder / "current",
        systemctl=program(folder / "systemctl", systemctl),
        timedatectl=program(folder / "timedatectl", timedatectl),
    )


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


async def test_report_tells_everything_when_the_machine_does(tmp_path: Path) -> None:
    (tmp_path / "current").symlink_to("releases/1.2.3")
    write(tmp_path / "sys/class/thermal/thermal_zone0/temp", "61500\n")
    write(tmp_path / "show", SHOW)
    there = places(tmp_path, systemctl=f'echo "$@" > {tmp_path}/asked; cat {tmp_path}/show', timedatectl="echo yes")

    report = await ThisHost("keep", ("agent.service",), clock=TurnedClock(1000.0), places=there).read()

    assert (report.host, report.at, report.release) == ("keep", 1000.0, "1.2.3")
    assert [(unit.name, unit.active, unit.restarts) for unit in report.units] == [
        ("agent.service", "active", 2),
        ("backup.service", "failed", 0),
    ]
    assert report.clock_synchronized is True
    assert report.temperature_c == 61.5
    assert report.under_voltage is None
    assert 0 <= report.disk_free_share <= 1
    assert report.memory_unused_mib < os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20
    assert (tmp_path / "asked").read_text().endswith("-- agent.service\n")


async def test_report_is_there_without_what_cannot_be_told_when_programs_fail(tmp_path: Path) -> None:
    there = replace(places(tmp_path, systemctl="echo Id=x; exit 1"), timedatectl=tmp_path / "missing")

    report = await ThisHost("door", ("x.service",), clock=TurnedClock(), places=there).read()

    assert (report.release, report.units, report.clock_synchronized) == ("", (), None)


async def test_report_is_there_when_a_program_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.process.host._PROGRAM_S", 0.05)
    there = places(tmp_path, systemctl="exec sleep 9", timedatectl="echo no")

    report = await ThisHost("door", ("x.service",), clock=TurnedClock(), places=there).read()

    assert (report.units, report.clock_synchronized) == ((), False)


async def test_clock_is_asked_about_once_when_the_report_is_read_often(tmp_path: Path) -> None:
    there = places(tmp_path, timedatectl=f"echo asked >> {tmp_path}/asked; echo yes")
    host = ThisHost("door", (), clock=TurnedClock(), places=there)

    assert [(await host.read()).clock_synchronized for _ in range(3)] == [True] * 3
    assert (tmp_path / "asked").read_text() == "asked\n"


def test_unit_tells_since_when_by_the_clock_of_now() -> None:
    agent, backup = parse_units(SHOW, offset_s=1_780_000_000.0)

    assert agent == UnitState("agent.service", "active", "running", 1_780_000_005.0, 2, "success")
    assert (backup.since, backup.result) == (None, "exit-code")


@pytest.mark.parametrize("show", ["", "nonsense", "Id=\nLoadState=loaded", "ActiveState=active"])
def test_no_unit_is_told_of_when_systemctl_tells_of_none(show: str) -> None:
    assert parse_units(show, offset_s=0.0) == ()


@pytest.mark.parametrize(("alarm", "is_low"), [("0\n", False), ("1\n", True)], ids=["enough", "too little"])
def test_under_voltage_is_the_drivers_word_when_it_is_there(tmp_path: Path, alarm: str, is_low: bool) -> None:
    write(tmp_path / "class/hwmon/hwmon0/name", "cpu_thermal\n")
    write(tmp_path / "class/hwmon/hwmon1/name", "rpi_volt\n")
    write(tmp_path / "class/hwmon/hwmon1/in0_lcrit_alarm", alarm)
    write(tmp_path / "devices/platform/soc/soc:firmware/get_throttled", "1\n" if not is_low else "0\n")

    assert under_voltage(tmp_path) is is_low


@pytest.mark.parametrize(
    ("flags", "is_low"), [("50000\n", False), ("50005\n", True), ("0\n", False)], ids=["once", "now", "never"]
)
def test_under_voltage_is_the_firmwares_word_when_there_is_no_driver(tmp_path: Path, flags: str, is_low: bool) -> None:
    write(tmp_path / "devices/platform/soc/soc:firmware/get_throttled", flags)

    assert under_voltage(tmp_path) is is_low


def test_sensors_tell_nothing_when_they_are_missing_or_broken(tmp_path: Path) -> None:
    write(tmp_path / "class/thermal/thermal_zone0/temp", "hot\n")
    write(tmp_path / "class/hwmon/hwmon0/name", "rpi_volt\n")
    write(tmp_path / "devices/platform/soc/soc:firmware/get_throttled", "zz\n")

    assert temperature_c(tmp_path) is None
    assert under_voltage(tmp_path) is None


def test_report_is_the_same_when_it_was_sent_as_json() -> None:
    report = replace(REPORT, units=(UnitState("a.service", "active", "x", None, 1, "y"),), temperature_c=None)

    assert HostReport.of(json.loads(json.dumps(asdict(report)))) == report


@pytest.mark.parametrize("wrong", [{"units": None}, {"at": "now"}, {"units": [{}]}], ids=["units", "time", "unit"])
def test_report_is_refused_when_it_is_none(wrong: dict[str, object]) -> None:
    sent = asdict(REPORT)

    with pytest.raises((KeyError, TypeError, ValueError)):
        HostReport.of(sent | wrong)
