from __future__ import annotations

import json

import pytest

from bridge.errors import Code, Unavailable, error_for
from gateway.settings import GatewaySettings, Web
from tests.gateway_door import Door, open_door

LIST = "/api/v1/health/symptoms"
CHAT = "/api/v1/chat"


@pytest.mark.story("health/US-BE-05.2", "todo/US-4.3", "water/FR-101")
async def test_answer_is_a_problem_when_there_is_no_such_path(door: Door) -> None:
    response = await door.client.get("/api/v1/nothing", headers={"Accept": "text/html"})

    problem = await response.json()
    assert response.status == 404
    assert response.content_type == "application/problem+json"
    assert problem == {
        "title": "Not found",
        "status": 404,
        "code": "not_found",
        "detail": "Not found",
        "request_id": response.headers["X-Request-Id"],
    }


async def test_answer_is_a_page_when_a_person_looks_at_it(door: Door) -> None:
    response = await door.client.get("/nothing", headers={"Accept": "text/html,*/*"})

    page = await response.text()
    assert response.status == 404
    assert response.content_type == "text/html"
    assert response.headers["X-Request-Id"] in page


async def test_answer_says_what_is_allowed_when_the_method_is_not(door: Door) -> None:
    response = await door.client.delete(LIST)

    assert response.status == 405
    assert set(response.headers["Allow"].split(",")) == {"GET", "HEAD"}
    assert (await response.json())["code"] == "method_not_allowed"


@pytest.mark.story("health/US-BE-05.4", "hub/IH-026.2", "todo/US-4.4", "water/FR-102", "water/FR-103")
async def test_answer_tells_nothing_of_the_cause_when_something_broke(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    def break_(_params: object) -> dict[str, object]:
        msg = "planted-secret"
        raise RuntimeError(msg)

    door.bridge.answers["health.symptoms.list"] = break_

    response = await door.client.get(LIST, headers=door.bearer())

    assert response.status == 500
    assert "planted-secret" not in await response.text()
    assert door.log[-1]["error_code"] == "internal"
    assert [record.getMessage() for record in caplog.records] == ["request_failed"]


@pytest.mark.story("health/US-BE-11.2")
async def test_answer_is_a_timeout_when_time_ran_out(door: Door) -> None:
    def run_out(_params: object) -> dict[str, object]:
        raise TimeoutError

    door.bridge.answers["health.symptoms.list"] = run_out

    response = await door.client.get(LIST, headers=door.bearer())

    assert response.status == 504


@pytest.mark.story("health/US-BE-29.5", "health/US-BE-05.3", "health/US-BE-29.4", "todo/US-4.2", "todo/SC-008")
@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        (b"{", "application/json", 400, "invalid_request"),
        (b"[]", "application/json", 400, "invalid_request"),
        (b"\xff\xfe", "application/json", 400, "invalid_request"),
        (b'{"message":' + b"[" * 30_000 + b"]" * 30_000 + b"}", "application/json", 400, "invalid_request"),
        (b"{}", "text/plain", 415, "unsupported_media_type"),
        (b"x" * 70_000, "application/json", 413, "body_too_large"),
    ],
)
async def test_body_is_refused_when_it_cannot_be_used(
    door: Door, body: bytes, content_type: str, status: int, code: str
) -> None:
    headers = {"Content-Type": content_type, **door.bearer()}

    response = await door.client.post(CHAT, data=body, headers=headers)

    assert response.status == status
    assert (await response.json())["code"] == code
    assert door.log[-1]["error_code"] == code


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"message=%FF", "application/x-www-form-urlencoded"),
        ("message=ä".encode(), "application/x-www-form-urlencoded"),
        (b"&".join(b"a=%d" % number for number in range(101)), "application/x-www-form-urlencoded"),
        (b"{}", "application/json"),
    ],
)
async def test_form_is_refused_when_it_cannot_be_used(door: Door, body: bytes, content_type: str) -> None:
    headers = {"Content-Type": content_type, **door.with_page()}

    response = await door.client.post("/chat", data=body, headers=headers)

    assert response.status in {400, 415}
    assert response.content_type == "text/html"


async def test_query_is_refused_when_it_is_no_utf8(door: Door) -> None:
    response = await door.client.get(f"{LIST}/names?limit=%FF", headers=door.bearer())

    assert response.status == 400
    assert (await response.json())["fields"][0]["name"] == "query"


@pytest.mark.story("water/SC-023")
async def test_page_explains_when_the_records_are_out_of_reach(door: Door) -> None:
    door.bridge.answers["accounts.sign_in"] = Unavailable(Code.UNREACHABLE, retry_after_s=2)
    form = {"email": "ann@example.org", "password": "x"}

    response = await door.client.post("/auth/login", data=form, headers={"Accept": "text/html"})

    page = await response.text()
    assert response.status == 503
    assert response.headers["Retry-After"] == "2"
    assert "does not answer at the moment" in page
    assert 'href="tel:112"' in page


@pytest.mark.story("todo/EC.5")
async def test_program_and_person_are_told_what_is_wrong_when_the_disk_of_the_keep_is_full(door: Door) -> None:
    full = Unavailable(Code.STORAGE_FULL, retry_after_s=30)
    door.bridge.answers["users.feedback.give"] = door.bridge.answers["accounts.sign_in"] = full

    told = await door.client.post("/api/v1/feedback", json={"message": "Hello"}, headers=door.bearer())
    form = {"email": "ann@example.org", "password": "x"}
    shown = await door.client.post("/auth/login", data=form, headers={"Accept": "text/html"})

    problem = await told.json()
    assert (told.status, told.headers["Retry-After"]) == (503, "30")
    assert (problem["code"], problem["title"]) == ("storage_full", "There is no room left to keep this")
    assert (shown.status, shown.headers["Retry-After"]) == (503, "30")
    page = await shown.text()
    assert "There is no room left to keep this" in page
    assert "What you sent was not kept" in page
    assert "Nothing is lost" not in page


@pytest.mark.story("health/US-BE-05.1", "health/US-BE-05.2", "health/US-BE-11.2", "hub/IH-018.2")
@pytest.mark.parametrize("code", list(Code))
async def test_every_error_has_a_page_when_it_is_met(code: Code) -> None:
    async with open_door() as door:
        door.bridge.answers["health.symptoms.names"] = error_for(code)
        door.bridge.answers["accounts.sign_in"] = error_for(code)

        response = await door.client.post(
            "/auth/login",
            json={"email": "ann@example.org", "password": "x"},
            headers={"Accept": "text/html"},
            allow_redirects=False,
        )

        assert response.status in {code.status, 303}


async def test_body_limit_is_the_settings_when_it_is_larger() -> None:
    async with open_door(GatewaySettings(web=Web(body_max_bytes=100_000))) as door:
        body = json.dumps({"message": "x" * 70_000})

        response = await door.client.post(CHAT, data=body, headers={"Content-Type": "application/json"})

        assert response.status == 400
