"""The rotation of message keys, driven from the keep over the rescue path: no call is lost, and it may be interrupted.

The order, and why, is ``bridge/keys.py``'s. What to do next follows from the key ids of both hosts alone, so that a
rotation that was cut off anywhere goes on where it was.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final, Protocol

from rescue.commands import Say
from rescue.ours import StepFailed

SETTLE_S: Final = 5.0
"""Several times what a running process takes to see that its files changed."""

Ids = Mapping[str, str]
"""One host's generations: previous, current, next → key id."""


class Step(StrEnum):
    STAGE_AT_AGENT = "stage at the agent"
    STAGE_AT_UNIT = "stage at the unit"
    PROMOTE_AT_UNIT = "promote at the unit"
    PROMOTE_AT_AGENT = "promote at the agent"
    RETIRE_AT_UNIT = "retire at the unit"
    RETIRE_AT_AGENT = "retire at the agent"

    @property
    def needs_settling(self) -> bool:
        """Whether both processes must have read their files again before this step, or a call could be lost."""
        return self in {Step.PROMOTE_AT_UNIT, Step.RETIRE_AT_UNIT}


class Side(Protocol):
    """One host's message keys."""

    def ids(self) -> Ids: ...

    def offer(self) -> bytes:
        """Stage a new generation, unless one is staged, and return it."""
        ...

    def take(self, generation: bytes) -> None: ...

    def promote(self) -> None: ...

    def retire(self) -> None: ...


def step_under_way(agent: Ids, unit: Ids) -> Step | None:
    """Return the step that follows in a rotation that has begun, or None where both hold one same generation.

    Raises :class:`StepFailed` where the two share no way forward.
    """
    current, staged = agent.get("current"), agent.get("next")
    if staged:
        if unit.get("current") == staged:
            return Step.PROMOTE_AT_AGENT
        if current and unit.get("current") == current:
            return Step.PROMOTE_AT_UNIT if unit.get("next") == staged else Step.STAGE_AT_UNIT
    elif current and unit.get("current") == current and "next" not in unit:
        if "previous" in unit:
            return Step.RETIRE_AT_UNIT
        return Step.RETIRE_AT_AGENT if "previous" in agent else None
    msg = "the two hosts' keys do not belong to one rotation: readmit-door gives both new ones"
    raise StepFailed(msg)


def after(step: Step, agent: Ids, unit: Ids, *, staged: str) -> tuple[Ids, Ids]:
    """Return both hosts' generations after ``step``; ``staged`` is the new generation's key id."""
    match step:
        case Step.STAGE_AT_AGENT:
            return {**agent, "next": staged}, unit
        case Step.STAGE_AT_UNIT:
            return agent, {**unit, "next": staged}
        case Step.PROMOTE_AT_UNIT:
            return agent, _promoted(unit)
        case Step.PROMOTE_AT_AGENT:
            return _promoted(agent), unit
        case Step.RETIRE_AT_UNIT:
            return agent, {"current": unit["current"]}
    return {"current": agent["current"]}, unit


def rotate(agent: Side, unit: Side, say: Say, sleep: Callable[[float], None] = time.sleep) -> None:
    """Replace the keys, or finish a rotation that was interrupted. Raises :class:`StepFailed`."""
    ids = agent.ids(), unit.ids()
    step = step_under_way(*ids) or Step.STAGE_AT_AGENT
    offered = b""
    while True:
        if step.needs_settling:
            say(f"waiting {SETTLE_S:g} s for both hosts' services to read their keys")
            sleep(SETTLE_S)
        if step in {Step.STAGE_AT_AGENT, Step.STAGE_AT_UNIT}:
            offered = offered or agent.offer()
        _do(step, agent, unit, offered)
        say(step.value)
        ids = after(step, *ids, staged=key_id_of(offered) if offered else "")
        following = step_under_way(*ids)
        if following is None:
            break
        step = following
    if step_under_way(agent.ids(), unit.ids()) is not None:
        msg = "somebody else changed the keys meanwhile: rotate-keys again"
        raise StepFailed(msg)
    say(f"rotated to {ids[0]['current']}")


def key_id_of(offered: bytes) -> str:
    """Return the key id of what ``bridge keys offer`` printed. Raises :class:`StepFailed`."""
    try:
        [ring] = json.loads(offered).values()
        return str(ring["current"]["key_id"])
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        msg = "bridge keys offer printed no generation"
        raise StepFailed(msg) from error


def _promoted(ids: Ids) -> Ids:
    return {"previous": ids["current"], "current": ids["next"]}


def _do(step: Step, agent: Side, unit: Side, offered: bytes) -> None:
    match step:
        case Step.STAGE_AT_AGENT:
            pass  # the offer has staged it
        case Step.STAGE_AT_UNIT:
            unit.take(offered)
        case Step.PROMOTE_AT_UNIT:
            unit.promote()
        case Step.PROMOTE_AT_AGENT:
            agent.promote()
        case Step.RETIRE_AT_UNIT:
            unit.retire()
        case Step.RETIRE_AT_AGENT:
            agent.retire()
