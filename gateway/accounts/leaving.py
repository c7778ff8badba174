"""Taking one's data along (``GET /users/export``), and going (``POST /users/deletion``); also under ``/api/v1``.

The export is one JSON document: ``account`` as the keep's store has it, and ``records`` by app, page after page as they
are fetched, so that neither machine holds them all at once. An app that is switched off gives ``null``. Where a page
cannot be fetched the connection is cut: half a document shall not look like a whole one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Annotated, Any, Final

from aiohttp import hdrs, web
from pydantic import ConfigDict, Field, SecretStr
from pydantic_core import to_json

from bridge.client.call import CallContext
from bridge.contracts.leaving import DELETE_ACCOUNT, EXPORT, DeleteAccount, Export
from bridge.contracts.operation import Model, Nothing
from bridge.errors import AppError
from gateway.accounts.cookies import clear_session
from gateway.accounts.own_account import PREFIXES
from gateway.accounts.tokens import TokenVerifier
from gateway.web.calls import Bridge, call
from gateway.web.context import CONTEXT, RequestContext
from gateway.web.described import Description, described
from gateway.web.inputs import JSON, read_json
from gateway.web.rate_limits import Counted, counted
from gateway.web.session import access_token

_PAGE_S: Final = 5.0

Records = Callable[[RequestContext, Callable[[], CallContext]], AsyncGenerator[bytes | None, None]]
"""Gives an app's records of the caller, each time some as JSON values with commas between; None: it is switched off.

The second argument makes the context of one call. Raises AppError.
"""


class Password(Model):
    """The body of ``POST /users/deletion``."""

    model_config = ConfigDict(str_strip_whitespace=False)  # a password may begin or end with a space

    password: Annotated[SecretStr, Field(min_length=1, max_length=1024, description="The account’s own.")]


class Everything(Model):
    """The body of the answer to ``GET /users/export``: ``records`` by app, null where that is switched off."""

    account: Export
    records: dict[str, tuple[dict[str, Any], ...] | None]


class LeavingApi:
    """``records`` are by the app's name."""

    def __init__(self, *, bridge: Bridge, verifier: TokenVerifier, records: Mapping[str, Records]) -> None:
        self._bridge = bridge
        self._verifier = verifier
        self._records = records

    @described(
        Description(
            "Everything that there is of you",
            EXPORT,
            details="One JSON file; the records of an app that is switched off are null.",
            result=Everything,
        )
    )
    async def export(self, request: web.Request) -> web.StreamResponse:
        """``GET /users/export``: a file with everything that there is of the caller."""
        context = request[CONTEXT]
        context.require_user()
        reply = await call(self._bridge, context, EXPORT, Nothing())
        headers = {hdrs.CONTENT_TYPE: JSON, hdrs.CONTENT_DISPOSITION: 'attachment; filename="drawbridge-export.json"'}
        response = web.StreamResponse(headers=headers)
        document = self._document(context, reply.body)
        async with aclosing(document):
            first = await anext(document)  # what can be refused is refused before anything was said
            await response.prepare(request)
            context.is_stream = True
            try:
                await response.write(first)
                async for part in document:
                    await response.write(part)
            except AppError as error:
                context.fail_with(error)
                request.protocol.force_close()
                return response
        await response.write_eof()
        return response

    @described(
        Description(
            "Delete your account",
            DELETE_ACCOUNT,
            details="There is no way back. A wrong password is a 400.",
            body=Password,
            status=204,
            refuses=(404, 409),
            example={"password": "Correct horse 1"},
        )
    )
    @counted(Counted.SIGN_IN)
    async def delete(self, request: web.Request) -> web.Response:
        """``POST /users/deletion``: 204; there is no way back."""
        context = request[CONTEXT]
        context.require_user()
        body = await read_json(request, Password)
        params = DeleteAccount(password=body.password, address=context.address)
        await call(self._bridge, context, DELETE_ACCOUNT, params)
        self._verifier.forget(access_token(request))
        response = web.Response(status=204)
        if hdrs.AUTHORIZATION not in request.headers:
            clear_session(response)
        return response

    async def _document(self, context: RequestContext, account: bytes) -> AsyncGenerator[bytes, None]:
        """Yield the document's parts. The first holds the account and what comes first of the records."""

        def page_context() -> CallContext:
            deadline = asyncio.get_running_loop().time() + _PAGE_S
            return CallContext(context.request_id, context.traceparent, deadline)

        head = b'{"account":' + account + b',"records":{'
        for number, (app, records) in enumerate(self._records.items()):
            head += (b"," if number else b"") + to_json(app) + b":"
            is_open, is_off = False, False
            async with aclosing(records(context, page_context)) as pages:
                async for page in pages:
                    if page is None:
                        is_off = True
                        continue
                    yield head + (b"," if is_open else b"[") + page
                    head, is_open = b"", True
            head += b"null" if is_off else (b"]" if is_open else b"[]")
        yield head + b"}}"


def add_routes(app: web.Application, api: LeavingApi) -> None:
    for prefix in PREFIXES:
        app.router.add_get(f"{prefix}/export", api.export, allow_head=False)
        app.router.add_post(f"{prefix}/deletion", api.delete)
