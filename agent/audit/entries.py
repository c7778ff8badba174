"""What one entry says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from bridge.server import AnonymousCaller, Caller, MachineCaller


class Outcome(StrEnum):
    """Whether it was done, or was tried and refused."""

    DONE = "done"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it. ``kind`` is ``user``, ``anonymous``, ``owner`` (a command on the RPI3) or ``machine:<unit>``."""

    kind: str
    user_id: UUID | None = None
    session_id: UUID | None = None


ANONYMOUS: Final = Actor("anonymous")
OWNER: Final = Actor("owner")


def actor_of(caller: Caller) -> Actor:
    """Return who a call of the bridge comes from."""
    if isinstance(caller, AnonymousCaller):
        return ANONYMOUS
    if isinstance(caller, MachineCaller):
        return Actor(f"machine:{caller.unit}")
    return Actor("user", caller.user_id, caller.session_id)


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that was done: by whom, when, in which call, to what.

    ``operation`` is the contract's name, or the owner's command. ``entity`` is a kind (``account``, ``session``,
    ``grant``, …) and ``entity_id`` which one; both stay for ever, so neither is an e-mail address or a name.

    ``old`` and ``new`` hold what changed, and ``why`` a reason that somebody gave. They may be personal, and are kept
    so that they can be erased with the account ``subject_id`` (:func:`agent.audit.trail.erase`). No password, token or
    health text belongs in them. What is there without a ``subject_id`` cannot be erased.
    """

    operation: str
    at: datetime
    actor: Actor
    entity: str
    entity_id: str = ""
    outcome: Outcome = Outcome.DONE
    subject_id: UUID | None = None
    request_id: str = ""
    old: Mapping[str, object] | None = None
    new: Mapping[str, object] | None = None
    why: str = ""

    @property
    def payload(self) -> str | None:
        """What can be erased, as JSON with the keys in order; None where there is nothing."""
        parts = {"new": self.new, "old": self.old, "why": self.why or None}
        given = {name: part for name, part in parts.items() if part is not None}
        if not given:
            return None
        return json.dumps(given, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str)


@dataclass(frozen=True, slots=True)
class Head:
    """The newest entry of a chain: its number, counted from 1, and its hash, which stands for all before it too."""

    number: int
    hash: bytes
