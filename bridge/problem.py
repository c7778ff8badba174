"""Errors as RFC 9457 ``application/problem+json``, written and read: the same on the bridge and on the public API."""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import to_json

from bridge.errors import BY_WIRE, AppError, FieldError, error_for
from bridge.invalid import wrong_fields

PROBLEM_TYPE: Final = "application/problem+json"


def problem_json(error: AppError, *, request_id: str = "") -> bytes:
    """Return the document: ``title status code detail``, and where known ``fields retry_after_s request_id``."""
    document: dict[str, object] = {
        "title": error.code.title,
        "status": error.code.status,
        "code": error.code.wire,
        "detail": error.public_message,
    }
    if error.fields:
        document["fields"] = [{"name": field.name, "message": field.message} for field in error.fields]
    if error.retry_after_s is not None:
        document["retry_after_s"] = error.retry_after_s
    if request_id:
        document["request_id"] = request_id
    return to_json(document)


def error_from_problem(document: bytes) -> AppError | None:
    """Return the error that a problem document tells of, or None where it is not one of ours."""
    try:
        problem = _Problem.model_validate_json(document)
    except ValidationError:
        return None
    code = BY_WIRE.get(problem.code)
    if code is None:
        return None
    fields = tuple(FieldError(field.name, field.message) for field in problem.fields)
    return error_for(code, problem.detail, fields=fields, retry_after_s=problem.retry_after_s)


def field_errors(error: ValidationError) -> tuple[FieldError, ...]:
    """Return what pydantic found wrong, by field, without the values: they may be health text or a password."""
    return tuple(FieldError(name or "body", message) for name, message in wrong_fields(error))


class _Field(BaseModel):
    model_config = ConfigDict(frozen=True)
    name: str
    message: str


class _Problem(BaseModel):
    model_config = ConfigDict(frozen=True)
    code: str
    detail: str = ""
    fields: tuple[_Field, ...] = ()
    retry_after_s: float | None = None
