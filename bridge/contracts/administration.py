"""What administrators see and do with everybody's accounts."""

from __future__ import annotations

from typing import Annotated, Final
from uuid import UUID

from pydantic import AwareDatetime, ConfigDict, Field, StringConstraints

from bridge.contracts.accounts import Secret
from bridge.contracts.operation import NOT_BLANK, Effect, Lane, Model, Nothing, Operation, Role, User
from bridge.contracts.users import Ended, PersonName, Username, Version, ZoneName

ADMINS: Final = User(frozenset({Role.ADMIN}))

EmailAddress = Annotated[
    str,
    StringConstraints(min_length=3, max_length=254, pattern=r"^[^@\s\x00-\x1f\x7f-\x9f]+@[^@\s\x00-\x1f\x7f-\x9f]+$"),
]
MAILABLE: Final = Field(
    json_schema_extra={
        "format": "email",
        "pattern": r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$",
    }
)
"""Says of an address in a description that a mail has to reach it: so the agent takes no other."""


class UserEntry(Model):
    """An account as an administrator sees it. ``last_sign_in_at`` is None where no session of it is remembered."""

    id: UUID
    email: str
    username: str | None
    name: str
    role: Role
    is_active: bool
    time_zone: str
    created_at: AwareDatetime
    updated_at: AwareDatetime
    last_sign_in_at: AwareDatetime | None
    version: Version


class ListUsers(Model):
    """Which accounts: by role, by whether they are active, and with ``text`` in address or name."""

    role: Role | None = None
    is_active: bool | None = None
    text: Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]*$"), NOT_BLANK] | None = (
        None
    )
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    cursor: Annotated[str, StringConstraints(max_length=1000)] | None = None


class UserPage(Model):
    """By e-mail address. ``next`` is the following page's cursor."""

    items: tuple[UserEntry, ...]
    limit: int
    next: str | None


class UserId(Model):
    id: UUID


class CreateUser(Model):
    model_config = ConfigDict(str_strip_whitespace=False)  # a password may begin or end with a space

    email: EmailAddress
    name: PersonName
    username: Username | None = None
    role: Role = Role.VIEWER
    time_zone: ZoneName = "UTC"
    password: Annotated[Secret, Field(min_length=1, max_length=1024)]


class ChangeUser(Model):
    """What is left out stays as it is."""

    id: UUID
    name: PersonName | None = None
    username: Username | None = None
    role: Role | None = None
    is_active: bool | None = None
    time_zone: ZoneName | None = None
    version: Version | None = None


LIST_USERS: Final = Operation(name="users.list", params=ListUsers, result=UserPage, principal=ADMINS)
GET_USER: Final = Operation(name="users.get", params=UserId, result=UserEntry, principal=ADMINS)
CREATE_USER: Final = Operation(
    name="accounts.create_user", params=CreateUser, result=UserEntry, principal=ADMINS, effect=Effect.WRITE,
    deadline_ms=5_000, lane=Lane.CREDENTIALS, issues_tokens=True,
)  # fmt: skip
"""It issues none, but takes a password, whose digest an idempotency record would hold. Sent again, it is a conflict."""
CHANGE_USER: Final = Operation(
    name="users.change", params=ChangeUser, result=UserEntry, principal=ADMINS, effect=Effect.WRITE
)
"""Disabling an account ends its sessions; another role ends its access tokens. ``conflict`` for the last administrator
that would be one no more."""
UNLOCK_USER: Final = Operation(
    name="users.unlock", params=UserId, result=Nothing, principal=ADMINS, effect=Effect.WRITE
)
"""Forgets the sign-ins that were counted for the account, so that its owner need not wait."""
SIGN_OUT_USER: Final = Operation(
    name="users.sign_out", params=UserId, result=Ended, principal=ADMINS, effect=Effect.WRITE
)
DELETE_USER: Final = Operation(
    name="users.delete", params=UserId, result=Nothing, principal=ADMINS, effect=Effect.WRITE
)
"""Deletes the account and what is kept of it; the audit trail keeps what was done, without the data."""

OPERATIONS: Final = (LIST_USERS, GET_USER, CREATE_USER, CHANGE_USER, UNLOCK_USER, SIGN_OUT_USER, DELETE_USER)
