"""The audit trail for administrators, over the bridge."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent.audit.reading import Reader
from bridge.contracts.audit import LIST, AuditEntries, ListEntries
from bridge.contracts.operation import Operation
from bridge.server import Answer, CallerContext, Handler


class Auditing:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    @property
    def handlers(self) -> Mapping[Operation[Any, Any], Handler]:
        return {LIST: self.list_entries}

    async def list_entries(self, context: CallerContext, asked: ListEntries) -> Answer:
        """Return a page of entries, the newest first. Raises Invalid (``invalid_cursor``)."""
        page = await self._reader.page(asked, deadline=context.deadline)
        result = AuditEntries(items=page.entries, limit=asked.limit, next=page.next_cursor)
        return Answer(result.model_dump_json().encode(), page.next_cursor or "")
