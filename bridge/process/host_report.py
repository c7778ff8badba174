"""What a machine says of itself, as the two hosts and the monitor tell it each other. Values alone: no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Host = Literal["door", "keep"]


@dataclass(frozen=True, slots=True)
class UnitState:
    """One of systemd's units. ``since`` is Unix time; ``restarts`` how often systemd started it again by itself."""

    name: str
    active: str
    sub: str
    since: float | None
    restarts: int
    result: str


@dataclass(frozen=True, slots=True)
class HostReport:
    """How a machine is. ``at`` is Unix time by its own clock; None is what it does not have or cannot tell.

    ``release`` is empty where none runs. ``disk_free_share`` is of what its own users may fill. ``units`` are those
    that systemd knows, so none where it does not answer.
    """

    host: Host
    at: float
    release: str
    uptime_s: float
    memory_unused_mib: int
    disk_free_share: float
    temperature_c: float | None
    under_voltage: bool | None
    clock_synchronized: bool | None
    units: tuple[UnitState, ...]

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> HostReport:
        """Return the report that was sent as JSON. Raises KeyError, TypeError or ValueError for what is none."""
        units = tuple(
            UnitState(
                name=str(unit["name"]),
                active=str(unit["active"]),
                sub=str(unit["sub"]),
                since=_number(unit["since"]),
                restarts=int(unit["restarts"]),
                result=str(unit["result"]),
            )
            for unit in values["units"]
        )
        return cls(
            host="keep" if values["host"] == "keep" else "door",
            at=float(values["at"]),
            release=str(values["release"]),
            uptime_s=float(values["uptime_s"]),
            memory_unused_mib=int(values["memory_unused_mib"]),
            disk_free_share=float(values["disk_free_share"]),
            temperature_c=_number(values["temperature_c"]),
            under_voltage=_truth(values["under_voltage"]),
            clock_synchronized=_truth(values["clock_synchronized"]),
            units=units,
        )


def _number(value: Any) -> float | None:  # noqa: ANN401 - of JSON
    return None if value is None else float(value)


def _truth(value: Any) -> bool | None:  # noqa: ANN401 - of JSON
    return None if value is None else bool(value)
