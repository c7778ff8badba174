"""docs/faults.md tells of the faults that there are."""

from __future__ import annotations

import pytest

from tests.adversity.faults import FAULTS
from tests.adversity.page import PAGE, RED, Played, faults_page, row_key, rows_of


def test_page_has_every_fault_and_no_red_row_when_it_is_up_to_date() -> None:
    rows = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| `")]
    stale = [fault.id for fault, row in zip(FAULTS, rows, strict=True) if not row.startswith(row_key(fault))]
    assert stale == [], "make faults writes the page anew"
    assert [row for row in rows if RED in row] == []


@pytest.mark.story("health/US-BE-39.5")
def test_page_shows_red_when_a_fault_ends_badly_or_its_counter_run_well() -> None:
    fault = FAULTS[0]
    for back_s, without in ((None, "it failed"), (0.5, None)):
        played = Played(fault, "what was seen", back_s, without)
        assert played.is_red
        assert RED in faults_page([played])
    assert RED not in faults_page([Played(fault, "what was seen", 0.5, "it failed")])


def test_page_keeps_the_rows_of_before_when_others_are_played() -> None:
    page = PAGE.read_text("utf-8")
    before = rows_of(page)
    assert faults_page([], before) == page
    after = rows_of(faults_page([Played(FAULTS[0], "what was seen", 0.5, "it failed")], before))
    assert "what was seen" in after.pop(FAULTS[0].id)
    assert after == {name: row for name, row in before.items() if name != FAULTS[0].id}


def test_fault_ids_are_all_different() -> None:
    assert len({fault.id for fault in FAULTS}) == len(FAULTS)
