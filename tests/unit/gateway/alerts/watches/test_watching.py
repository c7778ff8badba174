"""What is reported of what is wrong, and when: facts in, reports out, the time turned by hand."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from bridge.process.host_report import HostReport
from gateway.alerts.report import Inbox, Report
from gateway.alerts.watches import Settings, Watches
from gateway.alerts.watches.facts import Ban, BanFacts, Facts
from tests.watch_facts import NOW, facts, gateway, host, keep, unit


class Clock:
    """Both clocks, turned together."""

    def __init__(self) -> None:
        self.passed_s = 0.0

    def time(self) -> float:
        return NOW + self.passed_s

    def monotonic(self) -> float:
        return self.passed_s


class Played:
    """Sources that the test fills."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.now = facts()
        self.acknowledged: list[list[str]] = []
        self.hears = True

    async def read(self) -> Facts:
        return self.now

    async def acknowledge(self, ids: Iterable[str]) -> bool:
        self.acknowledged.append(list(ids))
        return self.hears


class Run:
    """Watches, with what they reported."""

    def __init__(self, folder: Path, *, raised: Iterable[str] = (), clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self.sources = Played(self.clock)
        self.reports: deque[Report] = deque()
        self.takes = True
        settings = Settings(taken=folder / "taken.json")
        self.watches = Watches(settings, report=self._report, clock=self.clock, raised=raised, sources=self.sources)

    def _report(self, report: Report) -> bool:
        if self.takes:
            self.reports.append(report)
        return self.takes

    async def said(self, passed_s: float = 0.0, **changes: Any) -> list[tuple[str, str, str]]:  # noqa: ANN401
        """Let time pass, look, and return (cause, state, severity) of what was reported."""
        self.clock.passed_s += passed_s
        if changes:
            self.sources.now = facts(now=self.clock.time(), **changes)
        await self.watches.run_once()
        new: list[tuple[str, str, str]] = [(report.cause, report.state, report.severity) for report in self.reports]
        self.reports.clear()
        return new


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


def full(share: float = 0.05) -> HostReport:
    return host(disk_free_share=share)


@pytest.mark.story("hub/IH-026.4")
async def test_condition_is_reported_once_and_its_end_once(run: Run) -> None:
    assert await run.said() == []
    assert await run.said(15, door=full()) == [("disk.low:door", "raised", "warning")]
    assert await run.said(15) == []
    assert await run.said(15, door=host()) == [("disk.low:door", "cleared", "warning")]
    assert await run.said(15) == []


async def test_condition_is_reported_again_when_it_becomes_worse_and_not_when_better(run: Run) -> None:
    await run.said(door=full())

    assert await run.said(15, door=full(0.01)) == [("disk.low:door", "raised", "critical")]
    assert await run.said(15, door=full()) == []


async def test_condition_is_reported_when_it_has_lasted(run: Run) -> None:
    open_breaker = (gateway(breakers={"data": "open"}),)

    assert await run.said(gateways=open_breaker) == []
    assert await run.said(59) == []
    assert await run.said(1) == [("breaker.open:data", "raised", "warning")]


async def test_condition_is_not_reported_when_it_was_away_in_between(run: Run) -> None:
    open_breaker, closed = (gateway(breakers={"data": "open"}),), (gateway(),)

    await run.said(gateways=open_breaker)
    await run.said(30, gateways=closed)
    await run.said(30, gateways=open_breaker)

    assert await run.said(45) == []


async def test_end_is_reported_when_it_has_lasted(run: Run) -> None:
    """An under-voltage comes and goes by the second."""
    assert await run.said(door=host(under_voltage=True)) == [("power.low:door", "raised", "warning")]
    for _ in range(5):
        assert await run.said(3000, door=host()) == []
        assert await run.said(30, door=host(under_voltage=True)) == []
    assert await run.said(30, door=host()) == []
    assert await run.said(3600) == [("power.low:door", "cleared", "warning")]


async def test_condition_stays_when_nobody_can_tell(run: Run) -> None:
    await run.said(keep=keep(host("keep", disk_free_share=0.01)))

    assert await run.said(600, keep=None, keep_refusal="away") == []
    assert await run.said(15, keep=keep()) == [("disk.low:keep", "cleared", "critical")]


async def test_report_is_made_again_until_it_is_taken(run: Run) -> None:
    run.takes = False
    assert await run.said(door=full()) == []
    run.takes = True
    assert await run.said(15) == [("disk.low:door", "raised", "warning")]
    run.takes = False
    assert await run.said(15, door=host()) == []
    run.takes = True
    assert await run.said(15) == [("disk.low:door", "cleared", "warning")]


async def test_what_ended_during_a_restart_is_cleared_and_what_others_raised_is_not(tmp_path: Path) -> None:
    run = Run(tmp_path, raised=("disk.low:door", "units.failed:keep/x.service", "ddns.badauth:x", "line.dns_dead"))

    first = await run.said()

    assert sorted(first) == [
        ("disk.low:door", "cleared", "info"),
        ("units.failed:keep/x.service", "cleared", "info"),
    ]


async def test_what_lasts_over_a_restart_is_reported_again_at_once(tmp_path: Path) -> None:
    run = Run(tmp_path, raised=("breaker.open:data",))

    assert await run.said(gateways=(gateway(breakers={"data": "open"}),)) == [
        ("breaker.open:data", "raised", "warning")
    ]


async def test_each_subject_has_a_report_of_its_own(run: Run) -> None:
    failed = [unit(f"{name}.service", active="failed") for name in ("a", "b")]

    said = await run.said(door=host(units=tuple(failed)))
    rest = await run.said(15, door=host(units=(failed[0],)))

    assert [cause for cause, _, _ in said] == ["units.failed:door/a.service", "units.failed:door/b.service"]
    assert rest == [("units.failed:door/b.service", "cleared", "critical")]


def bans(*began: float) -> BanFacts:
    return BanFacts(bans=tuple(Ban("192.0.2.1", "probing", at, 60.0) for at in began))


async def test_bans_are_told_once_an_hour(run: Run) -> None:
    await run.said(bans=bans())
    assert await run.said(60, bans=bans(NOW + 10)) == []
    assert await run.said(3540, bans=bans(NOW + 10)) == [("bans.new", "event", "info")]
    assert await run.said(60, bans=bans(NOW + 10)) == []


async def test_ban_is_told_when_it_was_listed_at_minute_5_and_gone_at_minute_20(run: Run) -> None:
    run.watches = Watches(Settings(), report=run._report, clock=run.clock, bans_told=NOW, sources=run.sources)

    assert await run.said(300, bans=bans(NOW + 290)) == []
    assert await run.said(900, bans=bans()) == []
    assert await run.said(2385, bans=bans()) == []
    assert await run.said(15, bans=bans()) == [("bans.new", "event", "info")]
    assert await run.said(3600, bans=bans()) == []


async def test_bans_are_told_again_when_the_inbox_did_not_take_them(run: Run) -> None:
    run.takes = False
    assert await run.said(3600, bans=bans(NOW + 10)) == []
    run.takes = True
    assert await run.said(15, bans=bans()) == [("bans.new", "event", "info")]


@pytest.mark.parametrize(
    ("began_s", "told_s", "said"),
    [(-1800, -900, []), (-600, -900, [("bans.new", "event", "info")]), (-1800, -5400, [("bans.new", "event", "info")]),
     (-7000, -86_400, []), (-600, None, []), (10, None, [("bans.new", "event", "info")])],
    ids=["told before", "since", "long since", "an hour back at most", "before the first start", "never told"],
)  # fmt: skip
async def test_bans_are_told_since_the_last_time_when_the_monitor_was_restarted(
    run: Run, began_s: float, told_s: float | None, said: list[tuple[str, str, str]]
) -> None:
    told = None if told_s is None else NOW + told_s
    run.watches = Watches(Settings(), report=run._report, clock=run.clock, bans_told=told, sources=run.sources)

    first = await run.said(15, bans=bans(NOW + began_s))

    assert first + await run.said(3600, bans=bans()) == said


# the keep's reports


def event(number: int) -> dict[str, Any]:
    return {
        "id": f"{number}-1-0000000a", "cause": "rescue.used:restart", "state": "event", "severity": "info",
        "summary": "The rescue console was used", "detail": "", "host": "keep", "at": 5.0, "because_of": None,
    }  # fmt: skip


async def test_keeps_reports_are_taken_once_and_acknowledged_again_when_that_was_lost(run: Run) -> None:
    run.sources.hears = False
    first = await run.said(keep=keep(events=(event(1),)))
    same_look = await run.said(15)
    again = await run.said(45, keep=keep(events=(event(1),), heard_at=NOW + 60))

    assert first == [("rescue.used:restart", "event", "info")]
    assert same_look == again == []
    assert run.sources.acknowledged == [[event(1)["id"]]] * 2


async def test_keeps_reports_are_not_taken_twice_when_the_monitor_was_restarted(tmp_path: Path) -> None:
    await Run(tmp_path).said(keep=keep(events=(event(1),)))

    assert await Run(tmp_path).said(keep=keep(events=(event(1), event(2)))) == [
        ("rescue.used:restart", "event", "info")
    ]


async def test_reports_lie_in_the_inbox_when_it_is_the_real_one(tmp_path: Path) -> None:
    (tmp_path / "inbox").mkdir()
    clock = Clock()
    sources = Played(clock)
    sources.now = facts(door=full(), keep=keep(events=(event(1),)))
    watches = Watches(
        Settings(taken=tmp_path / "taken.json"),
        report=Inbox(tmp_path / "inbox").report, clock=clock, sources=sources,
    )  # fmt: skip

    await watches.run_once()

    left = [Report.from_json(path.read_bytes()) for path in (tmp_path / "inbox").iterdir()]
    assert {report.cause for report in left} == {"disk.low:door", "rescue.used:restart"}


# the snapshot


async def test_snapshot_has_what_the_status_page_shows(run: Run) -> None:
    part = await run.watches.run_once()

    assert set(part) == {"limits", "gateways", "door", "keep", "certificates", "backup", "bans"}
    assert part["gateways"][0] | {"p95_ms": 0} == {
        "name": "gateway@1", "state": "up", "requests": 100, "errors_5xx": 0, "p95_ms": 0,
        "breakers": {"data": "closed"}, "cache": {"hits": 1, "misses": 2, "bytes": 3},
    }  # fmt: skip
    assert part["gateways"][0]["p95_ms"] == pytest.approx(95)
    assert (part["door"]["host"], part["keep"]["host"]) == ("door", "keep")
    assert {(each["name"], each["host"]) for each in part["certificates"]} == {
        ("web", "door"), ("gateway", "door"), ("agent", "keep"), ("intermediate", "keep"), ("root", "keep"),
    }  # fmt: skip
    assert part["backup"]["last_ok"] is True
    assert part["bans"] == {"count": 0, "recent": []}


async def test_snapshot_says_that_nothing_is_known_when_it_is_not(run: Run) -> None:
    run.sources.now = Facts(NOW, gateways=(gateway(refusal="away"),), bans=BanFacts(refusal="away"))

    part = await run.watches.run_once()

    assert (part["door"], part["keep"], part["backup"], part["bans"]) == (None, None, None, None)
    assert part["gateways"][0]["state"] == "down"
