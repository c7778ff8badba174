"""The shape of one operation, declared once and used on both machines.

The client takes retry, cache and breaker behaviour from it, the agent validation and authorization, the
documentation its list (``docs/operations.md``). See ``docs/architecture.md``, "One operation, declared once".
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Final, Generic, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field


class Model(BaseModel):
    """A value at the border: immutable, and refusing what it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


NOT_BLANK: Final = Field(json_schema_extra={"allOf": [{"pattern": r"[^\s\x1c-\x1f\x85]"}]})
"""Says in a description what ``min_length`` means for a text whose spaces at both ends are dropped."""

NO_NUL: Final = Field(json_schema_extra={"pattern": r"^[^\x00]*$", "allOf": [{"pattern": r"[^\s\x1c-\x1f\x85]"}]})
"""The same of a text in which a validator refuses the one character that PostgreSQL does not take."""


ANSWER_MAX_BYTES: Final = 8 * 1024 * 1024
"""The largest body of an answer (``bridge/PROTOCOL.md``, section 1): a unit takes no larger one."""


Moment = Annotated[AwareDatetime, Field(ge=datetime(1, 1, 2, tzinfo=UTC), le=datetime(9999, 12, 30, tzinfo=UTC))]
"""A time that is asked for. A day from either end of what there is, so that it is a time in UTC and in any zone."""


class Nothing(Model):
    """No parameters, or no result: ``{}``."""


class Role(StrEnum):
    """What an account may do. A viewer reads, a technician also works, an admin also administers."""

    ADMIN = "admin"
    TECHNICIAN = "technician"
    VIEWER = "viewer"


EVERY_ROLE = frozenset(Role)


@dataclass(frozen=True, slots=True)
class Anonymous:
    """Callable by anybody: sign-in and what leads to it."""


@dataclass(frozen=True, slots=True)
class User:
    """Callable with the access token of an account that has one of these roles."""

    roles: frozenset[Role] = EVERY_ROLE


@dataclass(frozen=True, slots=True)
class Machine:
    """Callable by these units, the unit being who certificate and key id say."""

    units: frozenset[str]


Principal = Anonymous | User | Machine


class Effect(StrEnum):
    READ = "read"
    WRITE = "write"


class Lane(StrEnum):
    """Which slot, queue and breaker a call takes: a flood of sign-ins must close nobody else out."""

    DATA = "data"
    CREDENTIALS = "credentials"
    SESSIONS = "sessions"
    """Calls that keep or end a session, and check no password: they go on while sign-ins are a flood."""
    PROVIDER = "provider"
    """Calls that wait for somebody else's server: a slow one must not keep those back who sign in with a password."""
    MACHINE = "machine"


@dataclass(frozen=True, slots=True)
class CacheRule:
    """How long an answer may be given again (seconds since the agent made it), and what makes it untrue.

    Younger than ``fresh_s``: as it is. For ``stale_while_revalidate_s`` more: at once, while a new one is
    fetched. For ``stale_if_error_s`` more: only when the agent cannot be asked, and the user is told.
    A write whose ``invalidates`` shares one of the ``tags`` ends all that.
    """

    tags: frozenset[str]
    fresh_s: float = 5.0
    stale_while_revalidate_s: float = 30.0
    stale_if_error_s: float = 24 * 3600.0


P = TypeVar("P", bound=BaseModel)
R = TypeVar("R", bound=BaseModel)


@dataclass(frozen=True, slots=True, eq=False)
class Operation(Generic[P, R]):
    """One named operation of the agent.

    ``name`` is ``<app>.<thing>.<verb>``. ``deadline_ms`` is the most that a caller may wait, milliseconds.
    ``issues_tokens`` keeps the result, and the digest of the parameters, out of every store: no cache, no
    idempotency record, no log.
    ``streams`` marks the one operation whose response never ends (the feed).
    """

    name: str
    params: type[P]
    result: type[R]
    principal: Principal
    effect: Effect = Effect.READ
    deadline_ms: int = 2_000
    cache: CacheRule | None = None
    invalidates: frozenset[str] = frozenset()
    lane: Lane = Lane.DATA
    issues_tokens: bool = False
    streams: bool = False

    @property
    def is_idempotent(self) -> bool:
        """Whether sending it twice does no more than once: reads, and writes that carry an idempotency key."""
        return not self.issues_tokens and not self.streams
