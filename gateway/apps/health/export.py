"""All of a person's records, for the file that they take along."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from typing import Any

from pydantic_core import from_json, to_json

from bridge.client.call import CallContext
from bridge.contracts.health import LIST, ListSymptoms, Total
from bridge.errors import AppError, Code
from gateway.web.calls import Bridge
from gateway.web.context import RequestContext

_PAGE = 200


class ExportedRecords:
    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge

    async def pages(
        self, context: RequestContext, call_context: Callable[[], CallContext]
    ) -> AsyncGenerator[bytes | None, None]:
        """Yield the caller's records, some at a time: JSON objects with commas between; None where the app is off.

        Nothing for an account without a link to records. Raises AppError.
        """
        cursor: str | None = None
        while True:
            params = ListSymptoms(limit=_PAGE, total=Total.NONE, cursor=cursor)
            try:
                reply = await self._bridge.call(LIST, params, credentials=context.credentials, context=call_context())
            except AppError as error:
                if error.code is Code.APP_DISABLED:
                    yield None
                    return
                if error.code is Code.NOT_LINKED:
                    return
                raise
            items: list[Any] = from_json(reply.body)["items"]
            if items:
                yield to_json(items)[1:-1]
            if not reply.next_cursor:
                return
            cursor = reply.next_cursor
