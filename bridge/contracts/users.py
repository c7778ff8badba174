"""What people see and change of their own account once they are signed in."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

from pydantic import AwareDatetime, BeforeValidator, Field, StringConstraints

from bridge.contracts.operation import NOT_BLANK, Effect, Model, Nothing, Operation, Role, User

PersonName = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$"), NOT_BLANK]
"""A name in one line. PostgreSQL takes no NUL, and a line break in a name would be one in a mail's header."""

ZoneName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_+/-]*$"),
    Field(json_schema_extra={"format": "iana-time-zone"}),
]
"""An IANA time zone by its form; the agent knows which there are."""

Username = Annotated[str, StringConstraints(min_length=3, max_length=32, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
"""What somebody is called beside their address; one account's in whatever letters. No ``@``: it is no address."""

Language = Annotated[str, StringConstraints(max_length=11, pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,4})?$")]
"""A language tag (RFC 5646): a language, perhaps with a region. What there are no texts in comes in English."""


def _whole(value: object) -> object:
    """Return ``2.0`` as 2: in JSON they are the same number, and what is described as an integer takes both."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Version = Annotated[int, Field(ge=1), BeforeValidator(_whole)]
"""Which edition a change was made from. Where another came between, it is refused (``conflict``)."""


class Profile(Model):
    """An account as its owner sees it. ``time_zone`` is an IANA name; ``username`` is null where none was chosen."""

    id: UUID
    email: str
    username: str | None
    name: str
    role: Role
    time_zone: str
    created_at: AwareDatetime
    updated_at: AwareDatetime
    version: Version


class ChangeProfile(Model):
    """What is left out stays as it is."""

    name: PersonName | None = None
    username: Username | None = None
    time_zone: ZoneName | None = None
    version: Version | None = None


class Units(StrEnum):
    METRIC = "metric"
    IMPERIAL = "imperial"


class Threshold(StrEnum):
    """How long before a deadline somebody wants to be told."""

    DAY = "24h"
    TWO_DAYS = "48h"
    WEEK = "1w"


class Notice(StrEnum):
    """What somebody can be told of."""

    DEADLINE_APPROACHING = "deadline_approaching"
    OVERDUE = "overdue"
    REMINDER = "reminder"


class Notifications(Model):
    email: bool = True
    deadline_threshold: Threshold = Threshold.DAY
    types: tuple[Notice, ...] = tuple(Notice)


class Preferences(Model):
    """How somebody wants things shown and told."""

    language: Language = "en"
    time_zone: ZoneName = "UTC"
    units: Units = Units.METRIC
    notifications: Notifications = Notifications()
    version: Version = 1


class ChangeNotifications(Model):
    email: bool | None = None
    deadline_threshold: Threshold | None = None
    types: Annotated[tuple[Notice, ...], Field(max_length=len(Notice))] | None = None


class ChangePreferences(Model):
    """What is left out stays as it is, within ``notifications`` too."""

    language: Language | None = None
    time_zone: ZoneName | None = None
    units: Units | None = None
    notifications: ChangeNotifications = ChangeNotifications()
    version: Version | None = None


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


class ListActivity(Model):
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    cursor: Annotated[str, StringConstraints(max_length=200)] | None = None


class Deed(Model):
    """One entry of the audit trail that is about the account: ``by_you``, or somebody else, or nobody who signed in.

    ``action`` is the operation that was done, ``outcome`` whether it was ``done`` or ``refused``; ``address`` is where
    a sign-in came from, as far as it is known.
    """

    timestamp: AwareDatetime
    action: str
    outcome: str
    by_you: bool
    address: str = ""


class Activity(Model):
    """Newest first."""

    items: tuple[Deed, ...]
    limit: int
    next: str | None


class SessionId(Model):
    id: UUID


class Ended(Model):
    """How many sessions were ended."""

    ended: Annotated[int, Field(ge=0)]


GET_PROFILE: Final = Operation(name="users.profile.get", params=Nothing, result=Profile, principal=User())
CHANGE_PROFILE: Final = Operation(
    name="users.profile.change", params=ChangeProfile, result=Profile, principal=User(), effect=Effect.WRITE
)
GET_PREFERENCES: Final = Operation(name="users.preferences.get", params=Nothing, result=Preferences, principal=User())
CHANGE_PREFERENCES: Final = Operation(
    name="users.preferences.change", params=ChangePreferences, result=Preferences, principal=User(), effect=Effect.WRITE
)
LIST_SESSIONS: Final = Operation(name="users.sessions.list", params=Nothing, result=OwnSessions, principal=User())
END_SESSION: Final = Operation(
    name="users.sessions.end", params=SessionId, result=Nothing, principal=User(), effect=Effect.WRITE
)
"""Ends one of the caller's sessions, the one that asks too. ``not_found`` for what is none of theirs, or has ended."""
END_OTHER_SESSIONS: Final = Operation(
    name="users.sessions.end_others", params=Nothing, result=Ended, principal=User(), effect=Effect.WRITE
)
ACTIVITY: Final = Operation(name="users.activity.list", params=ListActivity, result=Activity, principal=User())

OPERATIONS: Final = (
    GET_PROFILE, CHANGE_PROFILE, GET_PREFERENCES, CHANGE_PREFERENCES, LIST_SESSIONS, END_SESSION, END_OTHER_SESSIONS,
    ACTIVITY,
)  # fmt: skip
