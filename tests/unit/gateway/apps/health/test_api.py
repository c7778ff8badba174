from __future__ import annotations

import pytest

from bridge.contracts.health import ListSymptoms
from bridge.errors import Code, Denied, Outcome, Unavailable
from tests.gateway_door import PAGE, SESSION, USER, Door

LIST = "/api/v1/health/symptoms"


@pytest.mark.story("health/US-BE-01.1")
@pytest.mark.parametrize("path", [LIST, "/api/health/symptoms"])
async def test_list_relays_the_agents_bytes_when_signed_in(door: Door, path: str) -> None:
    door.bridge.answers["health.symptoms.list"] = body = b'{"items": [ ],  "total":0}'

    response = await door.client.get(f"{path}?limit=10&symptom=Headache", headers=door.bearer())

    assert response.status == 200
    assert response.content_type == "application/json"
    assert await response.read() == body
    [asked] = door.bridge.asked
    assert isinstance(asked.params, ListSymptoms)
    assert (asked.params.limit, asked.params.symptoms) == (10, ("Headache",))
    assert asked.credentials.scope == f"{USER}.{SESSION}.1"
    assert asked.context.request_id == response.headers["X-Request-Id"]


async def test_list_is_refused_when_nobody_is_signed_in(door: Door) -> None:
    response = await door.client.get(LIST)

    assert response.status == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert (await response.json())["code"] == "unauthenticated"
    assert not door.bridge.asked


@pytest.mark.story("health/US-BE-29.2")
async def test_list_names_unknown_parameters_when_there_are_some(door: Door) -> None:
    response = await door.client.get(f"{LIST}?limit=0&colour=red", headers=door.bearer())

    problem = await response.json()
    assert response.status == 400
    assert response.content_type == "application/problem+json"
    assert problem["code"] == "invalid_request"
    assert problem["fields"] == [{"name": "colour", "message": "there is no such parameter"}]
    assert problem["request_id"] == response.headers["X-Request-Id"]


async def test_list_links_to_the_next_page_when_there_is_one(door: Door) -> None:
    door.bridge.next_cursor = "bmV4dA"

    response = await door.client.get(f"{LIST}?cursor=Zmlyc3Q&limit=1", headers=door.bearer())

    assert response.headers["Link"] == f'<{LIST}?limit=1&cursor=bmV4dA>; rel="next"'


async def test_list_has_no_link_when_it_is_the_last_page(door: Door) -> None:
    response = await door.client.get(LIST, headers=door.bearer())

    assert "Link" not in response.headers


async def test_list_says_as_of_when_the_answer_is_from_before_an_outage(door: Door) -> None:
    door.bridge.outcome, door.bridge.age_s = Outcome.STALE, 61.7

    response = await door.client.get(LIST, headers=door.bearer())

    body = await response.json()
    assert body["as_of"] == "2026-05-28T20:10:00Z"
    assert body | {"as_of": None} == PAGE | {"as_of": None}
    assert response.headers["Age"] == "61"
    assert response.headers["Cache-Status"] == "drawbridge; fwd=miss"


async def test_list_is_503_with_retry_after_when_there_is_no_answer(door: Door) -> None:
    door.bridge.answers["health.symptoms.list"] = Unavailable(Code.UNREACHABLE, retry_after_s=1.2)

    response = await door.client.get(LIST, headers=door.bearer())

    assert response.status == 503
    assert response.headers["Retry-After"] == "2"
    assert (await response.json())["code"] == "unreachable"


async def test_list_passes_the_agents_refusal_on_when_there_are_no_records_for_the_account(door: Door) -> None:
    door.bridge.answers["health.symptoms.list"] = Denied(Code.NOT_LINKED)

    response = await door.client.get(LIST, headers=door.bearer())

    assert response.status == 403
    assert (await response.json())["code"] == "not_linked"


async def test_names_and_stats_ask_their_operations(door: Door) -> None:
    door.bridge.answers["health.symptoms.stats"] = b"{}"

    names = await door.client.get(f"{LIST}/names?limit=3", headers=door.bearer())
    stats = await door.client.get(f"{LIST}/stats?bucket=month&symptom=Headache", headers=door.bearer())

    assert (names.status, stats.status) == (200, 200)
    assert [asked.operation for asked in door.bridge.asked] == ["health.symptoms.names", "health.symptoms.stats"]
    assert door.bridge.asked[1].params.time_zone == "UTC"


async def test_a_written_query_is_never_stored_by_browsers(door: Door) -> None:
    response = await door.client.get(LIST, headers=door.bearer())

    assert response.headers["Cache-Control"] == "no-store"
