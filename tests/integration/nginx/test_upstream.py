"""Two gateways: who is served by which, and what happens when one of them, or both, are not there."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv6Address
from pathlib import Path

import pytest
from aiohttp import ClientSession, UnixConnector, web

from tests.integration.nginx.conftest import StartNginx
from tests.integration.nginx.gateways import Wire, answering, real_gateway, socket_of, wires
from tests.integration.nginx.server import Nginx
from tests.waiting import until

SOURCES = [f"127.0.{number}.1" for number in range(1, 25)]

HANGING_PROCESS = """
import socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
while True:
    connection, _ = listener.accept()
    connection.recv(65536)
    open(sys.argv[2], "a").write("asked\\n")
    kept = globals().setdefault("kept", [])
    kept.append(connection)
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
    """A socket file that nobody listens on, as a killed process leaves it."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(socket_of(run, number)))
    yield


@pytest.fixture
def run(nginx: Nginx) -> Path:
    return nginx.folder / "run"


async def test_clients_are_shared_and_stay_when_both_gateways_are_up(nginx: Nginx, run: Path) -> None:
    async with wires(run):
        first = await places(nginx, SOURCES)
        again = await places(nginx, SOURCES)

    assert first == again
    assert min(Counter(first)[1], Counter(first)[2]) >= 4


async def test_ipv6_clients_of_one_network_are_one_when_they_are_hashed(start_nginx: StartNginx) -> None:
    networks = [IPv6Address(f"2001:db8:{number:x}::").exploded for number in range(1, 17)]
    async with start_nginx() as nginx, wires(nginx.folder / "run"):
        entrance = nginx.folder / "run" / "entrance.sock"
        await nginx.add_site(
            f"server {{ listen unix:{entrance}; server_name door; set_real_ip_from unix:; real_ip_header X-Test-Address;"
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
    process = subprocess.Popen([sys.executable, "-S", "-c", HANGING_PROCESS, str(socket_of(run, 1)), str(seen)])
    try:
        await until(socket_of(run, 1).exists)
        async with answering(run, 2, ok), asyncio.TaskGroup() as tasks:
            asked = [tasks.create_task(status_of(nginx, source=source)) for source in SOURCES]
            await until(seen.exists)
            await until(lambda: sum(task.done() for task in asked) + seen.read_text().count("\n") == len(SOURCES))
            process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        process.wait()

    assert {task.result() for task in asked} == {200}


async def ok(_request: web.BaseRequest) -> web.StreamResponse:
    return web.Response(text="ok")


async def test_other_gateway_answers_a_read_when_one_hangs(start_nginx: StartNginx) -> None:
    async def hang(_request: web.BaseRequest) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    async with start_nginx(drawbridge_gateway_timeout="200ms") as nginx:
        run = nginx.folder / "run"
        async with answering(run, 1, hang), answering(run, 2, ok):
            statuses = {await status_of(nginx, source=source) for source in SOURCES[:8]}

    assert statuses == {200}


async def test_gateway_is_asked_again_within_seconds_when_it_is_back(nginx: Nginx, run: Path) -> None:
    for source in SOURCES:
        assert await status_of(nginx, source=source) == 502
    async with wires(run):
        async with asyncio.timeout(3):
            while await status_of(nginx) != 200:  # noqa: ASYNC110 - nginx tells nobody when it looks again
                await asyncio.sleep(0.05)


async def test_no_request_is_lost_when_gateways_restart_one_after_the_other(nginx: Nginx, run: Path) -> None:
    statuses: Counter[int] = Counter()
    is_over = asyncio.Event()

    async def ask(source: str) -> None:
        async with nginx.client(source=source) as client:
            while not is_over.is_set():
                async with client.get("/version") as response:
                    await response.read()
                    statuses[response.status] += 1

    first, second = real_gateway(run, 1), real_gateway(run, 2)
    await first.__aenter__()
    await second.__aenter__()
    async with asyncio.TaskGroup() as tasks:
        for source in SOURCES[:4]:
            tasks.create_task(ask(source))
        await until(lambda: statuses.total() >= 20)
        for number, old in ((1, first), (2, second)):
            await old.__aexit__(None, None, None)
            before = statuses.total()
            await until(lambda before=before: statuses.total() >= before + 10)  # type: ignore[misc]
            new = real_gateway(run, number)
            await new.__aenter__()
            if number == 1:
                first = new
            else:
                second = new
        is_over.set()
    await first.__aexit__(None, None, None)
    await second.__aexit__(None, None, None)

    assert set(statuses) == {200}
