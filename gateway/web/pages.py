"""Pages from templates. Every value is escaped; a page carries no inline script or style."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import aiohttp_jinja2
import jinja2
from aiohttp import web

from gateway.web.assets import Assets
from gateway.web.context import CONTEXT

_FOLDER: Final = "templates"


def set_up_pages(app: web.Application, *, assets: Assets, emergency_number: str) -> None:
    """Let handlers :func:`render` templates, which know ``asset(name)`` and ``emergency_number``."""
    environment = aiohttp_jinja2.setup(
        app,
        loader=jinja2.PackageLoader("gateway.web", _FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["asset"] = assets.path
    environment.globals["emergency_number"] = emergency_number


def render(template: str, request: web.Request, values: Mapping[str, object], *, status: int = 200) -> web.Response:
    """Return the page; its template also knows the request's context as ``visit``."""
    return aiohttp_jinja2.render_template(template, request, {**values, "visit": request[CONTEXT]}, status=status)
