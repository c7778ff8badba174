"""Pages from templates. Every value is escaped; a page carries no inline script or style."""

from __future__ import annotations

from typing import Final

import aiohttp_jinja2
import jinja2
from aiohttp import web

from gateway.web.assets import Assets
from gateway.web.context import CONTEXT

_FOLDER: Final = "templates"


def set_up_pages(app: web.Application, *, assets: Assets, emergency_number: str) -> None:
    """Let handlers render templates, which know ``asset(name)``, ``emergency_number`` and ``visit``."""

    async def with_context(request: web.Request) -> dict[str, object]:
        return {"visit": request[CONTEXT]}

    environment = aiohttp_jinja2.setup(
        app,
        loader=jinja2.PackageLoader("gateway.web", _FOLDER),
        context_processors=(with_context,),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["asset"] = assets.path
    environment.globals["emergency_number"] = emergency_number
