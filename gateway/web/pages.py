"""Pages from templates. Every value is escaped; a page carries no inline script or style."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import aiohttp_jinja2
import jinja2
from aiohttp import hdrs, web

from bridge.errors import AppError
from gateway.web.assets import Assets
from gateway.web.context import CONTEXT
from gateway.web.limits import retry_after

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


def render(
    template: str,
    request: web.Request,
    values: Mapping[str, object],
    *,
    status: int = 200,
    error: AppError | None = None,
) -> web.Response:
    """Return the page, which tells of ``error`` where there is one, with its status and when to ask again.

    Its template also knows the request's context as ``visit``.
    """
    if error is not None:
        status = error.code.status
    page = aiohttp_jinja2.render_template(template, request, {**values, "visit": request[CONTEXT]}, status=status)
    if error is not None and error.retry_after_s is not None:
        page.headers[hdrs.RETRY_AFTER] = retry_after(error.retry_after_s)
    return page


def see_other(path: str) -> web.Response:
    """Return the way to ``path`` after a form was sent: reloading the page there sends nothing again."""
    return web.Response(status=303, headers={hdrs.LOCATION: path})
