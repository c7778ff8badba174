"""Whether there is a backup of today, and whether the last drill found that it can be restored."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from gateway.alerts.watches.condition import Condition, Watch, of_keep
from gateway.alerts.watches.facts import BackupFacts, Facts
from gateway.alerts.watches.settings import Settings

_FIRST_S: Final = 26 * 3600.0
"""A keep that was just set up has its first backup and drill still before it."""


def _look(facts: Facts, settings: Settings) -> Iterator[Condition]:
    if facts.keep is not None and facts.keep.backup is not None:
        yield from _wrong(facts.keep.backup, facts.now, settings)


def _wrong(backup: BackupFacts, now: float, settings: Settings) -> Iterator[Condition]:
    if backup.last is None:
        yield Condition(
            "backup.none", "critical", "There is no backup", backup.detail, "keep",
            after_s=0.0 if backup.detail else _FIRST_S,
        )  # fmt: skip
    elif not backup.last_ok:
        yield Condition("backup.failed", "critical", "The last backup failed", backup.detail, "keep")
    elif severity := settings.of_backup(now - backup.last):
        summary = f"The last backup is {(now - backup.last) / 3600:.0f} hours old"
        yield Condition("backup.old", severity, summary, backup.detail, "keep")
    if backup.drill is None:
        summary = "No drill has shown that the backup can be restored"
        yield Condition("backup.undrilled", "warning", summary, "", "keep", after_s=settings.drill_age_max_s)
    elif not backup.drill_ok:
        summary = "The last drill could not restore the backup"
        yield Condition("backup.drill_failed", "critical", summary, backup.detail, "keep")
    elif severity := settings.of_drill(now - backup.drill):
        summary = f"The last drill was {(now - backup.drill) / 86_400:.0f} days ago"
        yield Condition("backup.drill_old", severity, summary, "", "keep")


WATCH: Final = Watch(
    ("backup.none", "backup.failed", "backup.old", "backup.undrilled", "backup.drill_failed", "backup.drill_old"),
    _look,
    of_keep,
)
