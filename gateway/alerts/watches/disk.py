"""Whether a host's disk fills up."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.alerts.watches.condition import Condition, Watch, of_host
from gateway.alerts.watches.facts import Facts
from gateway.alerts.watches.settings import Settings


def _look(facts: Facts, settings: Settings) -> Iterator[Condition]:
    for host in facts.hosts:
        share = host.disk_free_share
        if severity := settings.of_disk(share):
            yield Condition(
                cause=f"disk.low:{host.host}",
                severity=severity,
                summary=f"The disk of the {host.host} is almost full: {share:.0%} is free",
                detail="du -xh / | sort -h | tail -20 says what takes the room.",
                host=host.host,
            )


WATCH = Watch(("disk.low",), _look, of_host)
