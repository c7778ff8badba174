"""How this machine is: its release, memory, disk, temperature, power, clock and units. The same on both hosts.

What works in the services' sandboxes (``systemd/sandbox.conf``) decides where each figure comes from:

- memory and uptime by system calls: of ``/proc`` a service sees processes alone (``ProcSubset=pid``);
- the clock by ``timedatectl``: ``ProtectClock=yes`` takes ``adjtimex(2)`` away, even to read, and the mark that
  systemd-timesyncd leaves in ``/run`` says nothing where chrony keeps the time. It starts systemd-timedated, so the
  answer is kept for five minutes;
- units by ``systemctl show``, over the system bus, which needs no right.

Standard library alone: the monitor, which has to stay small, reads it too.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bridge.process.clock import Clock
from bridge.process.host_report import Host, HostReport, UnitState

RELEASE: Final = Path("/opt/drawbridge/current")

_PROGRAM_S: Final = 1.5
_OUTPUT_MAX_BYTES: Final = 64 * 1024
_CLOCK_KEPT_S: Final = 300.0
_PROPERTIES: Final = "Id,LoadState,ActiveState,SubState,Result,NRestarts,StateChangeTimestampMonotonic"
_UNDER_VOLTAGE_NOW: Final = 1 << 0
"""https://www.raspberrypi.com/documentation/computers/os.html#get_throttled"""


@dataclass(frozen=True, slots=True)
class Places:
    """Where a machine tells of itself."""

    sys: Path = Path("/sys")
    disk: Path = Path("/")
    release: Path = RELEASE
    systemctl: Path = Path("/usr/bin/systemctl")
    timedatectl: Path = Path("/usr/bin/timedatectl")


class ThisHost:
    """Reads the report of this machine. ``units`` are names or patterns that ``systemctl show`` knows."""

    def __init__(self, host: Host, units: Sequence[str], *, clock: Clock, places: Places | None = None) -> None:
        self._host: Final = host
        self._units: Final = tuple(units)
        self._clock = clock
        self._places = places or Places()
        self._synchronized: bool | None = None
        self._synchronized_until = float("-inf")

    async def read(self) -> HostReport:
        """Return how this machine is now, within about 2 s. What cannot be told by then is None or absent."""
        async with asyncio.TaskGroup() as tasks:
            units = tasks.create_task(self._read_units())
            synchronized = tasks.create_task(self._read_synchronized())
        return await asyncio.to_thread(self._report, units.result(), synchronized.result())

    async def read_sensors(self) -> tuple[float | None, bool | None]:
        """Return temperature and under-voltage alone, which cost two small files and no program."""
        sys = self._places.sys
        return await asyncio.to_thread(lambda: (temperature_c(sys), under_voltage(sys)))

    def _report(self, units: tuple[UnitState, ...], synchronized: bool | None) -> HostReport:  # noqa: FBT001 - no option
        places = self._places
        return HostReport(
            host=self._host,
            at=self._clock.time(),
            release=release_name(places.release),
            uptime_s=time.clock_gettime(time.CLOCK_BOOTTIME),
            memory_unused_mib=os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20,
            disk_free_share=disk_free_share(places.disk),
            temperature_c=temperature_c(places.sys),
            under_voltage=under_voltage(places.sys),
            clock_synchronized=synchronized,
            units=units,
        )

    async def _read_units(self) -> tuple[UnitState, ...]:
        if not self._units:
            return ()
        show = await _output(
            str(self._places.systemctl), "--no-pager", "show", f"--property={_PROPERTIES}", "--", *self._units
        )
        offset_s = self._clock.time() - self._clock.monotonic()
        return parse_units(show, offset_s=offset_s)

    async def _read_synchronized(self) -> bool | None:
        now = self._clock.monotonic()
        if now >= self._synchronized_until:
            said = await _output(str(self._places.timedatectl), "show", "--property=NTPSynchronized", "--value")
            self._synchronized = {"yes": True, "no": False}.get(said.strip())
            self._synchronized_until = now + _CLOCK_KEPT_S
        return self._synchronized


def parse_units(show: str, *, offset_s: float) -> tuple[UnitState, ...]:
    """Return the units that ``systemctl show`` tells of, without those that are not installed.

    ``offset_s`` is Unix time less the monotonic clock: systemd's own Unix times are of before the clock was set.
    """
    units = []
    for block in show.split("\n\n"):
        values = dict(line.partition("=")[::2] for line in block.splitlines() if "=" in line)
        if not values.get("Id") or values.get("LoadState") == "not-found":
            continue
        changed_us = _whole(values.get("StateChangeTimestampMonotonic", ""))
        units.append(
            UnitState(
                name=values["Id"],
                active=values.get("ActiveState", "unknown"),
                sub=values.get("SubState", "unknown"),
                since=round(changed_us / 1e6 + offset_s, 3) if changed_us else None,
                restarts=_whole(values.get("NRestarts", "")),
                result=values.get("Result", "unknown"),
            )
        )
    return tuple(units)


def release_name(link: Path) -> str:
    """Return the name of the release that ``link`` leads to; empty where there is none."""
    try:
        return link.readlink().name
    except OSError:
        return ""


def disk_free_share(path: Path) -> float:
    disk = os.statvfs(path)
    return round(disk.f_bavail / disk.f_blocks, 4) if disk.f_blocks else 1.0


def temperature_c(sys: Path) -> float | None:
    """Return the processor's temperature; None where it has no sensor."""
    try:
        return int((sys / "class/thermal/thermal_zone0/temp").read_text("ascii")) / 1000
    except (OSError, ValueError):
        return None


def under_voltage(sys: Path) -> bool | None:
    """Return whether a Raspberry Pi gets too little power now; None where nothing measures it.

    The driver ``raspberrypi-hwmon`` says it of the two seconds before. Kernels without it may have the firmware's own
    word: hexadecimal flags, the lowest being "now".
    """
    for monitor in sorted(sys.glob("class/hwmon/hwmon*")):
        with contextlib.suppress(OSError, ValueError):
            if (monitor / "name").read_text("ascii").strip() == "rpi_volt":
                return int((monitor / "in0_lcrit_alarm").read_text("ascii")) != 0
    try:
        flags = int((sys / "devices/platform/soc/soc:firmware/get_throttled").read_text("ascii"), 16)
    except (OSError, ValueError):
        return None
    return bool(flags & _UNDER_VOLTAGE_NOW)


async def _output(*argv: str) -> str:
    """Return what a program prints, or nothing where it fails or takes too long."""
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"},
        )
    except OSError:
        return ""
    assert process.stdout is not None  # noqa: S101 - asked for above
    try:
        async with asyncio.timeout(_PROGRAM_S):
            said = await process.stdout.read(-1)
            return said[:_OUTPUT_MAX_BYTES].decode("utf-8", "replace") if await process.wait() == 0 else ""
    except TimeoutError:
        return ""
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0
