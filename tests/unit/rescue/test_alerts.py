from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from rescue import alerts
from rescue.alerts import REPORTS_MAX, Alerts
from rescue.audit import Caller
from rescue.settings import Host, Paths
from rescue.verbs import Role

OWNER = Caller(Role.OWNER, "SHA256:abc", "anna's laptop", "192.0.2.7")


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "alerts" / "inbox"
    folder.mkdir(parents=True)
    return folder


def reports(folder: Path) -> list[dict[str, object]]:
    return [json.loads(path.read_bytes()) for path in sorted(folder.iterdir())]


@pytest.mark.parametrize(
    ("caller", "severity"),
    [(OWNER, "warning"), (Caller(Role.KEEP, "SHA256:k", "the keep"), "info"),
     (Caller(Role.OWNER, key_name="keys-rotate.timer", address="local"), "info")],
    ids=["owner", "keep", "timer"],
)  # fmt: skip
def test_use_is_reported_with_who_and_what(tmp_path: Path, inbox: Path, caller: Caller, severity: str) -> None:
    Alerts(Host.DOOR, Paths(state=tmp_path)).used(caller, "restart gateway@1")

    (report,) = reports(inbox)
    assert (report["cause"], report["state"], report["severity"]) == ("rescue.used", "event", severity)
    assert str(report["summary"]).startswith(
        f"Rescue console at the door: restart gateway@1, by {caller.key_name} from"
    )


def test_selftest_is_raised_and_cleared(tmp_path: Path, inbox: Path) -> None:
    one = Alerts(Host.DOOR, Paths(state=tmp_path))
    one.selftest("192.0.2.3", "Connection refused")
    one.selftest("192.0.2.3", "")

    assert [(report["cause"], report["state"], report["severity"]) for report in reports(inbox)] == [
        ("rescue.selftest", "raised", "critical"), ("rescue.selftest", "cleared", "critical"),
    ]  # fmt: skip
    assert reports(inbox)[0]["detail"] == "192.0.2.3: Connection refused"


def test_text_cannot_steer_a_terminal(tmp_path: Path, inbox: Path) -> None:
    Alerts(Host.DOOR, Paths(state=tmp_path)).used(OWNER, "\x1b[2J\n" + "x" * 999)

    summary = str(reports(inbox)[0]["summary"])
    assert summary.isprintable()
    assert len(summary) == 200


def test_nothing_happens_when_there_is_no_inbox(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    Alerts(Host.KEEP, Paths(state=tmp_path)).used(OWNER, "status")

    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")


def test_inbox_takes_no_more_when_it_is_full(tmp_path: Path, inbox: Path) -> None:
    for number in range(REPORTS_MAX):
        (inbox / str(number)).touch()

    Alerts(Host.DOOR, Paths(state=tmp_path)).used(OWNER, "status")

    assert len(list(inbox.iterdir())) == REPORTS_MAX


def test_console_goes_on_when_the_disk_hangs(tmp_path: Path, inbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hangs, release = threading.Event(), threading.Event()

    def hang(_descriptor: int) -> None:
        hangs.set()
        release.wait(8)

    monkeypatch.setattr(os, "fsync", hang)
    monkeypatch.setattr(alerts, "WITHIN_S", 0.05)

    Alerts(Host.DOOR, Paths(state=tmp_path)).used(OWNER, "status")

    assert hangs.wait(5)
    assert not release.is_set()  # we are back, and it still hangs
    release.set()
