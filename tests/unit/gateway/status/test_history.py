"""A month of outages as strips."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from gateway.status.history import DAYS, MINUTES, SHORTEST, Block, Kind, days
from gateway.status.model import Outage

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp()


NOW = at("2026-05-28T15:00")


def outage(began: str, ended: str | None, rung: str = "router") -> Outage:
    return Outage(at(began), None if ended is None else at(ended), rung, "x", "x", 0)


def test_month_has_thirty_days_today_first_when_nothing_happened() -> None:
    month = days([], now=NOW, zone=BERLIN)

    assert [day.date for day in month][::29] == [date(2026, 5, 28), date(2026, 4, 29)]
    assert len(month) == DAYS
    assert [day.until for day in month[:2]] == [15 * 60, MINUTES]
    assert not any(day.blocks for day in month)


def test_outage_stands_where_the_clock_showed_it() -> None:
    month = days([outage("2026-05-27T06:00", "2026-05-27T07:30")], now=NOW, zone=BERLIN)

    assert month[1].blocks == (Block(360, 90, Kind.LINE),)
    assert (month[1].count, month[1].down_s) == (1, 5400)


def test_outage_is_parted_at_midnight_when_it_lasts_overnight() -> None:
    month = days([outage("2026-05-26T23:00", "2026-05-27T01:00")], now=NOW, zone=BERLIN)

    assert month[2].blocks == (Block(1380, 60, Kind.LINE),)
    assert month[1].blocks == (Block(0, 60, Kind.LINE),)


def test_outage_reaches_until_now_when_it_lasts() -> None:
    month = days([outage("2026-05-28T14:00", None)], now=NOW, zone=BERLIN)

    assert month[0].blocks == (Block(840, 60, Kind.LINE),)


def test_outage_can_be_seen_when_it_was_short_or_at_the_end_of_the_day() -> None:
    short = [outage("2026-05-27T12:00:00", "2026-05-27T12:00:30"), outage("2026-05-27T23:59:00", "2026-05-27T23:59:59")]

    blocks = days(short, now=NOW, zone=BERLIN)[1].blocks

    assert blocks == (Block(720, SHORTEST, Kind.LINE), Block(MINUTES - SHORTEST, SHORTEST, Kind.LINE))


def test_time_is_counted_once_when_outages_overlap() -> None:
    both = [outage("2026-05-27T06:00", "2026-05-27T08:00"), outage("2026-05-27T07:00", "2026-05-27T09:00", "database")]

    day = days(both, now=NOW, zone=BERLIN)[1]

    assert (day.count, day.down_s) == (2, 3 * 3600)
    assert [block.kind for block in day.blocks] == [Kind.LINE, Kind.KEEP]


def test_day_is_whole_when_the_clocks_change() -> None:
    spring = datetime(2026, 3, 30, 12, tzinfo=BERLIN).timestamp()
    month = days([outage("2026-03-28T00:00", "2026-03-30T00:00", "port")], now=spring, zone=BERLIN)

    assert [(day.blocks, day.down_s) for day in month[1:3]] == [
        ((Block(0, MINUTES, Kind.OUTSIDE),), 23 * 3600),
        ((Block(0, MINUTES, Kind.OUTSIDE),), 24 * 3600),
    ]
