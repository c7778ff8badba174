"""Two gateways: who is served by which, and what happens when one of them, or both, are not there."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from ipaddress import IPv6Address
from pathlib import Path

import pytest
from aiohttp import ClientSession, UnixConnector, web

from tests.integration.nginx.conftest import StartNginx
from tests.integration.nginx.gateways import Activated, Doors, Wire, answering, socket_of, wires
from tests.integration.nginx.server import Nginx
from tests.waiting import until

SOURCES = [f"127.0.{number}.1" for number in range(1, 25)]
REPORT = b'{"csp-report":{"effective-directive":"script-src"}}'
REPORT_TYPE = {"Content-Type": "application/csp-report"}

HANGING_PROCESS = """
import socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
kept = []
while True:
    connection, _ = listener.accept()
    kept.append(connection)
    connection.recv(65536)
    with open(sys.argv[2], "a") as seen:
        seen.write("asked\\n")
"""


async def status_of(nginx: Nginx, path: str = "/", *, source: str = "127.0.0.1", method: str = "GET") -> int:
    async with nginx.client(source=source) as client, client.request(method, path) as response:
        await response.read()
        return response.status


async def places(nginx: Nginx, sources: list[str]) -> list[int]:
    """Return the number of the gateway that each source was served by, as nginx logged it."""
    before = len(nginx.log())
    for source in sources:
        assert await status_of(nginx, source=source) == 200
    lines = (await nginx.logged(before + len(sources)))[before:]
    return [int(line["upstream"].removesuffix(".sock")[-1]) for line in lines]


@contextmanager
def dead_socket(run: Path, number: int) -> Iterator[None]:
    """Leave a socket file that nobody listens on, as a killed process does."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(socket_of(run, number)))
    yield


@pytest.fixture
def run(nginx: Nginx) -> Path:
    return nginx.folder / "run"


@pytest.mark.story("health/US-BE-12.4")
async def test_clients_are_shared_and_stay_when_both_gateways_are_up(nginx: Nginx, run: Path) -> None:
    async with wires(run):
        first = await places(nginx, SOURCES)
        again = await places(nginx, SOURCES)

    assert first == again
    assert min(Counter(first)[1], Counter(first)[2]) >= 4


async def test_ipv6_clients_of_one_network_are_one_when_they_are_hashed(start_nginx: StartNginx) -> None:
    networks = [IPv6Address(f"2001:db8:{number:x}::").exploded for number in range(1, 17)]
    with start_nginx() as nginx:
        async with wires(nginx.folder / "run"):
            entrance = nginx.folder / "run" / "entrance.sock"  # where a test can say which address it comes from
            await nginx.add_site(
                f"server {{ listen unix:{entrance}; server_name door;"
                " set_real_ip_from unix:; real_ip_header X-Test-Address;"
                " location / { include drawbridge/snippets/proxy.conf; } }"
            )
            async with ClientSession(connector=UnixConnector(str(entrance))) as client:
                served: dict[str, set[str]] = {}
                for network in networks:
                    served[network] = set()
                    for host in ("1", "ffff:1:2:3"):
                        address = IPv6Address(int(IPv6Address(network)) + int(IPv6Address(f"::{host}")))
                        before = len(nginx.log())
                        async with client.get("http://door/", headers={"X-Test-Address": str(address)}) as response:
                            assert response.status == 200
                        line = (await nginx.logged(before + 1))[before]
                        assert line["address"] == str(address)
                        served[network].add(line["upstream"])

    assert {len(upstreams) for upstreams in served.values()} == {1}
    assert len(set().union(*served.values())) == 2


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_other_gateway_answers_when_nobody_listens_on_one_socket(
    nginx: Nginx, run: Path, number: int, method: str
) -> None:
    alive = Wire()
    with dead_socket(run, number):
        server = await asyncio.start_unix_server(alive.handle, str(socket_of(run, 3 - number)))
        async with server:
            statuses = {await status_of(nginx, source=source, method=method) for source in SOURCES}

    assert statuses == {200}
    assert len(alive.received) == len(SOURCES)  # each arrived once


async def test_other_gateway_answers_a_read_when_one_hangs_up_on_it(nginx: Nginx, run: Path) -> None:
    dying, alive = Wire(answer=b""), Wire()
    async with wires(run, first=dying, second=alive):
        statuses = {await status_of(nginx, source=source) for source in SOURCES}

    assert statuses == {200}
    assert dying.received


@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_write_is_sent_to_one_gateway_when_that_one_hangs_up_on_it(nginx: Nginx, run: Path, method: str) -> None:
    dying, alive = Wire(answer=b""), Wire()
    async with wires(run, first=dying, second=alive):
        [source] = [each for each in SOURCES if await place_of(nginx, each) == 1][:1]
        before = len(alive.received)
        status = await status_of(nginx, source=source, method=method)

    assert status == 502
    assert len(alive.received) == before
    assert dying.received[-1].startswith(method.encode())


async def place_of(nginx: Nginx, source: str) -> int:
    """Return which gateway is asked first for ``source``, whoever answers."""
    before = len(nginx.log())
    await status_of(nginx, source=source)
    first = (await nginx.logged(before + 1))[before]["upstream"].split(", ")[0]
    return int(first.removesuffix(".sock")[-1])


async def test_read_under_way_is_answered_by_the_other_when_a_process_is_killed(nginx: Nginx, run: Path) -> None:
    seen = nginx.folder / "seen"
    arguments = "-S", "-c", HANGING_PROCESS, str(socket_of(run, 1)), str(seen)
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments)
    try:
        await until(socket_of(run, 1).exists)
        async with answering(run, 2, ok), asyncio.TaskGroup() as tasks:
            asked = [tasks.create_task(status_of(nginx, source=source)) for source in SOURCES]
            await until(seen.exists)
            await until(lambda: sum(task.done() for task in asked) + seen.read_text().count("\n") == len(SOURCES))
            process.kill()
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()

    assert {task.result() for task in asked} == {200}


async def ok(_request: web.BaseRequest) -> web.StreamResponse:
    return web.Response(text="ok")


async def test_other_gateway_answers_a_read_when_one_hangs(start_nginx: StartNginx) -> None:
    hanging = Wire(is_silent=True)
    with start_nginx(nginx_gateway_timeout="150ms") as nginx:
        async with wires(nginx.folder / "run", first=hanging):
            statuses = {await status_of(nginx, source=source) for source in SOURCES[:8]}

    assert statuses == {200}
    assert hanging.received


async def test_gateway_is_asked_again_at_once_when_it_is_back(nginx: Nginx, run: Path) -> None:
    assert {await status_of(nginx, source=source) for source in SOURCES} == {502}
    async with wires(run):
        assert {await status_of(nginx, source=source) for source in SOURCES} == {200}


async def test_no_request_is_lost_or_repeated_when_gateways_restart_one_after_the_other(
    nginx: Nginx, run: Path
) -> None:
    sent: Counter[str] = Counter()
    statuses: set[int] = set()
    lines: list[dict[str, object]] = []
    is_over, has_ended = asyncio.Event(), asyncio.Event()

    async def ask(source: str) -> None:
        async with nginx.client(source=source) as client:
            while not is_over.is_set():
                async with client.get("/version") as response:
                    statuses.add(response.status)
                async with client.post("/csp-reports", data=REPORT, headers=REPORT_TYPE) as response:
                    statuses.add(response.status)
                    sent[response.headers["X-Request-Id"]] += 1

    async def run_gateway(socket: Activated, until_then: Callable[[], bool]) -> None:
        async with socket.gateway() as door:
            await until(until_then)
        lines.extend(door.log)

    with closing(Activated(run, 1)) as one, closing(Activated(run, 2)) as two:
        async with asyncio.TaskGroup() as gateways:
            second = gateways.create_task(run_gateway(two, lambda: sent.total() > 40))
            async with asyncio.TaskGroup() as clients:
                for source in SOURCES[:6]:
                    clients.create_task(ask(source))
                await run_gateway(one, lambda: sent.total() > 20)
                gateways.create_task(run_gateway(one, has_ended.is_set))
                await second
                gateways.create_task(run_gateway(two, has_ended.is_set))
                await until(lambda: sent.total() > 80)
                is_over.set()
            has_ended.set()

    assert statuses == {200, 204}
    taken = Counter(str(line["request_id"]) for line in lines if line["route"] == "/csp-reports")
    assert taken == sent


@pytest.mark.story("health/US-BE-12.1")
async def test_metrics_are_of_the_gateway_that_was_asked_for(nginx: Nginx, doors: Doors) -> None:
    for door in doors:
        door.bridge.answers["system.metrics"] = {"text": ""}
    for number in (1, 2, 1):
        assert await status_of(nginx, f"/metrics/{number}") == 200
    lines = await nginx.logged(3)
    assert [line["upstream"].removesuffix(".sock")[-1] for line in lines] == ["1", "2", "1"]
    assert [line["status"] for line in lines] == [200, 200, 200]
    assert await status_of(nginx, "/metrics/3") == 404


async def test_metrics_are_of_no_other_gateway_when_that_one_is_away(nginx: Nginx, doors: Doors) -> None:
    for door in doors:
        door.bridge.answers["system.metrics"] = {"text": ""}
    socket_of(nginx.folder / "run", 2).unlink()
    assert [await status_of(nginx, f"/metrics/{number}") for number in (1, 2)] == [200, 502]
