"""The watch over simulated time: what is told, and what the journal holds."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest

from gateway.connectivity.findings import KEEP, LINE, Finding, Rung, down, off, unknown, up
from gateway.connectivity.journal import Journal
from gateway.connectivity.reports import REPEAT_S, LineReport
from gateway.connectivity.watch import CHANGE_S, Watch

HOUR: Final = 3600.0
CABLE: Final = down("cable_out", "The network cable of eth0 is out", {"interface": "eth0"}, definitive=True)
NO_ADDRESS: Final = down("no_address", "eth0 has no address")
DNS_DEAD: Final = down("dns_dead", "The resolver did not answer")
AWAY: Final = down("keep_away", "The keep does not answer")
FINE: Final = up("It answers")


class SimulatedClock:
    """Both clocks, turned by hand."""

    def __init__(self) -> None:
        self.unix_s = 1_780_000_000.0
        self.monotonic_s = 0.0

    def monotonic(self) -> float:
        return self.monotonic_s

    def time(self) -> float:
        return self.unix_s

    def advance(self, seconds: float) -> None:
        self.unix_s += seconds
        self.monotonic_s += seconds


class Scene:
    """A watch, and hands to let things happen."""

    def __init__(self, folder: Path, clock: SimulatedClock | None = None) -> None:
        self.clock = clock or SimulatedClock()
        self.folder = folder
        self.reports: list[LineReport] = []
        self.begin()

    def begin(self, *, last_seen: float | None = None) -> None:
        self.journal = Journal(self.folder / "outages.jsonl")
        self.watch = Watch(clock=self.clock, journal=self.journal, emit=self.reports.append)
        self.journal.start(self.clock.time(), last_seen=last_seen)

    def look(self, bad: dict[Rung, Finding] | None = None, *, times: int = 1, every_s: float = 1.0) -> None:
        """Climb both branches, up to the first bad rung of each, and conclude; then let time pass."""
        for _ in range(times):
            for branch in (LINE, KEEP):
                for rung in branch:
                    finding = (bad or {}).get(rung, FINE)
                    self.watch.take(rung, finding)
                    if finding.state == "down":
                        break
            self.watch.settle()
            self.clock.advance(every_s)

    @property
    def told(self) -> list[tuple[str, str]]:
        return [(each.cause, each.state) for each in self.reports]


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


@pytest.mark.story("health/US-BE-20.3")
def test_watch_tells_once_down_and_once_up_when_the_cable_is_out(scene: Scene) -> None:
    scene.look(times=3)
    began = scene.clock.time()
    scene.look({Rung.LINK: CABLE}, times=60)
    assert scene.told == [("line.cable_out", "raised")]
    snapshot = scene.watch.snapshot()
    assert (snapshot["state"], snapshot["rung"], snapshot["diagnosis"]["code"]) == ("down", "link", "cable_out")
    scene.look(times=5)
    assert scene.told == [("line.cable_out", "raised"), ("line.cable_out", "cleared")]
    [outage] = scene.journal.outages(scene.clock.time())
    assert (outage.began, outage.ended, outage.code) == (began, began + 61, "cable_out")
    assert scene.watch.snapshot()["state"] == "up"


def test_watch_says_nothing_when_single_looks_fail(scene: Scene) -> None:
    for _ in range(30):
        scene.look(times=4)
        scene.look({Rung.DNS: DNS_DEAD})
    assert scene.told == []
    assert scene.journal.outages(scene.clock.time()) == []


def test_watch_keeps_the_first_cause_when_the_line_comes_back_in_steps(scene: Scene) -> None:
    scene.look(times=3)
    scene.look({Rung.LINK: CABLE}, times=5)
    scene.look({Rung.ADDRESS: NO_ADDRESS}, times=5)
    scene.look(times=3)
    assert scene.told == [("line.cable_out", "raised"), ("line.cable_out", "cleared")]
    [outage] = scene.journal.outages(scene.clock.time())
    assert outage.code == "cable_out"


def test_watch_tells_the_other_cause_when_it_lasts(scene: Scene) -> None:
    scene.look(times=3)
    scene.look({Rung.LINK: CABLE}, times=5)
    scene.look({Rung.ADDRESS: NO_ADDRESS}, times=int(CHANGE_S) + 5)
    assert scene.told == [
        ("line.cable_out", "raised"),
        ("line.cable_out", "cleared"),
        ("line.no_address", "raised"),
    ]
    [outage] = scene.journal.outages(scene.clock.time())
    assert outage.code == "no_address"


def test_watch_blames_only_the_cable_when_the_keep_is_behind_it(scene: Scene) -> None:
    scene.look(times=3)
    scene.look({Rung.LINK: CABLE, Rung.BRIDGE: AWAY}, times=10)
    assert scene.told == [("line.cable_out", "raised")]


def test_watch_tells_both_when_line_and_keep_are_broken(scene: Scene) -> None:
    scene.look(times=3)
    scene.look({Rung.DNS: DNS_DEAD, Rung.BRIDGE: AWAY}, times=10)
    assert sorted(scene.told) == [("line.dns_dead", "raised"), ("line.keep_away", "raised")]
    assert scene.watch.snapshot()["rung"] == "dns"


def test_watch_is_up_when_some_rungs_are_off_or_cannot_tell(scene: Scene) -> None:
    scene.look({Rung.PORT: off("No mirror is set"), Rung.NAME: unknown("The updater does not say")}, times=2)
    snapshot = scene.watch.snapshot()
    assert snapshot["state"] == "up"
    assert [each["state"] for each in snapshot["rungs"]] == [*["up"] * 5, "unknown", "off", "up", "up"]


def test_watch_continues_an_outage_when_the_monitor_was_restarted_in_it(scene: Scene) -> None:
    scene.look(times=3)
    began = scene.clock.time()
    scene.look({Rung.LINK: CABLE}, times=5)
    scene.clock.advance(100)  # it crashed
    scene.begin()
    scene.look({Rung.LINK: CABLE}, times=5)
    ended = scene.clock.time() + 1
    scene.look(times=3)
    assert scene.told == [("line.cable_out", "raised"), ("line.cable_out", "cleared")]
    [outage] = scene.journal.outages(scene.clock.time())
    assert (outage.began, outage.ended) == (began, ended)


def test_watch_ends_an_outage_at_the_last_sign_of_life_when_it_was_over_after_a_restart(scene: Scene) -> None:
    scene.look(times=3)
    began = scene.clock.time()
    scene.look({Rung.LINK: CABLE}, times=50)
    seen = scene.clock.time()
    scene.clock.advance(300)
    scene.begin(last_seen=seen)
    scene.look(times=3)
    assert scene.told == [("line.cable_out", "raised"), ("line.cable_out", "cleared")]
    [outage] = scene.journal.outages(scene.clock.time())
    assert (outage.began, outage.ended) == (began, seen)


def test_watch_moves_the_outage_when_the_clock_is_set_in_it(scene: Scene) -> None:
    scene.look(times=3)
    began = scene.clock.time()
    scene.look({Rung.LINK: CABLE}, times=5)
    scene.clock.unix_s += 1_000_000
    scene.look({Rung.LINK: CABLE}, times=5)
    scene.look(times=3)
    [outage] = scene.journal.outages(scene.clock.time())
    assert outage.began == began + 1_000_000
    assert outage.ended == began + 1_000_000 + 11
    assert scene.reports[-1].summary == "Cable out: over after 11 s"


def test_watch_forgets_no_hour_when_the_clock_is_set_in_it(scene: Scene) -> None:
    scene.look(times=3)
    scene.look({Rung.LINK: CABLE}, times=5)
    scene.look(times=60)
    scene.clock.unix_s += 1_000_000
    scene.look({Rung.LINK: CABLE}, times=5)
    assert Counter(scene.told)["line.cable_out", "raised"] == 1
    assert scene.told[-1] == ("line.line_flapping", "raised")


def test_watch_counts_an_outage_from_its_beginning_when_it_took_a_while_to_know(scene: Scene) -> None:
    scene.look(times=3)
    began = scene.clock.time()
    scene.look({Rung.DNS: DNS_DEAD}, times=30)
    raised = scene.reports[0]
    assert (raised.cause, raised.at) == ("line.dns_dead", began)
    scene.look(times=10)
    [outage] = scene.journal.outages(scene.clock.time())
    assert outage.ended is not None
    assert scene.reports[-1].summary == f"DNS dead: over after {outage.ended - began:.0f} s"


def test_watch_tells_the_long_outage_too_when_it_comes_soon_after_another(scene: Scene) -> None:
    scene.look(times=3)
    scene.look({Rung.LINK: CABLE}, times=5)
    scene.look(times=60)
    scene.look({Rung.LINK: CABLE}, times=int(REPEAT_S / 5), every_s=5)
    assert scene.told[:3] == [
        ("line.cable_out", "raised"),
        ("line.cable_out", "cleared"),
        ("line.line_flapping", "raised"),
    ]
    assert scene.told.count(("line.cable_out", "raised")) == 2


@pytest.mark.parametrize("minutes", [3, 7, 45], ids=lambda minutes: f"every {minutes} min")
def test_watch_tells_each_cause_once_an_hour_and_journals_all_when_the_line_flaps_for_a_day(
    scene: Scene, minutes: int
) -> None:
    causes = ({Rung.LINK: CABLE}, {Rung.DNS: DNS_DEAD}, {Rung.BRIDGE: AWAY})
    end = scene.clock.time() + 24 * HOUR
    happened = 0
    while scene.clock.time() < end:
        scene.look(times=minutes * 6 - 3, every_s=10)
        scene.look(causes[happened % 3], times=3, every_s=10)
        happened += 1
    scene.look(times=3)
    assert len(scene.journal.outages(scene.clock.time())) == happened
    assert scene.journal.lasting("outage") == []
    raised: dict[str, list[float]] = {}
    for each in scene.reports:
        if each.state == "raised":
            raised.setdefault(each.cause, []).append(each.at)
    for times in raised.values():
        assert all(later - earlier >= REPEAT_S for earlier, later in pairwise(times))
    assert raised
    counts = Counter(scene.told)
    for cause in raised:
        assert 0 <= counts[cause, "raised"] - counts[cause, "cleared"] <= (1 if "flapping" in cause else 0)


def test_watch_ends_flapping_when_the_line_has_been_steady(scene: Scene) -> None:
    scene.look(times=3)
    for _ in range(3):
        scene.look({Rung.LINK: CABLE}, times=3)
        scene.look(times=10)
    assert scene.watch.snapshot()["diagnosis"]["code"] == "line_flapping"
    assert scene.watch.snapshot()["state"] == "up"
    scene.look(times=400, every_s=10)
    assert scene.told[-1] == ("line.line_flapping", "cleared")
    assert scene.watch.snapshot()["diagnosis"] is None
