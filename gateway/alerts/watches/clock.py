"""Whether the hosts' clocks are right, and agree. A Pi has no clock chip."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.alerts.watches.condition import Condition, Watch, of_host
from gateway.alerts.watches.facts import Facts
from gateway.alerts.watches.settings import Settings

_OFFSET_S = 300.0


def _look(facts: Facts, settings: Settings) -> Iterator[Condition]:
    for host in facts.hosts:
        if host.clock_synchronized is False:
            yield Condition(
                cause=f"clock.unsynchronized:{host.host}",
                severity="warning",
                summary=f"Nobody sets the clock of the {host.host}",
                detail="timedatectl timesync-status says whom it asks.",
                host=host.host,
                after_s=settings.unsynchronized_s,
            )
    if facts.keep is not None:
        offset_s = facts.keep.host.at - facts.keep.heard_at
        if abs(offset_s) > settings.clock_offset_s:
            yield Condition(
                cause="clock.apart:keep",
                severity="warning",
                summary=f"The clocks of the hosts are {abs(offset_s):.0f} s apart",
                detail=f"The keep's is {'ahead' if offset_s > 0 else 'behind'}. Calls go on: they go by the keep's.",
                host="keep",
                after_s=_OFFSET_S,
            )


WATCH = Watch(("clock.unsynchronized", "clock.apart"), _look, of_host)
