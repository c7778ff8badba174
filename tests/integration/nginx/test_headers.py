"""Which headers go out, and which go on to the gateway."""

from __future__ import annotations

from collections import Counter

import pytest
from aiohttp import ClientResponse

from gateway.web.response_headers import SECURITY_HEADERS
from tests.integration.nginx.gateways import Doors, Wire, wires
from tests.integration.nginx.rendering import DOMAIN, asset_path
from tests.integration.nginx.server import Nginx, field_values

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
EXPECTED = {name: value for name, value in SECURITY_HEADERS.items() if name != "Server"}


@pytest.fixture
def nginx(shared_nginx: Nginx) -> Nginx:
    return shared_nginx


def assert_every_header_once(response: ClientResponse) -> None:
    counts = Counter(name.lower() for name in response.headers)
    for name, value in EXPECTED.items():
        assert (name, response.headers.get(name), counts[name.lower()]) == (name, value, 1)
    for name in ("x-request-id", "cache-control"):
        assert (name, counts[name]) == (name, 1)


@pytest.mark.story("health/US-BE-12.3")
@pytest.mark.parametrize("accept", ["text/html", "application/json"])
@pytest.mark.parametrize("path", ["/sign-in", "/api/v1/health/symptoms", "/health", "/nowhere", "/static/nothing.css"])
async def test_every_header_comes_once_when_the_gateway_answers(
    nginx: Nginx, doors: Doors, path: str, accept: str
) -> None:
    async with nginx.client() as client, client.get(path, headers={"Accept": accept}) as response:
        assert_every_header_once(response)
        assert response.headers["X-Request-Id"] == doors_log(doors)[-1]["request_id"]


@pytest.mark.story("health/US-BE-27.5")
@pytest.mark.parametrize("path", ["/", "/api/v1/health/symptoms", "/errors/static/drawbridge.css", "/errors/404.html"])
async def test_every_header_comes_once_when_nginx_answers_itself(nginx: Nginx, path: str) -> None:
    async with nginx.client() as client, client.get(path) as response:
        assert_every_header_once(response)


@pytest.mark.story("health/US-BE-12.2")
async def test_every_header_comes_once_when_a_file_is_served(nginx: Nginx) -> None:
    async with nginx.client() as client, client.get(asset_path("drawbridge.css")) as response:
        assert_every_header_once(response)
        assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"


async def test_every_header_comes_once_when_the_request_is_misdirected(nginx: Nginx) -> None:
    answer = await nginx.send(b"GET / HTTP/1.1\r\nHost: other.example.org\r\nConnection: close\r\n\r\n")

    assert {name: list(field_values(answer, name)) for name in EXPECTED} == {
        name: [value] for name, value in EXPECTED.items()
    }


async def test_gateways_opening_to_a_listed_origin_stays_when_it_sends_one(nginx: Nginx) -> None:
    opened = Wire(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nCross-Origin-Resource-Policy: cross-origin\r\n\r\n")
    async with wires(nginx.folder / "run", first=opened, second=opened), nginx.client() as client:
        async with client.get("/api/v1/health/symptoms") as response:
            assert response.headers.getall("Cross-Origin-Resource-Policy") == ["cross-origin"]


async def test_gateway_serves_no_file_of_nginx_when_it_asks_for_one(nginx: Nginx) -> None:
    asking = Wire(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Accel-Redirect: /errors/404.html\r\n\r\nok")
    async with wires(nginx.folder / "run", first=asking, second=asking), nginx.client() as client:
        async with client.get("/") as response:
            assert await response.text() == "ok"


async def test_forwarded_address_is_the_connections_when_the_client_claims_others(nginx: Nginx, doors: Doors) -> None:
    claims = {"X-Forwarded-For": "198.51.100.9", "Forwarded": "for=198.51.100.9", "X-Real-IP": "198.51.100.9"}
    async with nginx.client(source="127.0.0.77") as client, client.get("/version", headers=claims):
        pass

    assert [line["address"] for line in doors_log(doors)] == ["127.0.0.77"]


async def test_forwarded_headers_are_nginx_own_when_the_client_sends_several(nginx: Nginx) -> None:
    async with wires(nginx.folder / "run") as behind:
        await nginx.send(
            f"GET / HTTP/1.1\r\nHost: {DOMAIN}\r\nConnection: close\r\nX-Forwarded-For: 1.2.3.4\r\n"
            "X-Forwarded-For: 5.6.7.8\r\nX_Forwarded_For: 9.9.9.9\r\nForwarded: for=1.2.3.4\r\n"
            "X-Forwarded-Host: evil\r\nX-Forwarded-Proto: http\r\nX-Real-IP: 1.2.3.4\r\n\r\n".encode()
        )

    [request] = [each for wire in behind for each in wire.received]
    sent = {name: list(field_values(request, name)) for name in ("X-Forwarded-For", "X-Forwarded-Proto", "Host")}
    assert sent == {"X-Forwarded-For": ["127.0.0.1"], "X-Forwarded-Proto": ["https"], "Host": [DOMAIN]}
    for other in (b"1.2.3.4", b"5.6.7.8", b"9.9.9.9", b"evil"):
        assert other not in request


@pytest.mark.parametrize(
    ("sent", "is_kept"),
    [
        (f"00-{TRACE}-00f067aa0ba902b7-01", True),
        (f"00-{TRACE}-0000000000000000-01", False),
        (f"00-{'0' * 32}-00f067aa0ba902b7-01", False),
        (f"00-{TRACE.upper()}-00f067aa0ba902b7-01", False),
        (f"ff-{TRACE}-00f067aa0ba902b7-01", False),
        ("secret-words-of-a-client", False),
        ("", False),
    ],
)
async def test_one_id_is_in_both_logs_and_the_answer_when_a_client_sends_a_trace(
    nginx: Nginx, doors: Doors, sent: str, *, is_kept: bool
) -> None:
    async with nginx.client() as client, client.get("/version", headers={"traceparent": sent}) as response:
        told = response.headers["X-Request-Id"]

    assert (told == TRACE) is is_kept
    assert len(await nginx.logged_of(told)) == 1
    assert [line["request_id"] for line in doors_log(doors)] == [told]


async def test_host_keeps_its_port_when_it_is_not_443(nginx: Nginx) -> None:
    async with wires(nginx.folder / "run") as behind, nginx.client() as client, client.get("/"):
        pass

    [request] = [each for wire in behind for each in wire.received]
    assert list(field_values(request, "Host")) == [f"{DOMAIN}:{nginx.https_port}"]


def doors_log(doors: Doors) -> list[dict[str, object]]:
    return [line for door in doors for line in door.log]
