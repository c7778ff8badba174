"""What a provider may answer to an update: a closed set, whatever its protocol calls it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """The kinds of answers. The first two are success; :data:`FINAL` ones last until the owner does something."""

    UPDATED = "updated"
    UNCHANGED = "unchanged"

    BAD_CREDENTIALS = "badauth"
    ABUSE = "abuse"
    NOT_YOURS = "nohost"
    REFUSED = "refused"
    """The settings or this program are at fault: not a name, too many of them, a feature that is not paid for."""

    TROUBLE = "trouble"
    """The provider has a problem of its own, and says so or shows it."""
    RATE_LIMITED = "ratelimit"
    UNREACHABLE = "unreachable"
    """No answer: nobody knows whether the update arrived."""


ACCEPTED: Final = frozenset({Kind.UPDATED, Kind.UNCHANGED})
FINAL: Final = frozenset({Kind.BAD_CREDENTIALS, Kind.ABUSE, Kind.NOT_YOURS, Kind.REFUSED})

OF_THE_ACCOUNT: Final = frozenset({Kind.BAD_CREDENTIALS, Kind.ABUSE})
"""Final for every name that is kept with the same credentials."""
OF_THE_NAME: Final = OF_THE_ACCOUNT | {Kind.NOT_YOURS}
"""Final for both families of the name."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, with one sentence for the owner. It never holds a secret, nor text that the provider chose."""

    kind: Kind
    reason: str
    retry_after_s: float | None = None
    """For RATE_LIMITED and TROUBLE: how long the provider asks us to wait, where it says so."""
