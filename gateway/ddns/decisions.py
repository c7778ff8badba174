"""When an update is sent, and when not: given what happened so far, what is wanted, and the time. No I/O, no clock.

The providers' rules have one thing in common: an update that changes nothing is abuse, and so is going on after an
error that only the owner can mend. Each provider's :class:`Rules` say the rest, with their source.

Times are Unix seconds. A Pi has no clock chip: :func:`settled` brings times that lie ahead of ``now`` back to it, so
that a clock that ran ahead and was set back blocks nothing for years.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from gateway.ddns.answers import ACCEPTED, FINAL, Answer, Kind
from gateway.ddns.families import Address

REFRESH_S: Final = 25 * 86_400.0
"""Providers that forget idle names do so after 28 days at the earliest."""
TROUBLE_WAIT_S: Final = 1800.0
"""dyndns2: after ``911`` not before 30 minutes (https://www.noip.com/integrate/response)."""
WAIT_MAX_S: Final = 86_400.0
UNREACHABLE_WAIT_S: Final = 30.0
UNREACHABLE_WAIT_MAX_S: Final = 900.0
RATE_WAIT_S: Final = 300.0
REPEAT_S: Final = 600.0
"""An owner who asks for updates of an unchanged address gets one so often, where the provider's rules allow it."""
NO_CHANGES_MAX: Final = 3
"""So many changes in a row that the provider calls none: it takes our address from elsewhere, and will block us."""

VERIFY_AFTER_S: Final = (2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
"""Waits between questions to the authoritative servers after an update; afterwards the last, until it took."""
VERIFY_AGAIN_S: Final = 86_400.0
LATE_S: Final = 600.0
"""An update that the authoritative servers do not show after so long did not take."""


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``count`` requests in any ``seconds``."""

    count: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Rules:
    """What one provider allows."""

    limits: tuple[Limit, ...]
    refresh_after_s: float | None = REFRESH_S
    """An unchanged address is sent again after so long, lest the name expires. None: never."""
    repeats: bool = True
    """Whether an unchanged address may be sent because its owner asks, although the record shows it."""
    per_account: bool = False
    """Whether the limits count all names of one credential together, rather than each name and family alone."""
    together: bool = False
    """Whether one request may carry both families."""


@dataclass(frozen=True, slots=True)
class Block:
    """An error that nothing is sent after, until the settings change or the owner asks for an update."""

    kind: Kind
    reason: str
    since: float


@dataclass(frozen=True, slots=True)
class Progress:
    """What is known of one name in one family. This is what persists."""

    fingerprint: str
    published: str | None = None
    """The address that the provider accepted last."""
    changed: float | None = None
    accepted: float | None = None
    block: Block | None = None
    tried: str | None = None
    """The address of the last attempt, where that failed."""
    trouble: Kind | None = None
    reason: str = ""
    failures: int = 0
    not_before: float = 0.0
    forced: bool = False
    no_changes: int = 0
    verified: float | None = None
    verify_at: float | None = None
    verifications: int = 0
    doubt: str = ""
    """What the authoritative servers say instead."""


class Action(StrEnum):
    SEND = "send"
    VERIFY = "verify"
    REST = "rest"


class State(StrEnum):
    """What the owner is told of a name."""

    CURRENT = "current"
    UPDATING = "updating"
    WAITING = "waiting"
    REFUSED = "refused"
    OFF = "off"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class Decision:
    action: Action
    state: State
    reason: str
    next_at: float | None
    """When to decide anew, where nothing happens before. None: never."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The address that the name should lead to, or why there is none."""

    address: Address | None
    reason: str = ""
    refused: bool = False
    """Whether there is an address, and it must not be published."""
    dispensable: bool = False
    """Whether the name does without it: nobody asked for this family by name, and the other one is no worse off."""


def adopted(progress: Progress | None, fingerprint: str) -> Progress:
    """Return what is known of a name with these settings: nothing, where they are not those of before."""
    return progress if progress is not None and progress.fingerprint == fingerprint else Progress(fingerprint)


def settled(progress: Progress, now: float) -> Progress:
    """Return ``progress`` without times that cannot be: a time past ``now``, a wait longer than the longest."""

    def past(at: float | None) -> float | None:
        return None if at is None else min(at, now)

    latest = now + WAIT_MAX_S
    return replace(
        progress,
        changed=past(progress.changed),
        accepted=past(progress.accepted),
        verified=past(progress.verified),
        not_before=min(progress.not_before, latest),
        verify_at=None if progress.verify_at is None else min(progress.verify_at, latest),
    )


def settled_sends(sends: Sequence[float], rules: Rules, now: float) -> tuple[float, ...]:
    """Return the requests that still count toward the limits, none of them later than ``now``."""
    longest_s = max(limit.seconds for limit in rules.limits)
    most = max(limit.count for limit in rules.limits)
    return tuple(min(at, now) for at in sends if at > now - longest_s)[-most:]


def forced(progress: Progress) -> Progress:
    """Return ``progress`` of a name whose owner asks for an update: what the provider asked to wait for still holds.

    The authoritative servers are asked at once, for they say whether there is anything to update.
    """
    asked_to_wait = progress.trouble in {Kind.TROUBLE, Kind.RATE_LIMITED}
    return replace(
        progress, forced=True, block=None, not_before=progress.not_before if asked_to_wait else 0.0,
        verify_at=None if progress.verify_at is None else 0.0,
    )  # fmt: skip


def blocked_with(progress: Progress, answer: Answer, now: float) -> Progress:
    """Return ``progress`` of a name that a final ``answer`` to another name or family holds for as well."""
    return progress if progress.block else replace(progress, block=Block(answer.kind, answer.reason, now), forced=False)


def decide(progress: Progress, rules: Rules, sends: Sequence[float], wanted: Wanted, now: float) -> Decision:
    """Say what to do now about one name in one family. ``sends``: when requests that share its limits were sent."""
    if progress.block is not None:
        return Decision(Action.REST, State.BLOCKED, progress.block.reason, None)
    if wanted.address is None and wanted.dispensable and progress.published is None:
        return Decision(Action.REST, State.OFF, wanted.reason, None)
    if wanted.address is None:
        return Decision(Action.REST, State.REFUSED if wanted.refused else State.WAITING, wanted.reason, None)
    due = _due(progress, rules, str(wanted.address), now)
    if due > now:
        return _current(progress, due, now)
    earliest = max(_not_before(progress, str(wanted.address)), _free(rules, sends, now))
    if earliest > now:
        reason = progress.reason or "another update was sent a moment ago"
        return Decision(Action.REST, State.WAITING, reason, earliest)
    return Decision(Action.SEND, State.UPDATING, "being sent", now)


def _due(progress: Progress, rules: Rules, wanted: str, now: float) -> float:
    """Return from when on an update is called for; infinity for never."""
    if progress.published != wanted or progress.accepted is None:
        return now
    due = float("inf") if rules.refresh_after_s is None else progress.accepted + rules.refresh_after_s
    is_asked_for = progress.forced and (rules.repeats or progress.doubt)
    return min(due, progress.accepted + REPEAT_S) if is_asked_for else due


def _current(progress: Progress, due: float, now: float) -> Decision:
    state = State.UPDATING if progress.verified is None else State.CURRENT
    reason = progress.doubt or ("" if progress.verified else "the authoritative servers do not show it yet")
    if progress.verify_at is not None and progress.verify_at <= now:
        return Decision(Action.VERIFY, state, reason, now)
    next_at = due if progress.verify_at is None else min(due, progress.verify_at)
    return Decision(Action.REST, state, reason, None if next_at == float("inf") else next_at)


def _not_before(progress: Progress, wanted: str) -> float:
    # a provider that was out of reach asked for no patience: a new address is a new chance
    if progress.trouble is Kind.UNREACHABLE and progress.tried != wanted:
        return 0.0
    return progress.not_before


def _free(rules: Rules, sends: Sequence[float], now: float) -> float:
    """Return from when on the limits allow one more request."""
    earliest = 0.0
    for limit in rules.limits:
        within = sorted(at for at in sends if at > now - limit.seconds)
        if len(within) >= limit.count:
            earliest = max(earliest, within[-limit.count] + limit.seconds)
    return earliest


def learned(progress: Progress, answer: Answer, address: Address, now: float) -> Progress:
    """Return ``progress`` after ``answer`` to an update with ``address``."""
    sent = str(address)
    if answer.kind in ACCEPTED:
        return _accepted(progress, answer, sent, now)
    if answer.kind in FINAL:
        block = Block(answer.kind, answer.reason, now)
        return replace(progress, block=block, reason=answer.reason, tried=sent, trouble=answer.kind, forced=False)
    failures = progress.failures + 1 if progress.trouble is answer.kind else 1
    return replace(
        progress, failures=failures, trouble=answer.kind, reason=answer.reason, tried=sent,
        not_before=now + _wait_s(answer, failures),
    )  # fmt: skip


def _accepted(progress: Progress, answer: Answer, sent: str, now: float) -> Progress:
    differs = progress.published is not None and progress.published != sent
    no_changes = progress.no_changes + 1 if differs and answer.kind is Kind.UNCHANGED else 0
    block = None
    if no_changes >= NO_CHANGES_MAX:
        reason = f"the provider says {no_changes} times in a row that a new address changes nothing: it ignores ours"
        block = Block(Kind.REFUSED, reason, now)
    return Progress(
        fingerprint=progress.fingerprint,
        published=sent,
        changed=progress.changed if progress.published == sent else now,
        accepted=now,
        block=block,
        no_changes=no_changes,
        verify_at=now + VERIFY_AFTER_S[0],
    )


def _wait_s(answer: Answer, failures: int) -> float:
    first, most = {
        Kind.TROUBLE: (TROUBLE_WAIT_S, WAIT_MAX_S),
        Kind.RATE_LIMITED: (RATE_WAIT_S, WAIT_MAX_S),
    }.get(answer.kind, (UNREACHABLE_WAIT_S, UNREACHABLE_WAIT_MAX_S))
    doubled = first * 2.0 ** min(failures - 1, 16)
    return min(max(doubled, answer.retry_after_s or 0.0), most)


def looked(progress: Progress, doubt: str | None, now: float) -> Progress:
    """Return ``progress`` after an answer of the authoritative servers: None where they show what was published."""
    if doubt is None:
        return replace(progress, verified=now, verify_at=now + VERIFY_AGAIN_S, verifications=0, doubt="")
    return replace(unlooked(progress, now), verified=None, doubt=doubt)


def unlooked(progress: Progress, now: float) -> Progress:
    """Return ``progress`` after a question that no authoritative server answered: what was known stays."""
    asked = progress.verifications + 1
    return replace(progress, verifications=asked, verify_at=now + VERIFY_AFTER_S[min(asked, len(VERIFY_AFTER_S) - 1)])


def is_late(progress: Progress, now: float) -> bool:
    """Say whether the authoritative servers should have shown by now what was published."""
    return bool(progress.doubt) and progress.accepted is not None and now - progress.accepted >= LATE_S
