"""The audit trail over the bridge: all of it for administrators, and for each person who looked at their records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol
from uuid import UUID

from agent.audit.looks import app_of, entity_of
from agent.audit.reading import Reader
from bridge.contracts.audit import LIST, LOOKS, AuditEntries, ListEntries, ListLooks, Look
from bridge.contracts.audit import Looks as LooksPage
from bridge.contracts.operation import Operation
from bridge.server import Answer, CallerContext, Handler


class Links(Protocol):
    async def persons_of(self, user_id: UUID) -> Mapping[str, str | None]:
        """Return whose records the account is linked to, by app; None is the one person there is."""
        ...


class Auditing:
    def __init__(self, reader: Reader, links: Links) -> None:
        self._reader = reader
        self._links = links

    @property
    def handlers(self) -> Mapping[Operation[Any, Any], Handler]:
        return {LIST: self.list_entries, LOOKS: self.list_looks}

    async def list_entries(self, context: CallerContext, asked: ListEntries) -> Answer:
        """Return a page of entries, the newest first. Raises Invalid (``invalid_cursor``)."""
        page = await self._reader.page(asked, deadline=context.deadline)
        result = AuditEntries(items=page.entries, limit=asked.limit, next=page.next_cursor)
        return Answer(result.model_dump_json().encode(), page.next_cursor or "")

    async def list_looks(self, context: CallerContext, asked: ListLooks) -> Answer:
        """Return who looked at the records that the caller is linked to. Raises Invalid (``invalid_cursor``)."""
        user_id = context.user.user_id
        persons = await self._links.persons_of(user_id)
        records = {entity_of(app): person or "" for app, person in persons.items()}
        rows, next_cursor = await self._reader.looks(records, asked, deadline=context.deadline)
        items = tuple(
            Look(
                timestamp=row["at"],
                app=app_of(row["entity"]),
                action=row["operation"],
                by=row["name"],
                is_self=row["user_id"] == user_id,
            )
            for row in rows
        )
        result = LooksPage(items=items, limit=asked.limit, next=next_cursor)
        return Answer(result.model_dump_json().encode(), next_cursor or "")
