from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from agent.report.outbox import GIVEN_MAX, Outbox
from gateway.alerts.report import Report

EVENT = Report("rescue.used:restart", "event", "info", "The rescue console was used", host="keep", at=5.0)


def leave(folder: Path, number: int, content: bytes | None = None) -> str:
    name = f"{number}-77-0000abcd"
    (folder / f"{name}.json").write_bytes(EVENT.as_json() if content is None else content)
    return name


def test_reports_are_given_oldest_first_until_they_are_removed(tmp_path: Path) -> None:
    names = [leave(tmp_path, number) for number in (20, 3, 100)]
    outbox = Outbox(tmp_path)

    first, again = outbox.waiting(), outbox.waiting()
    outbox.remove([names[1], names[0]])

    assert [report.id for report in first.oldest] == [names[1], names[0], names[2]]
    assert again == first
    assert [report.id for report in outbox.waiting().oldest] == [names[2]]
    given = first.oldest[0]
    assert (given.cause, given.state, given.summary, given.host) == (EVENT.cause, "event", EVENT.summary, "keep")


def test_no_more_are_given_at_once_than_an_answer_holds_when_many_wait(tmp_path: Path) -> None:
    for number in range(GIVEN_MAX + 5):
        leave(tmp_path, number)

    waiting = Outbox(tmp_path).waiting()

    assert len(waiting.oldest) == GIVEN_MAX
    assert waiting.count == GIVEN_MAX + 5


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{",
        b"x" * 20_000,
        json.dumps({"cause": "no area"}).encode(),
        EVENT.as_json().replace(b"5.0", b"NaN"),
        EVENT.as_json().replace(b'"info"', b'"dire"'),
        EVENT.as_json().replace(b"console", b"\\ud800"),
    ],
    ids=["empty", "no object", "cut", "too large", "incomplete", "no time", "no severity", "no text"],
)
def test_report_of_the_damage_is_given_when_a_file_is_damaged(tmp_path: Path, content: bytes) -> None:
    name = leave(tmp_path, 9_000_000_000, content)

    [given] = Outbox(tmp_path).waiting().oldest

    assert (given.id, given.cause, given.state, given.at) == (name, "alerts.damaged", "event", 9.0)
    assert name in given.detail
    assert given.model_dump_json()


def test_report_of_the_damage_is_given_when_it_is_no_file(tmp_path: Path) -> None:
    """A link is not followed, and nobody waits for a pipe's writer."""
    (tmp_path / "secret").write_bytes(EVENT.as_json())
    (tmp_path / "1-1-0000000a.json").symlink_to(tmp_path / "secret")
    os.mkfifo(tmp_path / "2-1-0000000a.json")
    (tmp_path / "3-1-0000000a.json").mkdir()

    given = Outbox(tmp_path).waiting().oldest

    assert [report.cause for report in given] == ["alerts.damaged"] * 3


def test_other_files_are_neither_given_nor_removed(tmp_path: Path) -> None:
    for name in (".5-77-0000abcd.json", "turned-away", "x.json", "5-77-0000abcd.txt"):
        (tmp_path / name).write_text("{}")
    outbox = Outbox(tmp_path)

    assert outbox.waiting().count == 0
    outbox.remove(["x", "../agent/keys", "5-77-0000abce"])
    assert len(list(tmp_path.iterdir())) == 4


def test_other_reports_are_removed_when_one_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "1-1-0000000a.json").mkdir()
    name = leave(tmp_path, 2)
    outbox = Outbox(tmp_path)

    with pytest.raises(OSError, match="1-1-0000000a"):
        outbox.remove(["1-1-0000000a", name])
    assert outbox.waiting().count == 1


def test_nothing_waits_and_one_line_says_why_when_there_is_no_folder(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    outbox = Outbox(tmp_path / "missing")

    assert [outbox.waiting().count for _ in range(2)] == [0, 0]
    assert [record.message for record in caplog.records] == ["alert_outbox_unreadable"]
