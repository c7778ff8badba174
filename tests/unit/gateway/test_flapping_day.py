"""A line and a keep that come and go for a day: what the owner hears of it, from the looks to the mails."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import pytest

from gateway.alerts.book import Book
from gateway.alerts.case import QUIET_S
from gateway.alerts.message import Message
from gateway.alerts.outbox import Outbox
from gateway.alerts.quiet import QuietHours
from gateway.alerts.report import Report
from gateway.connectivity.findings import KEEP, Finding, Rung
from tests.unit.gateway.connectivity.test_watch import AWAY, CABLE, DNS_DEAD, Scene

HOUR_S: Final = 3600.0
STEP_S: Final = 5.0
OUTAGES: Final[tuple[Mapping[Rung, Finding], ...]] = ({Rung.LINK: CABLE}, {Rung.DNS: DNS_DEAD}, {Rung.BRIDGE: AWAY})


class Day:
    """A watch whose reports go into a book; mail goes out while the line is up."""

    def __init__(self, folder: Path) -> None:
        self.scene = Scene(folder)
        self.book = Book("b", QuietHours(ZoneInfo("Europe/London")), Outbox(("journal", "email")))
        self.logged: list[tuple[float, Message]] = []
        self.mailed: list[tuple[float, Message]] = []
        self._taken = 0

    @property
    def now(self) -> float:
        return self.scene.clock.time()

    def look(self, bad: Mapping[Rung, Finding], *, times: int) -> None:
        for _ in range(times):
            self.scene.look(dict(bad), every_s=STEP_S)
            for report in self.scene.reports[self._taken :]:
                self.book.take(Report(**asdict(report)), self.now)
            self._taken = len(self.scene.reports)
            self.book.compose(self.now)
            self._deliver("journal", self.logged)
            if not bad.keys() - set(KEEP):
                self._deliver("email", self.mailed)

    def _deliver(self, channel: str, told: list[tuple[float, Message]]) -> None:
        while (message := self.book.outbox.next(channel, self.now)) is not None:
            told.append((self.now, message))
            self.book.outbox.delivered(channel, message.id, self.now)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_owner_hears_of_each_cause_once_an_hour_when_line_and_keep_flap_for_a_day(tmp_path: Path, seed: int) -> None:
    chance, day = random.Random(seed), Day(tmp_path)
    end, happened = day.now + 24 * HOUR_S, 0
    while day.now < end:
        day.look({}, times=chance.randint(6, 200))
        day.look(chance.choice(OUTAGES), times=chance.randint(3, 60))
        happened += 1
    day.look({}, times=int(2 * HOUR_S / STEP_S))

    outages = day.scene.journal.outages(day.now)
    assert (len(outages), day.scene.journal.lasting("outage")) == (happened, [])
    assert happened > 100
    for told in (day.logged, day.mailed):
        causes = {part.cause for _, message in told for part in message.parts}
        assert {"line.line_flapping", "line.keep_flapping"} <= causes
        for cause in causes:
            alerts = [
                message.made
                for _, message in told
                if any(part.cause == cause and part.kind != "recovery" for part in message.parts)
            ]
            assert all(after - before >= QUIET_S for before, after in pairwise(alerts)), cause
            assert len(alerts) <= 25
    assert len(day.mailed) == len(day.logged) < happened
