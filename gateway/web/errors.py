"""Every failure becomes a response here, once. What caused it is logged, never sent."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from aiohttp import hdrs, web

from bridge.errors import AppError, Code, error_for
from bridge.process.logs import log
from gateway.web.context import RequestContext
from gateway.web.problems import error_response

_log: Final = logging.getLogger(__name__)

_CODE_BY_STATUS: Final[Mapping[int, Code]] = MappingProxyType(
    {404: Code.NOT_FOUND, 405: Code.METHOD_NOT_ALLOWED, 413: Code.BODY_TOO_LARGE, 415: Code.UNSUPPORTED_MEDIA_TYPE}
)


def answer_error(request: web.Request, context: RequestContext, error: Exception) -> web.StreamResponse:
    """Return the problem or the page that tells of what was raised; over the limit that, whatever else was wrong."""
    if context.over_limit is not None and isinstance(error, AppError | web.HTTPException):
        return _answer(request, context, context.over_limit)
    if isinstance(error, web.HTTPException):  # aiohttp's own: no such route, wrong method, body too large
        known = error_for(_CODE_BY_STATUS.get(error.status, Code.INVALID_REQUEST))
        response = _answer(request, context, known)
        if hdrs.ALLOW in error.headers:
            response.headers[hdrs.ALLOW] = error.headers[hdrs.ALLOW]
        return response
    if isinstance(error, AppError):  # whoever raised it has logged what it stands for
        return _answer(request, context, error)
    found = error_for(Code.TIMEOUT if isinstance(error, TimeoutError) else Code.INTERNAL)
    log(
        _log,
        "request_failed",
        level=logging.ERROR,
        exc_info=error,
        request_id=context.request_id,
        operation=context.operation or None,
        error_code=found.code.wire,
    )
    return _answer(request, context, found)


def _answer(request: web.Request, context: RequestContext, error: AppError) -> web.StreamResponse:
    context.fail_with(error)
    return error_response(request, context, error)
