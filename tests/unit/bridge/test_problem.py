from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bridge.contracts.health import ListSymptoms
from bridge.errors import (
    AppError,
    Busy,
    Code,
    Conflict,
    Denied,
    FieldError,
    Invalid,
    NotFound,
    Outcome,
    Unavailable,
    error_for,
)
from bridge.problem import error_from_problem, field_errors, problem_json


@pytest.mark.parametrize("code", Code)
def test_problem_keeps_the_error_whole_on_its_way(code: Code) -> None:
    error = error_for(code, "in words", fields=(FieldError("limit", "must be a number"),), retry_after_s=1.5)
    read = error_from_problem(problem_json(error, request_id="4bf92f"))
    assert read is not None
    assert type(read) is type(error)
    assert (read.code, read.public_message, read.fields, read.retry_after_s) == (
        code,
        "in words",
        (FieldError("limit", "must be a number"),),
        1.5,
    )


def test_problem_has_only_what_is_known() -> None:
    assert json.loads(problem_json(AppError(Code.INTERNAL))) == {
        "title": "Something went wrong",
        "status": 500,
        "code": "internal",
        "detail": "Something went wrong",
    }


def test_problem_names_the_request_when_it_is_known() -> None:
    assert json.loads(problem_json(AppError(Code.INTERNAL), request_id="4bf92f"))["request_id"] == "4bf92f"


@given(st.binary(max_size=200))
def test_error_is_none_when_the_document_is_no_problem_of_ours(document: bytes) -> None:
    assert error_from_problem(document) is None


def test_error_is_none_when_the_code_is_unknown() -> None:
    assert error_from_problem(b'{"code":"brand_new"}') is None


def test_field_errors_name_fields_and_never_values() -> None:
    with pytest.raises(ValidationError) as invalid:
        ListSymptoms.model_validate({"limit": "my secret", "symptoms": ["a", "\x00"]})
    fields = field_errors(invalid.value)
    assert [field.name for field in fields] == ["symptoms.1", "limit"]
    assert "secret" not in str(fields)


@pytest.mark.story("hub/IH-026.1")
@pytest.mark.parametrize(
    ("code", "kind", "also"),
    [
        (Code.INVALID_REQUEST, Invalid, ValueError),
        (Code.UNAUTHENTICATED, Denied, PermissionError),
        (Code.NOT_FOUND, NotFound, LookupError),
        (Code.CONFLICT, Conflict, AppError),
        (Code.OVERLOADED, Busy, AppError),
        (Code.RATE_LIMITED, Busy, AppError),
        (Code.UNREACHABLE, Unavailable, ConnectionError),
        (Code.TIMEOUT, Unavailable, ConnectionError),
        (Code.INTERNAL, AppError, AppError),
    ],
)
def test_error_has_the_class_of_its_code(code: Code, kind: type[AppError], also: type[Exception]) -> None:
    error = error_for(code)
    assert type(error) is kind
    assert isinstance(error, also)
    assert error.public_message == code.title


@pytest.mark.story("health/US-BE-05.2", "hub/IH-026.3")
def test_codes_are_unique_and_say_their_outcome() -> None:
    assert len({code.wire for code in Code}) == len(Code)
    assert all(400 <= code.status < 600 for code in Code)
    assert Outcome.OK not in {code.outcome for code in Code}
