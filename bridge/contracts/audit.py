"""The audit trail: what administrators look through, and what each person sees of who read their records."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, Self
from uuid import UUID

from pydantic import AwareDatetime, Field, StringConstraints, model_validator

from bridge.contracts.operation import NOT_BLANK, Model, Moment, Operation, Role, User

Word = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$"), NOT_BLANK]
Cursor = Annotated[str, StringConstraints(max_length=200)]


class ListEntries(Model):
    """Which entries: all that match everything given. ``start`` is included, ``end`` is not.

    ``user_email`` is that of an account there is; nothing matches any other. One of it and ``user_id``, not both.
    """

    start: Moment | None = None
    end: Moment | None = None
    user_id: UUID | None = None
    user_email: Word | None = None
    entity_type: Word | None = None
    entity_id: Word | None = None
    action: Word | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    cursor: Cursor | None = None

    @model_validator(mode="after")
    def _has_one_user(self) -> Self:
        if self.user_id is not None and self.user_email is not None:
            msg = "user_id and user_email are two ways to name one account"
            raise ValueError(msg)
        return self


class AuditEntry(Model):
    """One entry. ``user_email`` is the account's now, None where it is gone or nobody was signed in.

    ``action`` is the operation's name, as in the logs. ``old_values``, ``new_values`` and ``why`` are None where there
    was nothing to say, and where ``erased`` says that they are gone.
    """

    number: int
    timestamp: AwareDatetime
    actor: str
    user_id: UUID | None
    user_email: str | None
    session_id: UUID | None
    action: str
    outcome: Literal["done", "refused"]
    entity_type: str
    entity_id: str
    request_id: str
    old_values: dict[str, Any] | None
    new_values: dict[str, Any] | None
    why: str | None
    erased: bool


class AuditEntries(Model):
    """The newest first."""

    items: tuple[AuditEntry, ...]
    limit: int
    next: Cursor | None


class ListLooks(Model):
    """Who looked at the records that the caller may see."""

    limit: Annotated[int, Field(ge=1, le=200)] = 50
    cursor: Cursor | None = None


class Look(Model):
    """One look at a person's records: by whom, when, by which operation (``action``).

    ``by`` is None where the account is gone.

    Looks of the same session, at the same records by the same operation, within a minute are one.
    """

    timestamp: AwareDatetime
    app: str
    action: str
    by: str | None
    is_self: bool


class Looks(Model):
    """The newest first."""

    items: tuple[Look, ...]
    limit: int
    next: Cursor | None


LIST: Final = Operation(
    name="audit.entries.list", params=ListEntries, result=AuditEntries, principal=User(frozenset({Role.ADMIN})),
)  # fmt: skip
LOOKS: Final = Operation(name="audit.looks.list", params=ListLooks, result=Looks, principal=User())

OPERATIONS: Final = (LIST, LOOKS)
