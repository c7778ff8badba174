from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.alerts.report import Report
from gateway.alerts.watches.rescue import REMEMBERED_MAX, KeepsReports


class Inbox:
    """Takes reports until it is full."""

    def __init__(self, places: int = 1000) -> None:
        self.reports: list[Report] = []
        self._places = places

    def report(self, report: Report) -> bool:
        if len(self.reports) >= self._places:
            return False
        self.reports.append(report)
        return True


def event(number: int, **changes: object) -> dict[str, Any]:
    return {
        "id": f"{number}-1-0000000a",
        "cause": "rescue.used:restart",
        "state": "event",
        "severity": "info",
        "summary": f"use {number}",
        "detail": "",
        "host": "keep",
        "at": 5.0,
        "because_of": None,
    } | changes


def test_reports_are_taken_once_when_they_come_again(tmp_path: Path) -> None:
    inbox = Inbox()
    keeps = KeepsReports(tmp_path / "taken.json", inbox.report)

    first, again = keeps.take([event(1), event(2)]), keeps.take([event(1), event(2), event(3)])

    assert [report.summary for report in inbox.reports] == ["use 1", "use 2", "use 3"]
    assert {report.host for report in inbox.reports} == {"keep"}
    assert (first, again) == ([event(1)["id"], event(2)["id"]], [event(n)["id"] for n in (1, 2, 3)])


def test_reports_are_not_taken_again_when_the_monitor_was_restarted(tmp_path: Path) -> None:
    inbox = Inbox()
    KeepsReports(tmp_path / "taken.json", inbox.report).take([event(1)])

    safe = KeepsReports(tmp_path / "taken.json", inbox.report).take([event(1)])

    assert len(inbox.reports) == 1
    assert safe == [event(1)["id"]]


def test_report_stays_at_the_keep_when_the_inbox_is_full(tmp_path: Path) -> None:
    keeps = KeepsReports(tmp_path / "taken.json", Inbox(places=1).report)

    assert keeps.take([event(1), event(2)]) == [event(1)["id"]]


def test_report_stays_at_the_keep_when_it_cannot_be_remembered(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    inbox = Inbox()
    keeps = KeepsReports(tmp_path / "file" / "taken.json", inbox.report)

    assert keeps.take([event(1)]) == []
    assert len(inbox.reports) == 1


@pytest.mark.parametrize("content", ["", "{", "{}", "7"])
def test_reports_are_taken_when_what_was_remembered_is_damaged(tmp_path: Path, content: str) -> None:
    (tmp_path / "taken.json").write_text(content)

    assert KeepsReports(tmp_path / "taken.json", Inbox().report).take([event(1)]) == [event(1)["id"]]


def test_no_more_is_remembered_than_is_needed(tmp_path: Path) -> None:
    keeps = KeepsReports(tmp_path / "taken.json", Inbox().report)

    keeps.take([event(number) for number in range(REMEMBERED_MAX + 10)])

    kept = json.loads((tmp_path / "taken.json").read_text())
    assert (len(kept), kept[-1]) == (REMEMBERED_MAX, event(REMEMBERED_MAX + 9)["id"])


@pytest.mark.parametrize(
    "changes", [{"cause": "none"}, {"severity": "dire"}, {"at": "now"}, {"summary": None, "state": 7}], ids=repr
)
def test_report_of_the_damage_is_made_when_one_is_damaged(tmp_path: Path, changes: dict[str, object]) -> None:
    inbox = Inbox()

    safe = KeepsReports(tmp_path / "taken.json", inbox.report).take([event(1, **changes), {"id": 7}])

    assert safe == [event(1)["id"]]
    assert [report.cause for report in inbox.reports] == ["alerts.damaged"]
