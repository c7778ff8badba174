"""``python -m gateway ddns ports``: which ports the router maps to this host, and why not.

::

    PROTOCOL  INTERNAL  EXTERNAL  STATE   METHOD  EXTERNAL ADDRESS  TIME LEFT  REASON
    tcp       443       443       mapped  pcp     93.184.215.14     48 min     -
    tcp       80        80        failed  none    -                 -          upnp: the port is taken

Exit codes: 0 every port is mapped, or mapping is switched off; 1 one is not, or the service does not run.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Mapping as AnyMapping
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, TextIO

from bridge.process.clock import Clock
from gateway.ddns.mapping.keeper import Keeper
from gateway.ddns.mapping.start import keeper as usual_keeper
from gateway.ddns.mapping.state import off
from gateway.settings.ddns import Mapping

_STATUS_MAX_BYTES: Final = 1_000_000
_CHECK_TIMEOUT_S: Final = 60.0
_HEAD: Final = ("PROTOCOL", "INTERNAL", "EXTERNAL", "STATE", "METHOD", "EXTERNAL ADDRESS", "TIME LEFT", "REASON")

Entry = AnyMapping[str, Any]


def run_ports(
    options: argparse.Namespace, settings: Mapping, clock: Clock, out: TextIO, *, keeper: Keeper | None = None
) -> int:
    """Print the table to ``out``; return the exit code. ``keeper``: another than the usual one, for ``--check``."""
    entries: Sequence[Entry] | None
    if options.check:
        entries = asyncio.run(_check(keeper or usual_keeper(settings, clock)))
    elif not settings.enabled:
        entries = [status.as_json() for status in off(settings.ports)]
    else:
        entries = read(options.status)
    if entries is None:
        print(f"{options.status} holds nothing that can be read: does gateway-ddns run?", file=out)
        return 1
    if options.json:
        print(json.dumps({"mappings": entries}, indent=2), file=out)
    else:
        print(table(entries, unix=clock.time()), file=out)
    return 1 if any(entry["state"] == "failed" for entry in entries) else 0


async def _check(keeper: Keeper) -> list[Entry]:
    async with asyncio.timeout(_CHECK_TIMEOUT_S):
        await keeper.once()
    return [status.as_json() for status in keeper.statuses()]


def read(path: Path) -> list[Entry] | None:
    """Return the mappings of a status file; None where there is none, or it is no such file."""
    try:
        with path.open("rb") as file:
            mappings = json.loads(file.read(_STATUS_MAX_BYTES))["mappings"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    keys = set(off([1])[0].as_json())
    whole = isinstance(mappings, list) and all(isinstance(entry, dict) and keys <= entry.keys() for entry in mappings)
    return mappings if whole else None


def table(entries: Sequence[Entry], *, unix: float) -> str:
    """Return the entries as lines of aligned columns."""
    rows = [_HEAD, *(_row(entry, unix) for entry in entries)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def _row(entry: Entry, unix: float) -> tuple[str, ...]:
    shown = ("protocol", "internal", "external", "state", "method", "external_address")
    cells = [str(entry[name]) if entry[name] is not None else "-" for name in shown]
    return (*cells, _left(entry, unix), entry["reason"] or "-")


def _left(entry: Entry, unix: float) -> str:
    if entry["state"] != "mapped":
        return "-"
    if entry["lease_ends"] is None:
        return "no end"
    left_s = entry["lease_ends"] - unix
    if left_s <= 0:
        return "over"
    return f"{left_s / 60:.0f} min" if left_s >= 60 else f"{left_s:.0f} s"  # noqa: PLR2004 - seconds of a minute
