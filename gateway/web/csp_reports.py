"""``POST /csp-reports``: browsers tell which of our pages broke the Content-Security-Policy. There should be none."""

from __future__ import annotations

import logging
from typing import Annotated, Final

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from bridge.errors import Code, Invalid
from bridge.process.logs import log
from gateway.web.context import CONTEXT
from gateway.web.inputs import read_body
from gateway.web.metrics import CSP_VIOLATIONS

_log: Final = logging.getLogger(__name__)

_TYPES: Final = frozenset({"application/csp-report", "application/json"})
_DIRECTIVE: Final = (  # https://www.w3.org/TR/CSP3/#csp-directives; anybody may report, and words of theirs be logged
    r"^(?:(?:default|script|style|img|connect|font|object|media|frame|child|worker|manifest)-src(?:-elem|-attr)?"
    r"|base-uri|form-action|frame-ancestors|sandbox|trusted-types|require-trusted-types-for)?$"
)


class _Violation(BaseModel):
    """What is worth knowing. Which page and what stood in it is left unread: addresses may hold private things."""

    model_config = ConfigDict(frozen=True)
    directive: Annotated[str, StringConstraints(pattern=_DIRECTIVE)] = Field("", alias="effective-directive")


class _Report(BaseModel):
    model_config = ConfigDict(frozen=True)
    violation: _Violation = Field(alias="csp-report")


async def report(request: web.Request) -> web.Response:
    if request.content_type not in _TYPES:
        raise Invalid(Code.UNSUPPORTED_MEDIA_TYPE)
    try:
        found = _Report.model_validate_json(await read_body(request))
    except ValidationError:
        raise Invalid(Code.INVALID_REQUEST) from None
    CSP_VIOLATIONS.inc()
    log(
        _log,
        "csp_violated",
        level=logging.WARNING,
        request_id=request[CONTEXT].request_id,
        directive=found.violation.directive,
    )
    return web.Response(status=204)


def add_routes(app: web.Application) -> None:
    app.router.add_post("/csp-reports", report)
