"""What the console says of the line, whatever state the monitor's file is in."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from rescue.line import BYTES_MAX, line_report
from rescue.settings import Paths
from tests import status_snapshots
from tests.status_snapshots import DAY_S

NOW = 1_780_000_000.0
CANNOT_BE_READ = ["line: nobody knows, what the monitor wrote cannot be read"]


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    (tmp_path / "monitor").mkdir()
    return Paths(run=tmp_path)


def write(paths: Paths, content: object) -> None:
    text = content if isinstance(content, str) else json.dumps(content)
    (paths.run / "monitor" / "status.json").write_text(text, "utf-8")


def test_line_is_up_with_every_rung_when_all_is_well(paths: Paths) -> None:
    write(paths, status_snapshots.monitor(NOW))

    report = line_report(paths, NOW)

    assert report[0] == "line: up"
    assert report[1] == "  link         up for 15 d 7 h      eth0 is up, 1000 Mbit/s"
    assert len(report) == 10


def test_line_is_down_with_its_diagnosis_when_a_rung_is_broken(paths: Paths) -> None:
    write(paths, status_snapshots.in_an_outage(NOW))

    report = line_report(paths, NOW)

    assert report[0] == "line: DOWN, The router at 192.168.1.1 does not answer"
    assert "  router       down for 4 min       The router at 192.168.1.1 does not answer" in report


def test_line_is_not_known_when_the_monitor_does_not_run(paths: Paths) -> None:
    assert line_report(paths, NOW) == ["line: nobody knows, the monitor does not run"]


def test_line_is_told_with_its_age_when_the_monitor_has_fallen_silent(paths: Paths) -> None:
    write(paths, status_snapshots.monitor(NOW - 2 * DAY_S))

    assert line_report(paths, NOW)[:2] == [
        "line: nobody knows, the monitor has been silent for 2 d 0 h; before that",
        "line: up",
    ]


@pytest.mark.parametrize(
    "content",
    ["", "[", "[]", "null", '{"at": "now"}', '{"at": 1e999}', '{"rungs": []}', "[" * 100_000, " " * (BYTES_MAX + 1)],
    ids=["empty", "cut", "a list", "null", "no time", "no end", "when is not said", "deep", "huge"],
)
def test_line_is_not_known_when_the_file_is_damaged(paths: Paths, content: str) -> None:
    write(paths, content)

    report = line_report(paths, NOW)

    assert report[0].startswith("line: nobody knows, ")


@pytest.mark.parametrize(
    "rungs", ["x", 7, [7], [None], [{"since": "x"}]], ids=["text", "number", "numbers", "none", "since"]
)
def test_line_is_told_or_not_known_when_rungs_make_no_sense(paths: Paths, rungs: object) -> None:
    write(paths, {"at": NOW, "state": "up", "rungs": rungs})

    assert line_report(paths, NOW)[0] in {"line: up", *CANNOT_BE_READ}


def test_line_cannot_steer_a_terminal_when_a_summary_tries(paths: Paths) -> None:
    write(paths, {"at": NOW, "state": "down", "diagnosis": {"summary": "red \x1b[31m\nalert"}})

    [report] = line_report(paths, NOW)

    assert "\x1b" not in report
    assert "\n" not in report


def test_line_is_not_waited_for_when_a_pipe_is_in_its_place(paths: Paths) -> None:
    os.mkfifo(paths.run / "monitor" / "status.json")

    assert line_report(paths, NOW) == CANNOT_BE_READ
