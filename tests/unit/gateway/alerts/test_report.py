from __future__ import annotations

import json
import logging
import os
import re
import stat
from pathlib import Path

import pytest

from gateway.alerts.report import REPORT_MAX_BYTES, REPORTS_MAX, TURNED_AWAY, Inbox, Report, Severity
from rescue.alerts import Alerts as RescueAlerts
from rescue.audit import Caller
from rescue.settings import Host, Paths
from rescue.verbs import Role

REPORT = Report(
    "ddns.badauth:box.example.org", "raised", "critical", "The provider refuses our login", at=1_780_000_000
)
NAME = re.compile(r"\d{10,19}-\d+-[0-9a-f]{8}\.json")
TYPES = {
    "cause": str, "state": str, "severity": str, "summary": str, "detail": str, "host": str, "at": float,
    "because_of": type(None),
}  # fmt: skip


def test_report_is_one_whole_file_when_the_inbox_takes_it(tmp_path: Path) -> None:
    assert Inbox(tmp_path).report(REPORT)

    (file,) = tmp_path.iterdir()
    assert NAME.fullmatch(file.name)
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert Report.from_json(file.read_bytes()) == REPORT


def test_reports_keep_their_order_when_they_have_the_same_time(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path)
    for number in range(5):
        inbox.report(Report("a.b", "event", "info", str(number), at=1_780_000_000))

    files = sorted(tmp_path.iterdir(), key=lambda file: int(file.name.partition("-")[0]))
    assert [json.loads(file.read_bytes())["summary"] for file in files] == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize("kind", ["missing", "file", "nul"])
def test_reporter_is_told_false_and_goes_on_when_there_is_no_inbox(
    tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    inbox = Inbox(tmp_path / kind if kind != "nul" else Path("a\0b"))

    with caplog.at_level(logging.WARNING):
        assert [inbox.report(REPORT) for _ in range(3)] == [False] * 3

    assert [record.message for record in caplog.records] == ["alert_report_not_taken"]


def test_inbox_keeps_room_for_what_is_critical_when_it_is_flooded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)
    inbox = Inbox(tmp_path)
    levels: tuple[Severity, ...] = ("info", "critical")
    taken = [
        sum(inbox.report(Report("a.b", "event", severity, "", at=1.0)) for _ in range(REPORTS_MAX))
        for severity in levels
    ]

    assert taken == [REPORTS_MAX * 3 // 4, REPORTS_MAX // 4 - 1]  # one place is the counter's
    assert (tmp_path / TURNED_AWAY).stat().st_size == 2 * REPORTS_MAX - sum(taken)


def test_no_draft_is_left_when_the_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_space(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)

    assert not Inbox(tmp_path).report(REPORT)
    assert list(tmp_path.iterdir()) == []


def test_texts_are_cut_and_made_printable_when_they_are_not() -> None:
    report = Report("a.b:x\ny", "event", "info", "a\r\nBcc: b\x1b[2J\udc80" + "x" * 500, detail="one\r\ntwo\x00" * 900)

    assert report.cause == "a.b:x?y"
    assert report.summary.startswith("a??Bcc: b?[2J?x")
    assert len(report.summary) == 200
    assert report.detail.startswith("one\ntwo?one\n")
    assert len(report.detail) <= 2000


@pytest.mark.parametrize(
    "change",
    [
        {"cause": "nothing"}, {"cause": "A.b"}, {"cause": "a.b:"}, {"because_of": "x"}, {"state": "up"},
        {"severity": "bad"}, {"host": "roof"}, {"at": -1.0}, {"at": float("nan")}, {"at": 1e300}, {"at": True},
        {"summary": 3}, {"detail": None}, {"more": ""},
    ],
    ids=["no area", "capital", "no subject", "because", "state", "severity", "host", "negative", "nan", "far", "bool",
         "number", "null", "unknown"],
)  # fmt: skip
def test_file_is_no_report_when_a_field_is_wrong(change: dict[str, object]) -> None:
    values = json.loads(REPORT.as_json())
    assert Report.of(values) == REPORT

    with pytest.raises(ValueError, match=r"a report|is one of|a cause|at is|Expecting|codec"):
        Report.of(values | change)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff", b"[" * 9000, b" " * (REPORT_MAX_BYTES + 1)],
                         ids=["empty", "list", "no fields", "bytes", "deep", "long"])  # fmt: skip
def test_file_is_no_report_when_it_is_something_else(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"a report|is one of|a cause|at is|Expecting|codec"):
        Report.from_json(content)


@pytest.mark.parametrize("writer", ["gateway", "rescue at the door", "rescue at the keep"])
def test_every_writer_leaves_the_same_kind_of_file(tmp_path: Path, writer: str) -> None:
    for name in ("inbox", "outbox"):
        (tmp_path / "alerts" / name).mkdir(parents=True)
    folder, host = tmp_path / "alerts" / "inbox", "door"
    if writer == "gateway":
        Inbox(folder).report(REPORT)
    else:
        which = Host.DOOR if writer.endswith("door") else Host.KEEP
        RescueAlerts(which, Paths(state=tmp_path)).used(Caller(Role.OWNER, "SHA256:x", "anna", "192.0.2.7"), "status")
        folder, host = tmp_path / "alerts" / ("inbox" if which is Host.DOOR else "outbox"), which.value

    (file,) = folder.iterdir()
    values = json.loads(file.read_bytes())
    assert NAME.fullmatch(file.name)
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert {name: type(value) for name, value in values.items()} == TYPES
    assert Report.from_json(file.read_bytes()).host == host
