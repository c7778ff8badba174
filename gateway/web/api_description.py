"""Serves ``openapi.json``, which ``gateway.web.openapi`` makes (``make docs``), and the page that shows it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Final

from aiohttp import hdrs, web
from pydantic import BaseModel

from gateway.web.described import Description, described
from gateway.web.inputs import JSON
from gateway.web.pages import render
from gateway.web.rate_limits import Counted, counted

FILE: Final = Path(__file__).with_name("openapi.json")


class Document(BaseModel):
    """An OpenAPI document."""

    openapi: str
    info: dict[str, Any]
    paths: dict[str, Any]


class ApiDescription:
    """Serves :data:`FILE`."""

    def __init__(self, file: Path = FILE) -> None:
        self._content = file.read_bytes()
        self._etag = f'"{hashlib.sha256(self._content).hexdigest()[:16]}"'

    @counted(Counted.ASSET)
    @described(Description("This description", name="api.description", result=Document))
    async def serve(self, request: web.Request) -> web.Response:
        """``GET /api/v1/openapi.json``."""
        headers = {hdrs.ETAG: self._etag, hdrs.CACHE_CONTROL: "no-cache"}
        if request.headers.get(hdrs.IF_NONE_MATCH) == self._etag:
            return web.Response(status=304, headers=headers)
        return web.Response(body=self._content, content_type=JSON, headers=headers)

    @staticmethod
    async def show(request: web.Request) -> web.Response:
        """``GET /docs``: Swagger UI, in which each route can be tried."""
        return render("api.html", request, {})


def add_routes(app: web.Application, api: ApiDescription) -> None:
    for prefix in ("", "/api/v1"):
        app.router.add_get(f"{prefix}/openapi.json", api.serve)
    app.router.add_get("/docs", api.show)
