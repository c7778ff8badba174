"""What ``status`` and ``network`` show."""

from __future__ import annotations

import json
import os
import shutil
import socket
import time
from pathlib import Path
from typing import Final

from rescue.commands import Commands, Say, in_unit
from rescue.line import line_report
from rescue.settings import RESCUE_PORT, Host, Settings
from rescue.systemctl import SystemCtl
from rescue.units import CONTROLLED, unit_name

_GIB: Final = 1 << 30
_CONNECT_S: Final = 3.0


def show_status(settings: Settings, commands: Commands) -> int:
    """Say how this host is, and at the door the line too.

    Exit code 1: a unit that should run does not, or the door is locked out. A line that is down changes nothing of it.
    """
    say, paths = commands.say, commands.paths
    say(f"{settings.host.value}: {_machine()}")
    release = _link_target(paths.release)
    say(f"release {release or 'none'}")
    is_locked = paths.locked.exists()
    if is_locked:
        say(f"THE DOOR IS LOCKED OUT {_locked_since(paths.locked)}: readmit-door lets the real one in")
    if paths.held.exists():
        say("the agent is held: it does not start before readmit-door")
    units = [*CONTROLLED[settings.host], "rescue-sshd"]
    rows = SystemCtl(commands).properties(*(unit_name(unit) for unit in units))
    if len(rows) != len(units):
        say("systemd does not say how the units are")
        return 1
    for unit, row in zip(units, rows, strict=True):
        say(_unit_line(unit, row))
    if settings.host is Host.DOOR:
        for line in line_report(paths):
            say(line)
    return int(is_locked or any(row.get("ActiveState") != "active" for row in rows))


def show_network(settings: Settings, commands: Commands) -> int:
    """Say what this host's network looks like, and how far the other one is reached. Exit code 1: it is not."""
    for title, argv in (
        ("addresses", ("ip", "-brief", "address")),
        ("routes", ("ip", "route")),
        ("routes, IPv6", ("ip", "-6", "route")),
        ("neighbours", ("ip", "-brief", "neighbour")),
        ("listeners", ("ss", "--listening", "--tcp", "--udp", "--numeric", "--no-header")),
        ("firewall counters", ("nft", "list", "counters", "table", "inet", "edge")),
        ("names", ("getent", "ahosts", "deb.debian.org")),
    ):
        commands.say(f"— {title}")
        commands.run(*in_unit("root", *argv, timeout_s=10), timeout_s=15)  # the helper has no netlink
    commands.say(f"— {settings.host.other.value}, {settings.peer}")
    ports = {"bridge": 8443, "rescue": RESCUE_PORT} if settings.host is Host.DOOR else {"rescue": RESCUE_PORT}
    reached = [_reach(name, settings.peer, port, commands.say) for name, port in ports.items()]
    return 0 if all(reached) else 1


def _reach(name: str, address: str, port: int, say: Say) -> bool:
    try:
        socket.create_connection((address, port), _CONNECT_S).close()
    except OSError as error:
        say(f"{name} {port}: {error.strerror or 'no answer'}")
        return False
    say(f"{name} {port}: open")
    return True


def _unit_line(unit: str, row: dict[str, str]) -> str:
    since = row.get("ActiveEnterTimestamp", "")
    state = f"{row.get('ActiveState', '?')} ({row.get('SubState', '?')})"
    restarts = f", restarted {row['NRestarts']} times" if row.get("NRestarts", "0") != "0" else ""
    fault = f", {row['Result']}" if row.get("Result", "success") != "success" else ""
    return f"  {unit:<12} {state:<20} {f'since {since}' if since else ''}{restarts}{fault}".rstrip()


def _machine() -> str:
    # by system calls: the helper sees nothing of /proc but processes (ProcSubset=pid), the load neither
    minutes = int(time.clock_gettime(time.CLOCK_BOOTTIME) // 60)
    unused_mib = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20
    disk = shutil.disk_usage("/")
    said = [
        f"up {minutes // 1440} d {minutes // 60 % 24} h {minutes % 60} min",
        f"memory {unused_mib} MiB unused",
        f"disk {disk.free / _GIB:.1f} GiB free",
    ]
    try:
        millidegrees = int(Path("/sys/class/thermal/thermal_zone0/temp").read_text("ascii"))
    except (OSError, ValueError):
        return ", ".join(said)
    return ", ".join([*said, f"{millidegrees / 1000:.0f} °C"])


def _link_target(link: Path) -> str:
    try:
        return link.readlink().name
    except OSError:
        return ""


def _locked_since(marker: Path) -> str:
    try:
        said = json.loads(marker.read_text("utf-8"))
        return f"since {said['at']} by {said['by']}"
    except (OSError, ValueError, KeyError, TypeError):
        return ""
