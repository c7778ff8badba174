"""Whose records an account may see: the link from an account to a person of the existing database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from agent.accounts.directory import Directory


@dataclass(frozen=True, slots=True)
class Grant:
    """A link. ``person`` is the value of the mapping's person column; None where the source has one person."""

    person: str | None


class Grants:
    """The one place that says whose records a user may see."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    async def person_of(self, user_id: UUID, app: str) -> Grant | None:
        """Return the user's link in ``app``, or None: no link, no records. Raises Unavailable."""
        standing = await self._directory.standing(user_id)
        if standing is None or app not in standing.persons:
            return None
        return Grant(standing.persons[app])

    async def persons_of(self, user_id: UUID) -> Mapping[str, str | None]:
        """Return all of the user's links, by app; None is the one person there is. Raises Unavailable."""
        standing = await self._directory.standing(user_id)
        return {} if standing is None else standing.persons
