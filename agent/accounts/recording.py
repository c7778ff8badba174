"""How what is done to accounts gets into the audit trail."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from agent import audit
from agent.audit import Entry, Outcome
from agent.db.pools import Transaction
from bridge.contracts.operation import Operation
from bridge.server import CallerContext


async def record(
    transaction: Transaction,
    operation: Operation[Any, Any],
    context: CallerContext,
    now: datetime,
    user_id: UUID | None,
    *,
    entity: str = "account",
    entity_id: str | None = None,
    old: Mapping[str, object] | None = None,
    new: Mapping[str, object] | None = None,
    outcome: Outcome = Outcome.DONE,
) -> None:
    """Add the entry of a call that did something to an account; the last thing that its transaction does.

    ``user_id`` is whose data ``old`` and ``new`` are, and what it was done to unless ``entity_id`` says otherwise.
    """
    entry = Entry(
        operation=operation.name,
        at=now,
        actor=audit.actor_of(context.caller),
        entity=entity,
        entity_id=str(user_id or "") if entity_id is None else entity_id,
        outcome=outcome,
        subject_id=user_id,
        request_id=context.request_id,
        old=old,
        new=new,
    )
    await audit.append(transaction, entry)


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return old and new values of what differs, but for what only says that something did."""
    names = [name for name in after if name in before and before[name] != after[name]]
    told = [name for name in names if name not in {"version", "updated_at"}]
    return {name: before[name] for name in told}, {name: after[name] for name in told}
