"""What nginx says when it has to answer itself: a page for a person, problem+json for a program."""

from __future__ import annotations

import re
import time
from html.parser import HTMLParser

import pytest
from aiohttp import web

from bridge.errors import BY_WIRE, error_for
from bridge.problem import error_from_problem, problem_json
from tests.integration.nginx.conftest import StartNginx
from tests.integration.nginx.gateways import Doors, Wire, answering, real_gateways, wires
from tests.integration.nginx.rendering import DOMAIN, STATUSES, asset_path
from tests.integration.nginx.server import Nginx

CODES = {
    400: "invalid_request", 403: "not_found", 404: "not_found", 405: "method_not_allowed", 413: "body_too_large",
    414: "invalid_request", 421: "invalid_request", 429: "rate_limited", 500: "internal", 501: "invalid_request",
    502: "unreachable", 503: "unreachable", 504: "timeout", 505: "invalid_request",
}  # fmt: skip
HTML = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


@pytest.fixture
def nginx(shared_nginx: Nginx) -> Nginx:
    return shared_nginx


class Parts(HTMLParser):
    """What a page refers to, and whether it is written in a way that its Content-Security-Policy allows."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attributes}
        self.links += [value or "" for name, value in attributes if name in {"href", "src"}]


@pytest.mark.story("health/US-BE-16.3", "health/US-BE-16.5")
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("path", ["/", "/chat", "/anything?about=headache"])
async def test_page_names_the_request_within_a_second_when_both_gateways_are_down(
    nginx: Nginx, path: str, method: str
) -> None:
    started_at = time.monotonic()
    async with nginx.client() as client, client.request(method, path, headers=HTML) as response:
        page = await response.text()
        request_id = response.headers["X-Request-Id"]

    assert time.monotonic() - started_at < 1
    assert (response.status, response.content_type) == (502, "text/html")
    assert f"<code>{request_id}</code>" in page
    assert "headache" not in page
    assert response.headers["Retry-After"] == "5"
    [line] = await nginx.logged_of(request_id)
    assert (line["request_id"], line["method"], line["status"]) == (request_id, method, 502)


async def test_page_has_nothing_in_it_when_the_request_was_malformed(nginx: Nginx) -> None:
    answer = await nginx.send(b"GET / HTTP/1.1\r\nHost : x\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert re.search(rb"<code>[0-9a-f]{32}</code>", answer)


async def test_problem_has_the_gateways_shape_when_both_gateways_are_down(nginx: Nginx) -> None:
    async with nginx.client() as client, client.post("/api/v1/chat", json={"question": "why"}) as response:
        body = await response.read()
        request_id = response.headers["X-Request-Id"]

    assert (response.status, response.content_type) == (502, "application/problem+json")
    error = error_from_problem(body)
    assert error is not None
    assert is_the_gateways(body, 502, request_id)
    assert error.retry_after_s == float(response.headers["Retry-After"])


def is_the_gateways(body: bytes, status: int, request_id: str) -> bool:
    """Say whether the gateway would have written the same document; 502 is a status that it never answers with."""
    error = error_from_problem(body)
    assert error is not None
    own = problem_json(error_for(error.code, retry_after_s=error.retry_after_s), request_id=request_id)
    expected = own.replace(b'"status":%d' % error.code.status, b'"status":%d' % status)
    return body == expected.replace(b".0,", b",")


@pytest.mark.parametrize("path", ["/health", "/health/ready?now", "/version", "/metrics", "/api/v1/"])
async def test_program_gets_a_problem_when_it_asks_a_path_of_programs(nginx: Nginx, path: str) -> None:
    async with nginx.client() as client, client.get(path, headers=HTML) as response:
        assert response.content_type == "application/problem+json"


async def test_program_gets_a_problem_when_it_asks_for_json_alone(nginx: Nginx) -> None:
    async with nginx.client() as client:
        async with client.post("/auth/refresh", headers={"Accept": "application/json"}) as response:
            assert response.content_type == "application/problem+json"
        async with client.get("/healthy") as response:
            assert response.content_type == "text/html"


@pytest.mark.story("health/US-BE-16.1")
async def test_error_has_page_and_problem_when_nginx_returns_its_status(start_nginx: StartNginx) -> None:
    returning = "".join(f"location ~ ^(?:/api)?/{status}$ {{ return {status}; }}\n" for status in CODES)
    with start_nginx() as nginx:
        site = nginx.folder / "drawbridge" / "snippets" / "app.conf"
        site.write_text(f"{site.read_text('utf-8')}\n{returning}", "utf-8")
        await nginx.reload()
        async with nginx.client() as client:
            for status, code in CODES.items():
                async with client.get(f"/api/{status}") as response:
                    body = await response.read()
                    assert response.status == status
                    assert f'"code":"{code}"' in body.decode()
                    assert is_the_gateways(body, status, response.headers["X-Request-Id"])
                async with client.get(f"/{status}") as response:
                    page = await response.text()
                    assert response.status == status
                    assert f"<code>{response.headers['X-Request-Id']}</code>" in page


def test_codes_are_ones_that_never_change_when_nginx_writes_them(nginx: Nginx) -> None:
    text = (nginx.folder / "drawbridge" / "http" / "errors.conf").read_text("utf-8")
    titles = dict(re.findall(r'^ {4}(\w+) "([^"$]+)";$', text, re.MULTILINE))
    titles["invalid_request"] = titles.pop("default")

    assert titles
    assert {BY_WIRE[code].title: code for code in titles} == {title: code for code, title in titles.items()}


@pytest.mark.parametrize("status", STATUSES)
async def test_page_needs_nothing_but_nginx_when_it_is_shown(nginx: Nginx, status: int) -> None:
    page = (nginx.folder / "www" / "errors" / f"{status}.html").read_text("utf-8")
    parts = Parts(page)

    assert not parts.tags & {"style", "script", "form"}
    assert not [name for name in parts.attributes if name == "style" or name.startswith("on")]
    assert 'name="viewport"' in page
    async with nginx.client() as client:
        for link in set(parts.links) - {"/", "tel:112"}:
            async with client.get(link) as response:
                assert response.status == 200


async def test_page_is_not_there_when_it_is_asked_for_itself(nginx: Nginx) -> None:
    async with nginx.client() as client, client.get("/errors/500.html", headers=HTML) as response:
        assert response.status == 404
        assert "There is no page at this address." in await response.text()


async def test_gateways_own_errors_pass_when_it_answers_with_one(nginx: Nginx, doors: Doors) -> None:
    async with nginx.client() as client:
        async with client.get("/nowhere", headers=HTML) as response:
            assert response.status == 404
            assert "/static/drawbridge." in await response.text()
        async with client.get("/api/v1/health/symptoms") as response:
            assert (response.status, (await response.json(content_type=None))["code"]) == (401, "unauthenticated")


async def test_gateways_unavailability_passes_when_it_says_when_to_come_back(nginx: Nginx) -> None:
    busy = Wire(b"HTTP/1.1 503 Busy\r\nRetry-After: 17\r\nContent-Length: 4\r\nX-Request-Id: own\r\n\r\nbusy")
    async with wires(nginx.folder / "run", first=busy, second=busy), nginx.client() as client:
        async with client.get("/", headers=HTML) as response:
            assert (response.status, await response.text()) == (503, "busy")
            assert response.headers.getall("Retry-After") == ["17"]
            assert response.headers.getall("X-Request-Id") == ["own"]

    assert sum(len(wire.received) for wire in (busy,)) == 1  # an answer is no reason to ask the other


async def test_file_comes_compressed_for_good_when_both_gateways_are_down(nginx: Nginx) -> None:
    async with nginx.client() as client:
        async with client.get(asset_path("drawbridge.css"), headers={"Accept-Encoding": "gzip"}) as response:
            assert (response.status, response.headers["Content-Encoding"]) == (200, "gzip")
            assert response.headers["Content-Type"] == "text/css; charset=utf-8"
            assert "--paper" in await response.text()


async def test_answers_of_a_gateway_stay_uncompressed_when_the_client_would_take_it(nginx: Nginx) -> None:
    async def long_page(_request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(text="a" * 20_000, content_type="text/html")

    run = nginx.folder / "run"
    async with answering(run, 1, long_page), answering(run, 2, long_page), nginx.client() as client:
        async with client.get("/", headers={"Accept-Encoding": "gzip"}) as response:
            assert "Content-Encoding" not in response.headers


async def test_file_comes_from_a_gateway_when_the_folder_does_not_have_it(start_nginx: StartNginx) -> None:
    path = asset_path("chat.js")
    with start_nginx() as nginx:
        (nginx.folder / "www" / path.lstrip("/")).unlink()
        async with real_gateways(nginx.folder / "run"), nginx.client() as client, client.get(path) as response:
            assert response.status == 200
            assert response.headers.getall("Cache-Control") == ["public, max-age=31536000, immutable"]


@pytest.mark.parametrize(
    "path",
    ["/static/../secret", "/static/%2e%2e/secret", "/static/..%2fsecret", "/errors/static/../../secret", "//secret"],
)
async def test_no_other_file_is_served_when_a_path_climbs(nginx: Nginx, path: str) -> None:
    (nginx.folder / "www" / "secret").write_text("not for the web", "ascii")

    answer = await nginx.send(f"GET {path} HTTP/1.1\r\nHost: {DOMAIN}\r\nConnection: close\r\n\r\n".encode())

    assert answer.startswith((b"HTTP/1.1 404 ", b"HTTP/1.1 502 "))
    assert b"not for the web" not in answer
