"""The book, told the time: what is said, and when."""

from __future__ import annotations

import json
import random
from collections import Counter
from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.alerts import wording
from gateway.alerts.book import AFTERMATH_S, CASES_MAX, FLOOD, Book
from gateway.alerts.case import QUIET_S, SETTLE_S
from gateway.alerts.message import Message, Part
from gateway.alerts.outbox import MESSAGES_MAX, Outbox
from gateway.alerts.quiet import QuietHours
from gateway.alerts.report import Report, Severity, State

LONDON = ZoneInfo("Europe/London")
START = 1_780_000_000.0
CHANNELS = ("journal", "email")
LINE = "line.router_silent"
AWAY = "line.keep_away"


class Scene:
    """A book, the time, and whom it has told what. ``is_reached``: whether mail goes out."""

    def __init__(self, quiet_hours: str = "", zone: ZoneInfo = LONDON, now: float = START) -> None:
        self.book = Book("b", QuietHours.of(quiet_hours, zone), Outbox(CHANNELS))
        self.zone = zone
        self.now = now
        self.is_reached = True
        self.told: list[tuple[float, Message]] = []
        self.journal: list[tuple[float, Message]] = []

    def report(self, cause: str, state: State, severity: Severity = "critical", **more: str) -> None:
        summary = more.pop("summary", f"Something is wrong with {cause}")
        self.book.take(Report(cause, state, severity, summary, at=self.now, **more), self.now)  # type: ignore[arg-type]

    def wait(self, seconds: float, step_s: float = 1.0) -> None:
        end = self.now + seconds
        while self.now < end:
            self.now = min(end, self.now + step_s)
            self.book.compose(self.now)
            self._deliver("journal", self.journal)
            if self.is_reached:
                self._deliver("email", self.told)

    def _deliver(self, channel: str, told: list[tuple[float, Message]]) -> None:
        while (message := self.book.outbox.next(channel, self.now)) is not None:
            told.append((self.now, message))
            self.book.outbox.delivered(channel, message.id, self.now)

    def restart(self) -> None:
        values = json.loads(json.dumps(self.book.as_json()))
        self.book = Book.from_json(values, "again", self.book.quiet_hours, CHANNELS)

    @property
    def parts(self) -> list[Part]:
        return [part for _, message in self.told for part in message.parts]

    @property
    def kinds(self) -> list[tuple[str, str]]:
        return [(part.kind, part.cause) for part in self.parts]

    @property
    def subjects(self) -> list[str]:
        return [wording.put(message, name="box", zone=self.zone).subject for _, message in self.told]

    def text(self, number: int) -> str:
        return wording.put(self.told[number][1], name="box", zone=self.zone).text


def test_alert_is_told_once_when_its_cause_is_reported_again_and_again() -> None:
    scene = Scene()
    for _ in range(20):
        scene.report(LINE, "raised", summary="The line is down (router silent)")
        scene.wait(30)

    assert scene.kinds == [("start", LINE)]
    assert scene.subjects == ["[Drawbridge] box: The line is down (router silent)"]
    assert scene.told[0][0] == START + SETTLE_S


def test_end_is_told_once_with_its_length_when_the_start_was_told() -> None:
    scene = Scene(now=datetime(2026, 11, 21, 14, 2, tzinfo=LONDON).timestamp())
    scene.report(LINE, "raised", summary="The line is down")
    scene.wait(12 * 60)
    for _ in range(3):
        scene.report(LINE, "cleared", summary="The line is up")
        scene.wait(60)

    assert scene.kinds == [("start", LINE), ("recovery", LINE)]
    assert scene.subjects[1] == "[Drawbridge] box: Over after 12 min: The line is down"
    assert "It lasted 12 min, from 14:02 on 21 Nov to 14:14." in scene.text(1)


def test_outage_is_one_message_when_it_is_over_before_it_could_be_told() -> None:
    scene = Scene()
    scene.report(LINE, "raised")
    scene.wait(5)
    scene.report(LINE, "cleared")
    scene.wait(60)

    assert scene.kinds == [("passed", LINE)]


def test_nothing_is_told_when_what_was_never_raised_is_cleared() -> None:
    scene = Scene()
    scene.report(LINE, "cleared")
    scene.wait(60)

    assert scene.kinds == []
    assert scene.book.cases == {}


def test_events_are_told_one_message_an_hour_when_they_go_on() -> None:
    scene = Scene()
    for number in range(8):
        scene.report("rescue.used", "event", "warning", summary=f"use {number}")
        scene.wait(600)

    assert scene.kinds == [("events", "rescue.used")] * 2
    assert [part.events for part in scene.parts] == [1, 6]
    assert "6 times" in scene.subjects[1]
    assert all(f"use {number}" in scene.text(1) for number in range(2, 7))


def test_worse_is_told_at_once_when_less_was_told_within_the_hour() -> None:
    scene = Scene()
    for severity in ("warning", "critical", "warning", "critical"):
        scene.report("disk.full", "raised", severity)
        scene.wait(60)

    assert [part.severity for part in scene.parts] == ["warning", "critical"]


def test_flapping_line_gives_one_alert_a_cause_an_hour_when_it_flaps_for_a_day() -> None:
    random_ = random.Random(5)
    scene = Scene()
    causes = (LINE, "line.dns_dead", "ddns.unreachable:box.example.org")
    raised = dict.fromkeys(causes, False)
    flaps = Counter[str]()
    while scene.now < START + 24 * 3600:
        cause = random_.choice(causes)
        raised[cause] = not raised[cause]
        flaps[cause] += raised[cause]
        scene.report(cause, "raised" if raised[cause] else "cleared")
        scene.wait(random_.randint(5, 240), step_s=5)
    scene.wait(2 * 3600, step_s=5)

    assert min(flaps.values()) > 100
    for cause in causes:
        alerts = [at for at, message in scene.told for part in message.parts
                  if part.cause == cause and part.kind != "recovery"]  # fmt: skip
        ends = [part for part in scene.parts if part.cause == cause and part.kind == "recovery"]
        assert all(after - before >= QUIET_S for before, after in pairwise(alerts)), cause
        assert len(ends) <= len(alerts) <= 27
    told_of_line = [part for part in scene.parts if part.cause == LINE and part.kind != "recovery"]
    assert sum(part.ended for part in told_of_line) > 50  # those that were not told by themselves are counted
    assert len(scene.book.outbox.messages) <= MESSAGES_MAX


# root cause and consequence


def test_missing_address_is_folded_when_the_line_is_down() -> None:
    scene = Scene()
    scene.report(LINE, "raised")
    scene.wait(900)
    scene.report("ddns.address:ipv4", "raised", "warning")
    scene.wait(600)
    scene.report(LINE, "cleared")
    scene.wait(200)
    scene.report("ddns.address:ipv4", "cleared")
    scene.wait(2 * QUIET_S, step_s=20)

    assert scene.kinds == [("start", LINE), ("recovery", LINE)]


CONSEQUENCES = (
    "ddns.unpublished:box.example.org", "certificate.renewal:web", "mapping.failed:443", "clock.unsynchronized"
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    order=st.permutations([LINE, *CONSEQUENCES]),
    gaps=st.lists(st.floats(0, SETTLE_S / 5 - 0.1), min_size=5, max_size=5),
    restart_after=st.integers(0, 5),
)
def test_root_leads_and_the_rest_is_folded_whatever_the_order(
    order: list[str], gaps: list[float], restart_after: int
) -> None:
    scene = Scene()
    for number, (cause, gap) in enumerate(zip(order, gaps, strict=True)):
        scene.report(cause, "raised", "critical" if cause == LINE else "warning")
        scene.wait(gap)
        if number == restart_after:
            scene.restart()
    scene.wait(60)
    assert scene.kinds == [("start", LINE)]
    assert {one.cause for one in scene.parts[0].folded} == set(CONSEQUENCES)

    for cause, gap in zip(reversed(order), gaps, strict=True):
        scene.report(cause, "cleared")
        scene.wait(gap)
    scene.wait(2 * QUIET_S, step_s=20)

    assert scene.kinds == [("start", LINE), ("recovery", LINE)]
    assert {one.cause for one in scene.parts[1].folded} == set(CONSEQUENCES)
    assert not any(one.is_raised for one in scene.parts[1].folded)


@settings(max_examples=40, deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from([LINE, AWAY, *CONSEQUENCES, "rescue.used", "x.a", "x.b"]), st.booleans(),
                  st.integers(1, 2000)),
        max_size=25,
    ),
    links=st.lists(st.sampled_from(["x.a", "x.b", "x.c", LINE, ""]), min_size=25, max_size=25),
)  # fmt: skip
def test_nothing_stays_untold_whatever_is_reported(steps: list[tuple[str, bool, int]], links: list[str]) -> None:
    scene = Scene()
    reported: set[str] = set()
    for (cause, is_raised, wait_s), link in zip(steps, links, strict=False):
        because = {"because_of": link} if link else {}
        if cause == "rescue.used":
            scene.report(cause, "event", "warning")
            reported.add(cause)
        else:
            scene.report(cause, "raised" if is_raised else "cleared", "warning", **because)
            reported |= {cause} if is_raised else set()
        scene.wait(wait_s, step_s=20)
        if wait_s % 5 == 0:
            scene.restart()
    scene.wait(3 * QUIET_S, step_s=20)
    assert [case.cause for case in scene.book.cases.values() if case.is_raised and case.told == "no"] == []

    for cause in [cause for cause, case in scene.book.cases.items() if case.is_raised]:
        scene.report(cause, "cleared")
    scene.wait(3 * QUIET_S, step_s=20)

    told = {part.cause for part in scene.parts} | {one.cause for part in scene.parts for one in part.folded}
    assert told == reported
    assert [case.cause for case in scene.book.cases.values() if case.owed] == []
    starts = Counter(part.cause for part in scene.parts if part.kind == "start")
    ends = Counter(part.cause for part in scene.parts if part.kind == "recovery")
    assert not ends - starts


def test_consequence_is_told_by_itself_when_it_outlasts_its_root() -> None:
    scene = Scene()
    scene.report(AWAY, "raised")
    scene.report("backup.failed", "raised", "warning")
    scene.wait(60)
    scene.report(AWAY, "cleared")
    scene.wait(60)
    assert scene.kinds == [("start", AWAY), ("recovery", AWAY)]
    assert "Not well yet, and told again if it stays so:\n- Something is wrong with backup.failed" in scene.text(1)

    scene.wait(AFTERMATH_S + 60)

    assert scene.kinds[2:] == [("start", "backup.failed")]


def test_consequence_says_nothing_when_it_ends_soon_after_its_root() -> None:
    scene = Scene()
    scene.report(AWAY, "raised")
    scene.report("breaker.open:data", "raised", "warning")
    scene.wait(60)
    scene.report(AWAY, "cleared")
    scene.wait(60)
    scene.report("breaker.open:data", "cleared")
    scene.wait(2 * AFTERMATH_S)

    assert scene.kinds == [("start", AWAY), ("recovery", AWAY)]


def test_consequence_is_folded_by_its_own_word_when_no_rule_says_so() -> None:
    scene = Scene()
    scene.report("x.strange", "raised", "warning", because_of=LINE)
    scene.wait(3)
    scene.report(LINE, "raised")
    scene.wait(60)

    assert scene.kinds == [("start", LINE)]
    assert [one.cause for one in scene.parts[0].folded] == ["x.strange"]


def test_name_elsewhere_is_told_by_itself_when_the_other_family_has_no_address_for_good() -> None:
    scene = Scene()
    scene.report("ddns.address:ipv6", "raised", "warning")
    scene.wait(60)
    for _ in range(2):
        scene.report("line.name_elsewhere", "raised")
        scene.wait(60)
        scene.report("line.name_elsewhere", "cleared")
        scene.wait(QUIET_S, step_s=10)

    own = [("start", "line.name_elsewhere"), ("recovery", "line.name_elsewhere")]
    assert scene.kinds == [("start", "ddns.address:ipv6"), *own, *own]


def test_name_elsewhere_is_folded_when_its_update_is_refused() -> None:
    scene = Scene()
    scene.report("ddns.badauth:box.example.org", "raised")
    scene.report("line.name_elsewhere", "raised")
    scene.wait(60)

    assert scene.kinds == [("start", "ddns.badauth:box.example.org")]
    assert [one.cause for one in scene.parts[0].folded] == ["line.name_elsewhere"]


def test_closed_port_is_told_by_itself_when_the_router_maps_none_for_good() -> None:
    scene = Scene()
    scene.report("mapping.failed:443", "raised", "warning")
    scene.wait(60)
    scene.report("line.port_closed", "raised")
    scene.wait(60)
    scene.report("line.port_closed", "cleared")
    scene.wait(60)

    assert scene.kinds == [
        ("start", "mapping.failed:443"), ("start", "line.port_closed"), ("recovery", "line.port_closed")
    ]  # fmt: skip


def test_mapping_is_folded_when_its_port_is_closed_already() -> None:
    scene = Scene()
    scene.report("line.port_closed", "raised")
    scene.wait(900)
    scene.report("mapping.failed:443", "raised", "warning")
    scene.wait(60)
    scene.report("mapping.failed:443", "cleared")
    scene.report("line.port_closed", "cleared")
    scene.wait(60)

    assert scene.kinds == [("start", "line.port_closed"), ("recovery", "line.port_closed")]
    assert [one.cause for one in scene.parts[1].folded] == ["mapping.failed:443"]


def test_root_is_told_again_when_what_follows_turns_out_to_be_worse() -> None:
    scene = Scene()
    scene.report("line.slow", "raised", "warning")
    scene.wait(60)
    scene.report("ddns.badauth", "raised", "critical")
    scene.wait(60)

    assert [(part.cause, part.severity) for part in scene.parts] == [
        ("line.slow", "warning"),
        ("line.slow", "critical"),
    ]
    assert [one.cause for one in scene.parts[1].folded] == ["ddns.badauth"]


def test_rescue_use_is_told_by_itself_when_the_line_is_down() -> None:
    scene = Scene()
    scene.report(LINE, "raised")
    scene.report("rescue.used", "event", "warning")
    scene.wait(60)

    assert set(scene.kinds) == {("start", LINE), ("events", "rescue.used")}
    assert len(scene.told) == 1  # what is due together is one message


# what happened while nobody could be told


def test_outage_is_one_message_with_its_length_when_the_line_was_down() -> None:
    scene = Scene(now=datetime(2026, 11, 21, 14, 2, tzinfo=LONDON).timestamp())
    scene.is_reached = False
    scene.report(LINE, "raised", summary="The line is down")
    scene.wait(30)
    scene.book.outbox.failed("email", "no route", scene.now)
    scene.wait(11.5 * 60)
    scene.report(LINE, "cleared")
    scene.wait(SETTLE_S)
    scene.is_reached = True
    scene.wait(60)

    assert [message.parts[0].kind for _, message in scene.journal] == ["start", "recovery"]
    assert scene.kinds == [("recovery", LINE)]
    assert "from 14:02 on 21 Nov to 14:14" in scene.text(0)


def test_channel_is_tried_at_once_when_the_line_is_back() -> None:
    scene = Scene()
    for _ in range(9):
        scene.book.outbox.failed("email", "no route", scene.now)
    scene.report(LINE, "raised")
    scene.wait(20)
    assert scene.told == []

    scene.report(LINE, "cleared")
    scene.wait(SETTLE_S)

    assert scene.told


def test_waits_grow_to_a_quarter_of_an_hour_when_a_channel_keeps_failing() -> None:
    scene = Scene()
    scene.is_reached = False
    scene.report(LINE, "raised")
    scene.wait(20)
    waits = []
    for _ in range(8):
        scene.book.outbox.failed("email", "451 greylisted", scene.now)
        scene.restart()
        began = scene.now
        while scene.book.outbox.next("email", scene.now) is None:
            scene.now += 1
        waits.append(scene.now - began)

    assert waits == [30, 60, 120, 240, 480, 900, 900, 900]


def test_refused_message_is_tried_once_more_when_the_monitor_starts_anew_within_a_day() -> None:
    scene = Scene()
    scene.is_reached = False
    scene.report(LINE, "raised")
    scene.wait(20)
    (message,) = scene.book.outbox.messages
    scene.book.outbox.refused("email", message.id, "535 no")
    assert scene.book.outbox.next("email", scene.now) is None
    assert scene.book.shown()[0]["refused"] == {"email": "535 no"}

    scene.book.outbox.retry_refused(scene.now + 3600)
    assert scene.book.outbox.next("email", scene.now) is not None
    scene.book.outbox.refused("email", message.id, "535 no")
    scene.book.outbox.retry_refused(scene.now + 25 * 3600)
    assert scene.book.outbox.next("email", scene.now) is None


# quiet hours


@pytest.mark.parametrize(
    ("day", "zone"),
    [((2026, 3, 28), "Europe/London"), ((2026, 10, 24), "Europe/London"), ((2026, 7, 1), "Europe/London"),
     ((2026, 3, 7), "America/New_York")],
    ids=["spring", "autumn", "summer", "spring there"],
)  # fmt: skip
def test_quiet_hours_end_at_seven_on_the_wall_when_the_clocks_change(day: tuple[int, int, int], zone: str) -> None:
    place = ZoneInfo(zone)
    scene = Scene("22:00-07:00", place, datetime(*day, 21, 59, tzinfo=place).timestamp())
    scene.report("disk.full", "raised", "warning")
    scene.wait(120, step_s=10)
    scene.report("temperature.high", "raised", "warning")
    scene.wait(3600, step_s=30)
    scene.report("temperature.high", "cleared", "warning")
    scene.report("ban.added", "event", "info")
    scene.restart()
    scene.report(LINE, "raised", "critical")
    scene.wait(12 * 3600, step_s=30)

    assert [part.cause for part in scene.parts] == ["disk.full", LINE, "temperature.high", "ban.added"]
    times = [datetime.fromtimestamp(at, place) for at, _ in scene.told]
    assert [(time.hour, time.minute) for time in times[1:]] == [(23, 1), (7, 0)]
    assert [part.kind for part in scene.told[2][1].parts] == ["recovery", "events"]  # the start is in it
    assert (times[0].hour, times[0].minute) == (21, 59)


def test_end_of_what_woke_somebody_is_told_when_it_is_still_night() -> None:
    scene = Scene("22:00-07:00", LONDON, datetime(2026, 7, 1, 23, tzinfo=LONDON).timestamp())
    scene.report(LINE, "raised", "critical")
    scene.wait(600)
    scene.report(LINE, "cleared", "critical")
    scene.wait(60)

    assert scene.kinds == [("start", LINE), ("recovery", LINE)]


@pytest.mark.parametrize(("text", "quiet"), [("22:00-07:00", [*range(7), 22, 23]), ("01:00-03:00", [1, 2]), ("", []),
                                             ("05:00-05:00", [])])  # fmt: skip
def test_quiet_hours_are_those_of_the_setting(text: str, quiet: list[int]) -> None:
    hours = QuietHours.of(text, LONDON)

    day = [datetime(2026, 7, 1, hour, 30, tzinfo=LONDON).timestamp() for hour in range(24)]
    assert [hour for hour, at in enumerate(day) if hours.include(at)] == quiet


# floods and clocks


def test_memory_is_bounded_and_the_rest_counted_when_causes_come_in_a_flood() -> None:
    scene = Scene()
    scene.is_reached = False
    for number in range(10_000):
        scene.report(f"area{number % 300}.what:{number}", "raised", "info")
    scene.wait(30)

    assert len(scene.book.cases) == CASES_MAX + 1
    flood = next(part for _, message in scene.journal for part in message.parts if part.cause == FLOOD)
    assert flood.events == 10_000 - CASES_MAX
    assert len(scene.journal) <= 2
    assert len(json.dumps(scene.book.as_json())) < 500_000


def test_subjects_of_one_kind_leave_room_for_others_when_they_come_in_a_flood() -> None:
    scene = Scene()
    for number in range(1000):
        scene.report(f"ban.added:{number}", "raised", "info")
    scene.report("disk.full", "raised", "critical")
    scene.wait(30)

    assert ("start", "disk.full") in scene.kinds
    assert sum(part.events for part in scene.parts if part.cause == FLOOD) == 1000 - 24


def test_outbox_is_bounded_and_says_so_when_nothing_can_be_sent() -> None:
    scene = Scene()
    scene.is_reached = False
    for number in range(MESSAGES_MAX + 20):
        scene.report(f"x.y{number}", "event", "critical" if number == 0 else "info")
        scene.wait(20, step_s=10)

    messages = scene.book.outbox.messages
    assert len(messages) == MESSAGES_MAX
    assert messages[0].severity == "critical"
    told = sum(part.events for _, message in scene.journal for part in message.parts if part.cause == FLOOD)
    assert told + scene.book.cases[FLOOD].events == 20


def test_alerts_go_on_when_the_clock_is_set_back_by_years() -> None:
    scene = Scene()
    scene.report("x.y", "event", "warning")
    scene.wait(20)
    scene.book.outbox.failed("email", "away", scene.now)
    scene.now -= 10 * 365 * 86400
    scene.report("x.y", "event", "warning")
    scene.wait(20)

    assert len(scene.told) == 2


def test_snapshot_shows_the_newest_first_and_when_they_were_delivered() -> None:
    scene = Scene()
    scene.report("x.y", "raised", "warning")
    scene.wait(60)
    scene.report("rescue.used", "event", "warning")

    shown = scene.book.shown()

    assert [(one["cause"], one["state"]) for one in shown] == [("rescue.used", "cleared"), ("x.y", "raised")]
    assert shown[0]["delivered"] == {"journal": None, "email": None}
    assert shown[1]["delivered"] == {"journal": START + SETTLE_S, "email": START + SETTLE_S}
    assert set(shown[1]) == {"cause", "severity", "state", "summary", "raised", "cleared", "delivered", "refused"}
