"""Every failure becomes a response here, once. What caused it is logged, never sent."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from bridge.errors import AppError, Code, error_for
from bridge.process.logs import log
from gateway.web.context import CONTEXT
from gateway.web.problems import error_response

_log: Final = logging.getLogger(__name__)

_CODE_BY_STATUS: Final[Mapping[int, Code]] = MappingProxyType(
    {404: Code.NOT_FOUND, 405: Code.METHOD_NOT_ALLOWED, 413: Code.BODY_TOO_LARGE, 415: Code.UNSUPPORTED_MEDIA_TYPE}
)
_FIRST_ERROR: Final = 400


@web.middleware
async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer with the problem or the page that tells of what was raised."""
    try:
        return await handler(request)
    except AppError as error:
        return _answer(request, error)
    except web.HTTPException as error:  # aiohttp's own: no such route, wrong method, body too large
        if error.status < _FIRST_ERROR:
            raise
        response = _answer(request, error_for(_CODE_BY_STATUS.get(error.status, Code.INVALID_REQUEST)))
        if hdrs.ALLOW in error.headers:
            response.headers[hdrs.ALLOW] = error.headers[hdrs.ALLOW]
        return response
    except TimeoutError as error:
        return _answer(request, error_for(Code.TIMEOUT), cause=error)
    except Exception as error:  # noqa: BLE001 - the last one who can tell the client anything
        return _answer(request, error_for(Code.INTERNAL), cause=error)


def _answer(request: web.Request, error: AppError, cause: Exception | None = None) -> web.StreamResponse:
    context = request[CONTEXT]
    context.outcome, context.error_code = error.code.outcome, error.code.wire
    if cause is not None:  # what an AppError stands for was logged by whoever raised it
        log(
            _log,
            "request_failed",
            level=logging.ERROR,
            exc_info=cause,
            request_id=context.request_id,
            operation=context.operation,
            error_code=error.code.wire,
        )
    return error_response(request, error)
