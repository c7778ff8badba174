"""Whether bans are in force, and who was banned: told once an hour, not one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from gateway.alerts.report import Report
from gateway.alerts.watches.condition import Condition, Watch
from gateway.alerts.watches.facts import Ban, Facts
from gateway.alerts.watches.settings import Settings

_SHOWN_MAX = 20


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
    """Makes one report an hour of the bans that began since the last."""

    def __init__(self, now: float, every_s: float) -> None:
        self._told_until = now
        self._every_s = every_s

    def report(self, bans: Iterable[Ban], now: float) -> Report | None:
        """Return what to tell now; None before the hour is over, and where nobody was banned in it."""
        self._told_until = min(self._told_until, now)  # the clock may have been set back
        if now - self._told_until < self._every_s:
            return None
        since, self._told_until = self._told_until, now
        new = sorted((ban for ban in bans if since <= ban.began < now), key=lambda ban: -ban.began)
        if not new:
            return None
        reasons = ", ".join(f"{reason} {count}" for reason, count in Counter(ban.reason for ban in new).most_common())
        lines = [f"{ban.address}: {ban.reason}" for ban in new[:_SHOWN_MAX]]
        if len(new) > _SHOWN_MAX:
            lines.append(f"and {len(new) - _SHOWN_MAX} more")
        who = "One address was" if len(new) == 1 else f"{len(new)} addresses were"
        return Report(
            "bans.new", "event", "info", f"{who} banned in the last hour ({reasons})", "\n".join(lines), at=now
        )
