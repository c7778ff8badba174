from __future__ import annotations

import pytest

from gateway.web.response_headers import SECURITY_HEADERS
from tests.gateway_door import Door


@pytest.mark.story("hub/AC-051", "health/US-BE-27.5", "health/US-BE-30.2", "health/US-BE-41.5", "hub/DOD.16")
@pytest.mark.parametrize("path", ["/health", "/sign-in", "/api/v1/nothing", "/api/v1/health/symptoms", "/"])
async def test_response_carries_each_security_header_once(door: Door, path: str) -> None:
    response = await door.client.get(path, allow_redirects=False)

    for name, value in SECURITY_HEADERS.items():
        assert response.headers.getall(name) == [value]
    assert "unsafe" not in response.headers["Content-Security-Policy"]
    assert response.headers["Cache-Control"] == "no-store"


async def test_response_says_goodbye_when_the_gateway_stops(door: Door) -> None:
    before = await door.client.get("/health")
    door.drain.has_begun = True

    after = await door.client.get("/health")

    assert "Connection" not in before.headers
    assert after.headers["Connection"] == "close"
