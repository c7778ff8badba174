from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone

import pytest

from agent.backup.names import (
    HEADS_KEPT,
    WalPath,
    base_file,
    base_id,
    catalog,
    first_wal,
    head_file,
    heads,
    old_heads,
    started_at,
    wal_file,
    wal_path,
)

MB = 1 << 20
FIRST = "000000010000000000000FFE"
BASE = base_id(datetime(2026, 11, 28, 4, 15, tzinfo=timezone(timedelta(hours=1))), FIRST)


def test_base_says_when_it_began_and_what_it_needs() -> None:
    assert started_at(BASE) == datetime(2026, 11, 28, 3, 15, tzinfo=UTC)
    assert first_wal(BASE) == FIRST


def test_catalog_shows_only_finished_backups() -> None:
    half = base_id(datetime(2026, 11, 29, tzinfo=UTC), FIRST)
    files = [
        base_file("7", BASE, "store.tar"),
        base_file("7", BASE, "manifest"),
        base_file("7", half, "store.tar"),
        wal_file("7", FIRST),
        wal_file("7", "00000002.history"),
        wal_file("7", FIRST) + ".part",
        "7/base/notes.txt",
        "lost+found/x",
    ]
    found = catalog(files)
    assert found.keys() == {"7"}
    assert found["7"].bases == [BASE]
    assert found["7"].parts[half] == {"store.tar"}
    assert found["7"].segments == {FIRST}
    assert found["7"].wal == {FIRST, "00000002.history"}


def path(*segments: str, until: str = "", histories: Mapping[int, str] | None = None) -> WalPath:
    return wal_path(BASE, segments, histories or {}, MB, until=[until] if until else [])


SECOND, THIRD = "000000010000000000000FFF", "000000010000000100000000"


@pytest.mark.parametrize(
    ("segments", "until", "names", "lacking"),
    [
        pytest.param([THIRD, FIRST, SECOND], "", [FIRST, SECOND, THIRD], None, id="across a log"),
        pytest.param([FIRST, THIRD], "", [FIRST], SECOND, id="one lacks"),
        pytest.param([SECOND], "", [], FIRST, id="the first lacks"),
        pytest.param([], "", [], FIRST, id="nothing there"),
        pytest.param([FIRST], SECOND, [FIRST], SECOND, id="the last lacks"),
        pytest.param(["000000010000000000000001", FIRST], "", [FIRST], None, id="older ones do not matter"),
    ],
)
def test_wal_path_goes_up_to_the_first_segment_that_lacks(
    segments: list[str], until: str, names: list[str], lacking: str | None
) -> None:
    assert path(*segments, until=until) == WalPath(1, names, lacking)


HISTORY = "1\t0/FFF00080\tno recovery target specified\n"
NEW_SECOND, NEW_THIRD = "000000020000000000000FFF", "000000020000000100000000"


def test_wal_path_leaves_the_abandoned_timeline_where_the_new_one_begins() -> None:
    there = (FIRST, SECOND, THIRD, NEW_SECOND, NEW_THIRD)
    assert path(*there, histories={2: HISTORY}) == WalPath(2, [FIRST, NEW_SECOND, NEW_THIRD], None)


def test_wal_path_is_broken_when_only_the_abandoned_timeline_has_a_segment() -> None:
    there = (FIRST, SECOND, THIRD, NEW_THIRD)
    assert path(*there, histories={2: HISTORY}) == WalPath(2, [FIRST], NEW_SECOND)


def test_wal_path_stays_on_its_timeline_when_the_new_one_began_before_the_backup() -> None:
    earlier = "1\t0/FF000080\tbefore 2026-11-27\n"
    there = (FIRST, SECOND, "000000020000000000000FF0", NEW_SECOND)
    assert path(*there, histories={2: earlier}) == WalPath(1, [FIRST, SECOND], None)


def test_wal_path_goes_through_several_timelines() -> None:
    history = HISTORY + "2\t1/80\tno recovery target specified\n\n# a comment\n"
    there = (FIRST, NEW_SECOND, "000000030000000100000000")
    assert path(*there, histories={2: HISTORY, 3: history}).names == list(there)


def test_heads_are_those_of_their_cluster_in_order_and_the_oldest_have_had_their_time() -> None:
    start = datetime(2026, 11, 28, tzinfo=UTC)
    ours = [head_file("7", start + timedelta(hours=hour)) for hour in range(HEADS_KEPT + 2)]
    files = [*reversed(ours), head_file("8", start), "7/heads/x.head", "7/wal/00000001000000000000000A"]
    assert heads(files, "7") == ours
    assert heads(files, "7", before=start + timedelta(hours=2)) == ours[:2]
    assert old_heads(files) == ours[:2]
    assert set(catalog(files)) == {"7"}
