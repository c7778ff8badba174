"""What people see and change of their own account once they are signed in."""

from __future__ import annotations

from typing import Annotated, Final
from uuid import UUID

from pydantic import AwareDatetime, Field, StringConstraints

from bridge.contracts.operation import Effect, Model, Nothing, Operation, Role, User

PersonName = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
"""A name in one line. PostgreSQL takes no NUL, and a line break in a name would be one in a mail's header."""

ZoneName = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_+/-]*$")]
"""An IANA time zone by its form; the agent knows which there are."""


class Profile(Model):
    """An account as its owner sees it. ``time_zone`` is an IANA name."""

    id: UUID
    email: str
    name: str
    role: Role
    time_zone: str
    created_at: AwareDatetime


class ChangeProfile(Model):
    """What is left out stays as it is."""

    name: PersonName | None = None
    time_zone: ZoneName | None = None


class OwnSession(Model):
    """A sign-in that still stands. ``last_used_at`` is when its tokens were last renewed."""

    id: UUID
    is_current: bool
    created_at: AwareDatetime
    last_used_at: AwareDatetime
    expires_at: AwareDatetime


class OwnSessions(Model):
    """Newest first."""

    items: tuple[OwnSession, ...]


class SessionId(Model):
    id: UUID


class Ended(Model):
    """How many sessions were ended."""

    ended: Annotated[int, Field(ge=0)]


GET_PROFILE: Final = Operation(name="users.profile.get", params=Nothing, result=Profile, principal=User())
CHANGE_PROFILE: Final = Operation(
    name="users.profile.change", params=ChangeProfile, result=Profile, principal=User(), effect=Effect.WRITE
)
LIST_SESSIONS: Final = Operation(name="users.sessions.list", params=Nothing, result=OwnSessions, principal=User())
END_SESSION: Final = Operation(
    name="users.sessions.end", params=SessionId, result=Nothing, principal=User(), effect=Effect.WRITE
)
"""Ends one of the caller's sessions, the one that asks too. ``not_found`` for what is none of theirs, or has ended."""
END_OTHER_SESSIONS: Final = Operation(
    name="users.sessions.end_others", params=Nothing, result=Ended, principal=User(), effect=Effect.WRITE
)

OPERATIONS: Final = (GET_PROFILE, CHANGE_PROFILE, LIST_SESSIONS, END_SESSION, END_OTHER_SESSIONS)
