from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.connectivity.journal import (
    ALIVE_EVERY_S,
    LINES_MAX,
    OUTAGES_MAX,
    Entry,
    Journal,
    encode,
    merge,
    overlap_s,
    parse,
)

NOW: Final = 1_780_000_000.0
DAY: Final = 86_400.0
Spans = list[tuple[float, float]]


def _outage(began: float, ended: float | None = None, **fields: str) -> Entry:
    return Entry("outage", "dns", began, ended, "dns_dead", "No resolver answered", **fields)  # type: ignore[arg-type]


def _ran(path: Path, began: float, ended: float) -> None:
    journal = Journal(path)
    journal.start(began)
    journal.alive(ended, is_stopping=True)


@pytest.mark.story("health/US-BE-20.2")
def test_journal_holds_outages_over_a_restart_newest_first(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "outages.jsonl")
    journal.start(NOW)
    journal.put(_outage(NOW + 10))
    journal.put(_outage(NOW + 10, NOW + 70))
    journal.put(_outage(NOW + 100))
    again = Journal(tmp_path / "outages.jsonl")
    assert again.outages(NOW + 200) == [_outage(NOW + 100), _outage(NOW + 10, NOW + 70)]
    assert again.lasting("outage") == [_outage(NOW + 100)]


def test_journal_knows_nothing_of_the_time_in_which_no_monitor_ran(tmp_path: Path) -> None:
    path = tmp_path / "outages.jsonl"
    _ran(path, NOW, NOW + 1000)
    journal = Journal(path)
    journal.put(_outage(NOW + 900, NOW + 2100))  # 100 s seen before the gap, 100 s after it
    journal.start(NOW + 2000)
    journal.alive(NOW + 3000)
    found = journal.availability(NOW + 3000)
    assert (found.known_s, found.down_s, found.share) == (2000.0, 200.0, 0.9)


def test_journal_knows_no_share_when_it_has_just_begun(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "outages.jsonl")
    journal.start(NOW)
    assert journal.availability(NOW).share is None


def test_journal_counts_only_the_last_30_days(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "outages.jsonl")
    journal.start(NOW)
    journal.put(_outage(NOW + DAY, NOW + 2 * DAY))
    journal.alive(NOW + 40 * DAY)
    found = journal.availability(NOW + 40 * DAY)
    assert (found.known_s, found.down_s) == (30 * DAY, 0.0)
    assert journal.outages(NOW + 40 * DAY) == []


def test_journal_counts_an_outage_once_when_line_and_keep_are_down_together(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "outages.jsonl")
    journal.start(NOW)
    journal.put(_outage(NOW, NOW + 100))
    journal.put(replace(_outage(NOW + 50, NOW + 150), name="bridge"))
    assert journal.availability(NOW + 1000).down_s == 150.0


def test_journal_writes_that_the_monitor_runs_seldom(tmp_path: Path) -> None:
    path = tmp_path / "outages.jsonl"
    journal = Journal(path)
    journal.start(NOW)
    for second in range(0, int(2 * ALIVE_EVERY_S) + 1, 5):
        journal.alive(NOW + second)
    assert len(path.read_text("utf-8").splitlines()) == 3
    assert Journal(path).last_seen == NOW + 2 * ALIVE_EVERY_S


def test_journal_ends_the_run_before_where_its_last_snapshot_says_when_it_crashed(tmp_path: Path) -> None:
    path = tmp_path / "outages.jsonl"
    Journal(path).start(NOW)
    journal = Journal(path)
    journal.start(NOW + 500, last_seen=NOW + 290)
    assert journal.last_seen == NOW + 290
    assert journal.availability(NOW + 600).known_s == 390.0


def test_journal_goes_on_behind_a_line_that_a_crash_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "outages.jsonl"
    path.write_bytes(encode(_outage(NOW, NOW + 5)) + encode(_outage(NOW + 10))[:40])
    journal = Journal(path)
    journal.start(NOW + 20)
    assert Journal(path).outages(NOW + 30) == [_outage(NOW, NOW + 5)]
    assert all(json.loads(line) for line in path.read_text("utf-8").splitlines())


def test_journal_is_bounded_when_the_line_flaps_for_ever(tmp_path: Path) -> None:
    path = tmp_path / "outages.jsonl"
    lines = [encode(_outage(NOW + 20 * each, NOW + 20 * each + 10)) for each in range(LINES_MAX - 2)]
    path.write_bytes(encode(Entry("ran", "", NOW, NOW + 20 * LINES_MAX)) + b"".join(lines))
    journal = Journal(path)
    end = NOW + 20 * LINES_MAX
    journal.start(end)
    for each in range(4):
        journal.put(_outage(end + 20 * each, end + 20 * each + 10))
    assert len(path.read_text("utf-8").splitlines()) <= OUTAGES_MAX + 10
    assert len(journal.outages(end + 100)) <= OUTAGES_MAX
    found = journal.availability(end + 80)
    assert found.share == pytest.approx(0.5, abs=0.01)  # what was forgotten is not counted as up


def test_journal_moves_what_a_wrong_clock_began_when_it_is_set(tmp_path: Path) -> None:
    path = tmp_path / "outages.jsonl"
    journal = Journal(path)
    journal.start(1000.0)
    journal.put(_outage(1010.0))
    journal.clock_set(NOW)
    journal.alive(NOW + 1100.0)
    assert Journal(path).outages(NOW + 1100) == [_outage(NOW + 1010)]
    found = journal.availability(NOW + 1100.0)
    assert (found.known_s, found.down_s) == (100.0, 90.0)


def test_journal_remembers_when_the_disk_takes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "file"
    folder.write_text("not a folder")
    journal = Journal(folder / "outages.jsonl")
    journal.start(NOW)
    journal.put(_outage(NOW))
    assert journal.outages(NOW + 1) == [_outage(NOW)]


@pytest.mark.parametrize(
    "line",
    [b"", b"[]", b'{"kind":"outage"}', b'{"kind":"other","name":"","began":1}', b'{"kind":"ran","name":1,"began":1}'],
    ids=["empty", "a list", "too little", "another kind", "another type"],
)
def test_journal_skips_a_line_that_is_none(line: bytes) -> None:
    assert parse(line) is None


times = st.floats(0, 100, allow_nan=False)
span_lists = st.lists(st.tuples(times, times), max_size=8)


@given(span_lists, span_lists)
def test_overlap_is_as_long_as_counting_says(some: Spans, others: Spans) -> None:
    grid = sorted({each for span in (*some, *others) for each in span})
    expected = sum(
        end - begin
        for begin, end in pairwise(grid)
        if any(a <= begin and end <= b for a, b in some) and any(a <= begin and end <= b for a, b in others)
    )
    assert overlap_s(merge(some), merge(others)) == pytest.approx(expected)
