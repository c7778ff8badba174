"""Whether bans are in force, and who was banned: told once an hour, not one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from gateway.alerts.report import Report
from gateway.alerts.watches.condition import Condition, Watch
from gateway.alerts.watches.facts import Ban, Facts
from gateway.alerts.watches.settings import Settings

NEW_BANS: Final = "bans.new"
_SHOWN_MAX: Final = 20
REMEMBERED_MAX: Final = 1000


def _look(facts: Facts, settings: Settings) -> list[Condition]:
    if facts.bans is None:
        return []
    if facts.bans.refusal:
        summary = f"The ban helper does not answer: {facts.bans.refusal}"
        detail = "Nobody is banned anew: systemctl status bans.socket bans"
        return [Condition("bans.silent", "warning", summary, detail, after_s=settings.bans_silent_s)]
    if not facts.bans.in_force:
        detail = "The firewall's table is missing: systemctl status nftables"
        summary = "Bans are not in force"
        return [Condition("bans.powerless", "critical", summary, detail, after_s=settings.bans_silent_s)]
    return []


def _knows(facts: Facts, cause: str) -> bool:
    return facts.bans is not None and (cause == "bans.silent" or not facts.bans.refusal)


WATCH = Watch(("bans.silent", "bans.powerless"), _look, _knows)


class NewBans:
    """Remembers the bans it is shown, and makes one report an hour of the new ones: most are over by then.

    What began until ``since`` (Unix time, an hour ago at most) is told already.
    """

    def __init__(self, since: float, every_s: float) -> None:
        self._told_at = self._after = since
        self._every_s = every_s
        self._known: dict[tuple[str, float], Ban] = {}
        """The newest :data:`REMEMBERED_MAX`, by address and beginning: an address may be banned again."""
        self._untold: set[tuple[str, float]] = set()
        self._uncounted = 0
        """How many more there were to tell than are remembered."""

    def report(self, bans: Iterable[Ban], now: float) -> Report | None:
        """Take the bans that there are, and return what to tell now; None before the hour is over, and of nobody.

        Until it is :meth:`told`, the next call returns it again, with what came meanwhile.
        """
        self._told_at, self._after = min(self._told_at, now), min(self._after, now)  # the clock may have been set back
        self._remember(bans)
        if now - self._told_at < self._every_s:
            return None
        new = sorted((self._known[key] for key in self._untold), key=lambda ban: (-ban.began, ban.address))
        if not new:
            self._told_at = now
            return None
        reasons = ", ".join(f"{reason} {count}" for reason, count in Counter(ban.reason for ban in new).most_common())
        lines = [f"{ban.address}: {ban.reason}" for ban in new[:_SHOWN_MAX]]
        count = len(new) + self._uncounted
        if count > len(lines):
            lines.append(f"and {count - len(lines)} more")
        who = "One address was" if count == 1 else f"{count} addresses were"
        return Report(NEW_BANS, "event", "info", f"{who} banned in the last hour ({reasons})", "\n".join(lines), at=now)

    def told(self, at: float) -> None:
        """Take down that the report of that time is where it cannot be lost."""
        self._told_at = at
        self._untold.clear()
        self._uncounted = 0

    def _remember(self, bans: Iterable[Ban]) -> None:
        for ban in bans:
            key = (ban.address, ban.began)
            if ban.began > self._after and key not in self._known:
                self._known[key] = ban
                self._untold.add(key)
        if (too_many := len(self._known) - REMEMBERED_MAX) <= 0:
            return
        for key in sorted(self._known, key=lambda key: key[1])[:too_many]:
            del self._known[key]
            self._after = max(self._after, key[1])
            if key in self._untold:
                self._untold.discard(key)
                self._uncounted += 1
