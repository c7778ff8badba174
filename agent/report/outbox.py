"""Reports of trouble that wait for the door: one small file each, in a folder that the keep's programs write to.

Whoever writes puts a whole file there under its name, ``<Unix ns>-<pid>-<8 hex>.json`` (``rescue/alerts.py`` does).
They are given again until the door says that it has them. All of this reads the disk: call it in a thread.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from pydantic import ValidationError
from pydantic_core import from_json

from bridge.contracts.system import REPORT_ID, ReportId, WaitingReport
from bridge.process.logs import log

GIVEN_MAX: Final = 20
"""So many reports are given at once: some 100 kB at the most."""
SCANNED_MAX: Final = 10_000
REPORT_MAX_BYTES: Final = 16 * 1024

_SUFFIX: Final = ".json"
_SUMMARY_MAX: Final = 200
_DETAIL_MAX: Final = 2000
_AT_MAX: Final = 99_999_999_999.0
_NAME: Final = re.compile(REPORT_ID)
_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Waiting:
    """The oldest reports, oldest first, and how many there are in all (at most SCANNED_MAX are counted)."""

    oldest: tuple[WaitingReport, ...]
    count: int


class Outbox:
    """The folder. One that is missing or cannot be read holds nothing, which is logged once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._is_readable = True

    def waiting(self) -> Waiting:
        try:
            with os.scandir(self._folder) as entries:
                names = (entry.name for entry in islice(entries, SCANNED_MAX))
                ids = [name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX)]
        except OSError as error:
            self._now_readable(error.strerror or "")
            return Waiting((), 0)
        self._now_readable("")
        ids = sorted((each for each in ids if _NAME.match(each)), key=_age)
        return Waiting(tuple(self._read(each) for each in ids[:GIVEN_MAX]), len(ids))

    def remove(self, ids: Iterable[ReportId]) -> None:
        """Forget reports that the door has. Raises OSError, at the end, where one that is there cannot be removed."""
        failed: OSError | None = None
        for each in ids:
            if _NAME.match(each):  # it becomes a path
                try:
                    (self._folder / f"{each}{_SUFFIX}").unlink(missing_ok=True)
                except OSError as error:
                    failed = error
        if failed is not None:
            raise failed

    def _read(self, report_id: str) -> WaitingReport:
        """Return a report. One that cannot be read becomes a report of just that: something was to be said."""
        try:
            said = WaitingReport.model_validate({**_content(self._folder / f"{report_id}{_SUFFIX}"), "id": report_id})
        except (OSError, ValueError) as error:
            reason = "it is no report" if isinstance(error, ValidationError) else str(error)
            return WaitingReport(
                id=report_id,
                cause="alerts.damaged",
                state="event",
                severity="warning",
                summary="A report that waited on the keep cannot be read",
                detail=f"{report_id}{_SUFFIX}: {reason}"[:_DETAIL_MAX],
                at=min(_age(report_id) / 1e9, _AT_MAX),
            )
        return said.model_copy(
            update={"summary": said.summary[:_SUMMARY_MAX], "detail": said.detail[:_DETAIL_MAX], "host": "keep"}
        )

    def _now_readable(self, reason: str) -> None:
        if reason and self._is_readable:
            log(_log, "alert_outbox_unreadable", level=logging.WARNING, reason=reason)
        self._is_readable = not reason


def _content(path: Path) -> dict[str, object]:
    """Return the object in a file, which others wrote: no link is followed, and no pipe waited for."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor, not a path
        content = file.read(REPORT_MAX_BYTES + 1)
    if len(content) > REPORT_MAX_BYTES:
        msg = f"it is larger than {REPORT_MAX_BYTES} bytes"
        raise ValueError(msg)
    values = from_json(content)
    if not isinstance(values, dict):
        msg = "it is no object"
        raise ValueError(msg)  # noqa: TRY004 - of a file's content, as everything else that is wrong with it
    return values


def _age(report_id: str) -> int:
    return int(report_id.partition("-")[0])
