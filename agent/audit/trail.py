"""Adding to the audit trail, and taking a person's payloads out of it."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime
from typing import Final
from uuid import UUID

from agent.audit.entries import Actor, Entry, Head
from agent.audit.statements import QUERIES
from agent.db.pools import Transaction

SALT_BYTES: Final = 16

ERASE: Final = "audit.erase"
"""The operation of the entry that says an account's payloads were erased. Verification asks for it."""


async def append(transaction: Transaction, entry: Entry) -> Head:
    """Add an entry, and return the head of the chain as it will be once the transaction commits.

    The last thing a transaction does: from here to its end nobody else can append, and a transaction that then waits
    for a row could be waiting for one of those who wait for it. Several entries one after the other are fine.
    """
    payload = entry.payload
    salt = digest = None
    if payload is not None:
        salt = secrets.token_bytes(SALT_BYTES)
        digest = payload_digest(salt, payload)
    actor = entry.actor
    row = await transaction.fetchrow(
        QUERIES["append"], entry.at, actor.kind, actor.user_id, actor.session_id, entry.operation, entry.outcome.value,
        entry.entity, entry.entity_id, entry.subject_id, entry.request_id, digest, salt, payload,
    )  # fmt: skip
    if row is None:  # RETURNING gives a row, or the statement raises
        raise AssertionError
    return Head(row["number"], row["hash"])


async def erase(
    transaction: Transaction, subject_id: UUID, *, actor: Actor, at: datetime, request_id: str = "", why: str = ""
) -> int:
    """Take away for ever what the entries hold of an account's data, say so in the trail, and return how many held any.

    The entries stay, with who did what and when; the chain stays valid. Like :func:`append`, last.
    """
    erased = int(await transaction.fetchval(QUERIES["erase"], subject_id))
    entry = Entry(
        operation=ERASE, at=at, actor=actor, entity="account", entity_id=str(subject_id), request_id=request_id,
        new={"erased": erased}, why=why,
    )  # fmt: skip
    await append(transaction, entry)
    return erased


def payload_digest(salt: bytes, payload: str) -> bytes:
    """Return what stands for the payload in the chain. The salt keeps a short payload from being guessed by it."""
    return hashlib.sha256(salt + payload.encode()).digest()
