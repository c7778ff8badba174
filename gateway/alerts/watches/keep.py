"""Whether the keep says how it is. That the line to it is cut is told by the ladder, and folds this in."""

from __future__ import annotations

from gateway.alerts.watches.condition import Condition, Watch, always
from gateway.alerts.watches.facts import Facts
from gateway.alerts.watches.settings import Settings


def _look(facts: Facts, settings: Settings) -> list[Condition]:
    if not facts.keep_refusal:
        return []
    return [
        Condition(
            cause="keep.silent",
            severity="warning",
            summary=f"The keep does not say how it is: {facts.keep_refusal}",
            detail="Nobody watches its backup, disk, units and reports meanwhile.",
            host="keep",
            after_s=settings.keep_silent_s,
        )
    ]


WATCH = Watch(("keep.silent",), _look, always)
