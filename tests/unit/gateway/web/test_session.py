from __future__ import annotations

import pytest

from gateway.web.session import cookie
from tests.gateway_door import USER, Door

LIST = "/api/v1/health/symptoms"


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("s=1", "1"),
        ("a=0; s=1; b=2", "1"),
        ("s=1; s=2", "1"),
        ("xs=1; sx=2", ""),
        ("s", ""),
        ("", ""),
        ("s=a=b", "a=b"),
        ("a=1;s=2", "2"),
    ],
)
def test_cookie_is_found_by_its_whole_name(header: str, value: str) -> None:
    assert cookie(header, "s") == value


async def test_cookie_signs_a_browser_in(door: Door) -> None:
    response = await door.client.get(LIST, headers=door.cookie())

    assert response.status == 200
    assert door.log[0]["user_id"] == USER


@pytest.mark.story("todo/FR-013", "todo/SC-010")
@pytest.mark.parametrize("authorization", ["Bearer x", "bearer x.y.z", "Basic eDp5", "", "Bearer"])
async def test_request_is_refused_when_its_token_is_no_good(door: Door, authorization: str) -> None:
    response = await door.client.get(LIST, headers={"Authorization": authorization, **door.cookie()})

    assert response.status == 401
    assert not door.bridge.asked
    assert (door.log[-1]["outcome"], door.log[-1]["error_code"]) == ("denied", "unauthenticated")


async def test_scheme_may_be_written_in_any_case(door: Door) -> None:
    response = await door.client.get(LIST, headers={"Authorization": f"bEARER {door.token()}"})

    assert response.status == 200


async def test_page_for_everybody_is_shown_when_the_session_has_ended(door: Door) -> None:
    response = await door.client.get("/sign-in", headers={"Cookie": f"__Host-session={door.token(lives_s=-60)}"})

    assert response.status == 200
