"""How times, amounts and the names of things are said to a person: alike on the page and in the terminal."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import Final

from gateway.status.model import State

RUNGS: Final = {
    "link": "Cable",
    "address": "Address",
    "router": "Router",
    "dns": "Name look-up",
    "https": "Internet",
    "name": "Our name",
    "port": "Our port",
    "bridge": "Way to the keep",
    "database": "Database",
}
STATES: Final = {
    State.GOOD: "Good",
    State.WARNING: "Worth a look",
    State.BAD: "Trouble",
    State.UNKNOWN: "Unknown",
    State.OFF: "Off",
}
CERTIFICATES: Final = {
    "web": "Web, what browsers see",
    "gateway": "Gateway, to the keep",
    "agent": "Agent, to the door",
    "intermediate": "Intermediate CA",
    "root": "Root CA",
}
HOSTS: Final = {"door": "The door", "keep": "The keep"}
FAMILIES: Final = {"ipv4": "IPv4", "ipv6": "IPv6"}

_MINUTE_S: Final = 60
_HOUR_S: Final = 3600
_DAY_S: Final = 86_400


def rung(name: str) -> str:
    return RUNGS.get(name, name or "Unknown")


def duration(seconds: float) -> str:
    """Return ``41 s``, ``5 min``, ``2 h 5 min`` or ``12 d 3 h``; never more than it is."""
    whole = max(int(seconds), 0)
    if whole < _MINUTE_S:
        return f"{whole} s"
    if whole < _HOUR_S:
        return f"{whole // _MINUTE_S} min"
    if whole < _DAY_S:
        return _two(whole // _HOUR_S, "h", whole % _HOUR_S // _MINUTE_S, "min")
    return _two(whole // _DAY_S, "d", whole % _DAY_S // _HOUR_S, "h")


def moment(unix_s: float, zone: tzinfo | None, *, now: float) -> str:
    """Return ``28 Nov, 14:02`` as a person in ``zone`` says it (None: this machine's), with the year in another one."""
    local = datetime.fromtimestamp(unix_s, zone)
    year = "" if local.year == datetime.fromtimestamp(now, zone).year else f" {local.year}"
    return f"{local.day} {local:%b}{year}, {local:%H:%M}"


def days_left(ends: float, now: float) -> int:
    """Return how many whole days remain; below 0 where it has ended."""
    return int((ends - now) // _DAY_S)


def share(value: float) -> str:
    """Return ``99.87 %``, cut off, so that 100 % means all of it."""
    return f"{int(value * 10_000) / 100:.2f} %"


def size(count_bytes: int) -> str:
    return f"{count_bytes / 2**20:.1f} MiB" if count_bytes >= 2**20 else f"{count_bytes / 1024:.0f} KiB"


def count(number: int, thing: str) -> str:
    """Return ``1 outage`` or ``2 outages``."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _two(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large} {large_unit} {small} {small_unit}" if small else f"{large} {large_unit}"
