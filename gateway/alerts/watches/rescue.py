"""What the keep's programs report, rescue above all: taken over into this machine's inbox, none lost, none twice.

A report is on the disk here before the keep is told to forget it. Which were taken is on the disk too, so that one
whose acknowledgement was lost is not told again; only a power cut between these two writes would do that.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from bridge.process.files import replace_file
from gateway.alerts.report import Report

REMEMBERED_MAX: Final = 500
"""Twenty come at once, and none comes again once it was acknowledged."""

_FIELDS: Final = ("cause", "state", "severity", "summary", "detail", "at", "because_of")
_log: Final = logging.getLogger(__name__)


class KeepsReports:
    """Takes reports over, remembering at ``path`` which it has. All of it waits for the disk: call it in a thread."""

    def __init__(self, path: Path, report: Callable[[Report], bool]) -> None:
        self._path = path
        self._report = report
        self._taken = _read(path)

    def take(self, events: Iterable[Mapping[str, Any]]) -> list[str]:
        """Return the ids of the events that are on this machine's disk now, whether from this time or before."""
        safe: list[str] = []
        new: list[str] = []
        for event in events:
            report_id = event.get("id")
            if not isinstance(report_id, str):
                continue
            if report_id not in self._taken:
                if not self._report(_as_report(event)):
                    continue  # the inbox is full: the keep gives it again
                new.append(report_id)
                self._taken[report_id] = None
            safe.append(report_id)
        if new and not self._remember():
            return [each for each in safe if each not in new]  # to be acknowledged when it can be remembered
        return safe

    def _remember(self) -> bool:
        while len(self._taken) > REMEMBERED_MAX:
            del self._taken[next(iter(self._taken))]
        try:
            replace_file(self._path, json.dumps(list(self._taken)).encode())
        except OSError as error:
            _log.warning("alerts_taken_unsaved", extra={"drawbridge_fields": {"reason": error.strerror}})
            return False
        return True


def _as_report(event: Mapping[str, Any]) -> Report:
    try:
        return Report(**{name: event[name] for name in _FIELDS}, host="keep")
    except (KeyError, ValueError, TypeError):
        at = event.get("at")
        return Report(
            "alerts.damaged", "event", "warning", "A report of the keep cannot be read", f"{event.get('id')}", "keep",
            at if isinstance(at, int | float) and 0 <= at < 1e11 else 0.0,  # noqa: PLR2004 - a time
        )  # fmt: skip


def _read(path: Path) -> dict[str, None]:
    """Return the ids in a file, in their order; a damaged one is as good as none."""
    try:
        ids = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return dict.fromkeys(str(each) for each in ids) if isinstance(ids, list) else {}
