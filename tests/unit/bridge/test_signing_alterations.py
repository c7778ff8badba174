"""No altered message verifies, and no bytes bring the verifier to anything but a refusal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.signing import (
    Step,
)
from tests.signed_messages import (
    AUTHORITY,
    BODY,
    PATH,
    RESPONSE_KEY,
    Request,
    Response,
    signed_request,
    signed_response,
    step_of,
)


def alterations(text: str) -> Iterator[str]:
    """Every text that differs from ``text`` by one character changed, inserted or left out, with a few characters."""
    for at in range(len(text) + 1):
        for character in ("0", "A", "a", "=", " ", '"', "\n", "é", chr(ord(text[at]) ^ 1) if at < len(text) else "?"):
            yield text[:at] + character + text[at:]
            if at < len(text):
                yield text[:at] + character + text[at + 1 :]
        yield text[:at] + text[at + 1 :]


def altered(text: str) -> Iterator[str]:
    return (other for other in alterations(text) if other != text)


@pytest.mark.story("health/US-BE-43.2")
def test_request_is_refused_when_any_character_of_any_header_is_altered() -> None:
    request = signed_request()
    for name, value in request.headers.items():
        for other in altered(value):
            assert step_of(request.with_header(name, other).open), f"{name}: {other!r}"


def test_request_is_refused_when_method_path_authority_or_body_is_altered() -> None:
    request = signed_request()
    for other in altered(PATH):
        assert step_of(replace(request, path=other).open)
    for other in altered(AUTHORITY):
        assert step_of(replace(request, authority=other).open)
    for method in ("GET", "PUT", "post", ""):
        assert step_of(replace(request, method=method).open) is Step.COMPONENTS
    for other in altered(BODY.decode()):
        assert step_of(replace(request, body=other.encode()).open) is Step.DIGEST


def test_response_is_refused_when_any_character_of_any_header_is_altered() -> None:
    response = signed_response()
    for name, value in response.headers.items():
        for other in altered(value):
            assert step_of(response.with_header(name, other).verify), f"{name}: {other!r}"


def test_response_is_refused_when_status_body_or_request_is_another() -> None:
    response = signed_response()
    for status in (0, 201, 404, 503, 2000):
        assert step_of(replace(response, status=status).verify) is Step.MAC
    for other in altered(response.body.decode()):
        assert step_of(replace(response, body=other.encode()).verify) is Step.DIGEST
    assert step_of(replace(response, request_signature=b"B" * 43 + b"=").verify) is Step.MAC


@given(data=st.data(), value=st.text(st.characters()))
def test_request_is_refused_when_a_header_is_replaced(data: st.DataObject, value: str) -> None:
    request = signed_request()
    name = data.draw(st.sampled_from(sorted(request.headers)))
    if value != request.headers[name]:
        assert step_of(request.with_header(name, value).open)


def test_request_is_refused_when_a_value_moves_to_the_next_line_of_the_base() -> None:
    """Two different messages with one base would both pass; a line feed inside a value is how to make them."""
    request = signed_request(authorization="x", deadline_ms=5)
    merged = request.with_header("authorization", 'x\n"bridge-deadline-ms": 5').with_header("bridge-deadline-ms", "")
    assert step_of(merged.open) is Step.COMPONENTS


def test_request_is_refused_when_it_is_a_response_and_the_other_way_round() -> None:
    request, response = signed_request(key=RESPONSE_KEY), signed_response()
    assert step_of(replace(request, headers={**request.headers, **response.headers}).open) is Step.COMPONENTS
    assert step_of(replace(response, headers={**response.headers, **request.headers}).verify) is Step.COMPONENTS


# any bytes

ANY_TEXT = st.text(st.characters(), max_size=60)


@given(
    headers=st.fixed_dictionaries({}, optional=dict.fromkeys(sorted(signed_request().headers), ANY_TEXT)),
    method=ANY_TEXT, path=ANY_TEXT, authority=ANY_TEXT, body=st.binary(max_size=60),
)  # fmt: skip
def test_request_is_refused_and_nothing_else_when_it_is_noise(
    headers: dict[str, str], method: str, path: str, authority: str, body: bytes
) -> None:
    assert step_of(Request(headers, method, path, authority, body).open)


@given(
    headers=st.fixed_dictionaries({}, optional=dict.fromkeys(sorted(signed_response().headers), ANY_TEXT)),
    status=st.integers(), body=st.binary(max_size=60),
)  # fmt: skip
def test_response_is_refused_and_nothing_else_when_it_is_noise(
    headers: dict[str, str], status: int, body: bytes
) -> None:
    assert step_of(Response(headers, status, body).verify)
