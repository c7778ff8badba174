"""Taking one's data along, and going."""

from __future__ import annotations

from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import AwareDatetime, ConfigDict, Field, StringConstraints

from bridge.contracts.accounts import Secret
from bridge.contracts.operation import Effect, Lane, Model, Nothing, Operation, User
from bridge.contracts.users import Preferences, Profile

ENTRIES_MAX: Final = 10_000
"""Most entries of the audit trail in one export: the newest."""

PAYLOADS_MAX_BYTES: Final = 2 * 1024 * 1024
"""Most bytes of what was old and new in them: those before it are left out."""

FEEDBACK_MAX_BYTES: Final = 512 * 1024
"""Most bytes of what the account wrote to the owner: the newest messages."""

ROWS_MAX: Final = 1_000
"""Most sessions, and most mails: the newest. With all that, an export is below what an answer may be."""


class DeleteAccount(Model):
    """The password, so that an open browser is not enough."""

    model_config = ConfigDict(str_strip_whitespace=False)  # a password may begin or end with a space

    password: Annotated[Secret, Field(min_length=1, max_length=1024)]
    address: Annotated[str, StringConstraints(max_length=45)] = ""


class StoredSession(Model):
    id: UUID
    created_at: AwareDatetime
    last_used_at: AwareDatetime
    expires_at: AwareDatetime
    ended_at: AwareDatetime | None


class RecordsLink(Model):
    """Whose records the account may see in an app; ``person`` is None where there is one person."""

    app: str
    person: str | None
    granted_at: AwareDatetime


class ProviderLink(Model):
    """As whom the account signs in through a provider: ``subject`` is its name for the person, within ``issuer``."""

    issuer: str
    subject: str
    linked_at: AwareDatetime


class StoredMail(Model):
    """A mail about the account or to its address that is still remembered; what it said is erased once it was sent.

    ``template`` does not show whether an address that is not the account's has an account.
    """

    recipient: str
    template: str
    state: str
    created_at: AwareDatetime


class StoredFeedback(Model):
    """What the account wrote to the owner."""

    created_at: AwareDatetime
    topic: str
    message: Annotated[str, Field(repr=False)]


class StoredEntry(Model):
    """An entry of the audit trail by the account or about it; what was old and new where it is its data."""

    timestamp: AwareDatetime
    action: str
    outcome: str
    by_you: bool
    entity_type: str
    entity_id: str
    old_values: dict[str, Any] | None
    new_values: dict[str, Any] | None
    why: str | None


class Export(Model):
    """Everything that the store has of an account. Of what has a ``…_total``, there may be the newest of so many."""

    exported_at: AwareDatetime
    profile: Profile
    preferences: Preferences
    sessions: tuple[StoredSession, ...]
    sessions_total: int
    links: tuple[RecordsLink, ...]
    providers: tuple[ProviderLink, ...]
    mails: tuple[StoredMail, ...]
    mails_total: int
    feedback: tuple[StoredFeedback, ...]
    feedback_total: int
    entries: tuple[StoredEntry, ...]
    entries_total: int


EXPORT: Final = Operation(
    name="users.export", params=Nothing, result=Export, principal=User(), deadline_ms=5_000
)  # fmt: skip
"""Reads, and leaves an entry in the audit trail that it did."""
DELETE_ACCOUNT: Final = Operation(
    name="accounts.delete", params=DeleteAccount, result=Nothing, principal=User(), effect=Effect.WRITE,
    deadline_ms=5_000, lane=Lane.CREDENTIALS, issues_tokens=True,
)  # fmt: skip
"""Deletes the caller's account. ``issues_tokens`` as it takes a password, whose digest is stored nowhere."""

OPERATIONS: Final = (EXPORT, DELETE_ACCOUNT)
