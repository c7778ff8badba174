"""``status.json``: how things are, for the status page, the monitor and ``ddns status``."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from bridge.process.files import replace_file
from bridge.process.logs import log
from gateway.ddns.addresses.choice import Found
from gateway.ddns.families import Family
from gateway.ddns.updater import NameState

_log: Final = logging.getLogger(__name__)
_MODE: Final = 0o644
_SIZE_MAX_BYTES: Final = 1 << 20


def snapshot_of(
    states: Iterable[NameState],
    found: Mapping[Family, Found],
    mappings: Sequence[Mapping[str, object]],
    *,
    at: float,
    started: float,
) -> dict[str, Any]:
    """Return the snapshot. Nothing in it is secret; times are Unix seconds."""
    return {
        "at": at,
        "started": started,
        "addresses": {
            family.value: {
                "value": None if place.value is None else str(place.value),
                "source": place.source,
                "state": place.state.value,
                "reason": place.reason,
            }
            for family, place in found.items()
        },
        "names": [_row(state) for state in states],
        "mappings": [dict(mapping) for mapping in mappings],
    }


def _row(state: NameState) -> dict[str, Any]:
    progress, decision = state.progress, state.decision
    return {
        "name": state.record.name,
        "family": state.family.value,
        "provider": state.record.provider_name,
        "wanted": None if state.wanted.address is None else str(state.wanted.address),
        "published": progress.published,
        "state": decision.state.value,
        "reason": decision.reason,
        "changed": progress.changed,
        "verified": progress.verified,
        "next_try": decision.next_at,
    }


def write_snapshot(path: Path, snapshot: Mapping[str, Any]) -> None:
    """Replace the file. That it cannot be written stops nothing."""
    try:
        replace_file(path, json.dumps(snapshot).encode(), mode=_MODE)
    except OSError as error:
        log(_log, "ddns_status_unwritten", level=logging.WARNING, path=str(path), cause=error.strerror)


def read_snapshot(path: Path) -> dict[str, Any] | None:
    """Return the snapshot, or None where there is none that can be read."""
    try:
        with path.open("rb") as file:
            value = json.loads(file.read(_SIZE_MAX_BYTES))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None
