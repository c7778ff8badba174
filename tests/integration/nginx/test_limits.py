"""How much one client may take, and how long it may take over it."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import ClientSession, web

from tests.integration.nginx.conftest import StartNginx
from tests.integration.nginx.gateways import Doors, answering, wires
from tests.integration.nginx.rendering import DOMAIN, asset_path
from tests.integration.nginx.server import Nginx
from tests.waiting import until


@pytest.mark.story("health/US-BE-15.4", "health/US-BE-29.4")
async def test_body_is_refused_when_it_is_over_a_mebibyte(nginx: Nginx) -> None:
    async with wires(nginx.folder / "run") as behind:
        answer = await nginx.send(
            f"POST /api/v1/chat HTTP/1.1\r\nHost: {DOMAIN}\r\nContent-Length: {1024 * 1024 + 1}\r\n\r\n".encode(),
            end=b"}",
        )

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'"code":"body_too_large"' in answer
    assert [wire.received for wire in behind] == [[], []]


async def test_body_is_refused_by_the_gateway_when_it_is_over_the_gateways_limit(nginx: Nginx, doors: Doors) -> None:
    async with nginx.client() as client:
        async with client.post("/api/v1/chat", json={"q": "a" * 70_000}, headers=doors[0].bearer()) as response:
            assert (response.status, (await response.json(content_type=None))["code"]) == (413, "body_too_large")
    assert [line["upstream_status"] for line in await nginx.logged()] == ["413"]


@pytest.mark.story("health/US-BE-15.3")
async def test_flood_is_refused_with_a_page_when_a_client_asks_too_fast(start_nginx: StartNginx) -> None:
    with start_nginx(nginx_request_rate="1r/m", nginx_request_burst=3) as nginx:
        async with wires(nginx.folder / "run"), nginx.client(source="127.0.0.2") as flood:
            statuses = [await asked(flood) for _ in range(5)]
            async with flood.get("/", headers={"Accept": "text/html"}) as response:
                page, retry_after = await response.text(), response.headers["Retry-After"]
            async with flood.get("/api/v1/health/symptoms") as response:
                problem = await response.json(content_type=None)
            async with flood.get(asset_path("drawbridge.css")) as response:
                assert response.status == 200  # a page may load its parts
            async with nginx.client(source="127.0.0.3") as other, other.get("/") as response:
                assert response.status == 200

    assert statuses == [200] * 4 + [429]
    assert (retry_after, problem["code"], problem["retry_after_s"]) == ("2", "rate_limited", 2)
    assert "Please wait a moment" in page


async def asked(client: ClientSession) -> int:
    async with client.get("/") as response:
        return response.status


async def test_request_is_refused_when_a_client_has_too_many_under_way(start_nginx: StartNginx) -> None:
    may_answer = asyncio.Event()
    under_way = 0

    async def wait(_request: web.BaseRequest) -> web.StreamResponse:
        nonlocal under_way
        under_way += 1
        await may_answer.wait()
        return web.Response()

    with start_nginx() as nginx:
        run = nginx.folder / "run"
        async with answering(run, 1, wait), answering(run, 2, wait), asyncio.TaskGroup() as tasks:
            held = [tasks.create_task(status_of(nginx, "127.0.0.2")) for _ in range(20)]
            await until(lambda: under_way == 20)
            refused = await status_of(nginx, "127.0.0.2")
            may_answer.set()
        other = await status_of(nginx, "127.0.0.3")

    assert refused == 429
    assert {task.result() for task in held} == {200}
    assert other == 502


async def status_of(nginx: Nginx, source: str) -> int:
    async with nginx.client(source=source) as client, client.get("/") as response:
        return response.status


@pytest.mark.story("health/US-BE-15.2")
@pytest.mark.parametrize(
    "beginning",
    [
        b"",
        b"GET / HTTP/1.1\r\nHost: ",
        b"POST / HTTP/1.1\r\nHost: " + DOMAIN.encode() + b"\r\nContent-Length: 100\r\n\r\nhalf",
    ],
)
async def test_connection_is_cut_when_a_client_is_slow_on_purpose(start_nginx: StartNginx, beginning: bytes) -> None:
    with start_nginx(nginx_client_timeout="300ms") as nginx:
        async with wires(nginx.folder / "run") as behind:
            async with asyncio.timeout(3):
                answer = await nginx.send(beginning)

    assert answer == b""
    assert [wire.received for wire in behind] == [[], []]


@pytest.mark.story("health/US-BE-15.1")
async def test_slow_header_is_cut_when_it_drips_in_time_for_each_read(start_nginx: StartNginx) -> None:
    with start_nginx(nginx_client_timeout="300ms") as nginx:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", nginx.https_port, ssl=nginx.tls(), server_hostname=DOMAIN
        )
        is_cut = asyncio.Event()

        async def drip() -> None:
            writer.write(b"GET / HTTP/1.1\r\nHost: ")
            while not is_cut.is_set():
                writer.write(b"a")
                await asyncio.sleep(0.05)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(drip())
            try:
                async with asyncio.timeout(3):
                    answer = await reader.read()
            except ConnectionResetError:
                answer = b""
            finally:
                is_cut.set()
        writer.transport.abort()

    assert answer == b""
