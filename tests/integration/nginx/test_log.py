"""What nginx writes down: one JSON object a request, and nothing that a person typed."""

from __future__ import annotations

import os
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.integration.nginx.conftest import StartNginx
from tests.integration.nginx.gateways import Doors, Wire, wires
from tests.integration.nginx.rendering import DOMAIN, asset_path, templates
from tests.integration.nginx.server import Nginx
from tests.waiting import until

SECRET = "headache-eyJhbGciOi"

KEYS = [
    "at", "level", "host", "app", "event", "request_id", "method", "route", "status", "address", "duration_ms",
    "bytes", "protocol", "tls", "upstream", "upstream_status", "limit",
]  # fmt: skip


@pytest.mark.story("health/US-BE-14.1", "health/US-BE-14.4")
async def test_line_has_the_keys_of_our_other_logs_when_a_request_is_answered(nginx: Nginx, doors: Doors) -> None:
    async with nginx.client(source="127.0.0.9") as client, client.get("/version?why") as response:
        request_id = response.headers["X-Request-Id"]

    [line] = await nginx.logged()
    assert list(line) == KEYS
    assert datetime.now(UTC) - datetime.fromisoformat(line["at"]) < timedelta(seconds=10)
    assert line["upstream"] in {f"unix:{nginx.folder}/run/gateway-{number}.sock" for number in (1, 2)}
    expected = {
        "host": "door", "app": "nginx", "event": "request_finished", "request_id": request_id, "method": "GET",
        "route": "/version", "status": 200, "address": "127.0.0.9", "upstream_status": "200", "limit": "PASSED",
    }  # fmt: skip
    assert {key: line[key] for key in expected} == expected


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/", "/"), ("/?q=x", "/"), ("/chat", "/chat"), ("/chat/headache", "none"),
        ("/reset-password?token=x", "/reset-password"), ("/confirm-address?token=x", "/confirm-address"),
        ("/accept-invitation?token=x", "/accept-invitation"), ("/reset-password/x", "none"), ("/headache", "none"),
        ("/api/v1/health/symptoms", "/api/v1/"), ("/auth/login", "/auth/"), ("/static/headache.css", "/static/"),
        ("/health/ready?x", "/health/ready"), ("/health/x", "none"),
    ],
)  # fmt: skip
async def test_route_is_one_of_a_list_when_a_path_is_logged(shared_nginx: Nginx, path: str, route: str) -> None:
    async with shared_nginx.client() as client, client.get(path) as response:
        request_id = response.headers["X-Request-Id"]

    assert [line["route"] for line in await shared_nginx.logged_of(request_id)] == [route]


async def test_duration_is_in_milliseconds_when_a_gateway_takes_its_time(start_nginx: StartNginx) -> None:
    with start_nginx(nginx_gateway_timeout="1100ms") as nginx:
        silent = Wire(is_silent=True)
        async with wires(nginx.folder / "run", first=silent, second=silent), nginx.client() as client:
            async with client.post("/chat") as response:
                assert response.status == 504
        [line] = await nginx.logged()

    assert 1_100 <= line["duration_ms"] < 5_000


@pytest.mark.story("health/US-BE-14.5")
async def test_secret_is_in_no_log_when_requests_go_wrong_in_every_way(start_nginx: StartNginx) -> None:
    fields = f"Host: {DOMAIN}\r\nReferer: https://{DOMAIN}/?{SECRET}\r\nAuthorization: Bearer {SECRET}\r\n"
    fields += f"Cookie: session={SECRET}\r\nUser-Agent: {SECRET}\r\nConnection: close\r\n"
    line = f"/chat?q={SECRET}"
    requests = [
        (f"GET {line} HTTP/1.1\r\n{fields}\r\n", b"502"),
        (f"GET /{SECRET} HTTP/1.1\r\n{fields}\r\n", b"502"),
        (f"POST {line} HTTP/1.1\r\n{fields}Content-Length: 2000000\r\n\r\n", b"413"),
        (f"GET {line} HTTP/1.1\r\n{fields}Bad Name: {SECRET}\r\n\r\n", b"400"),
        (f"GET {line} HTTP/1.1\r\n{fields}X: {SECRET}{'a' * 40_000}\r\n\r\n", b"400"),
        (f"GET {line}{'a' * 40_000} HTTP/1.1\r\n{fields}\r\n", b"414"),
        (f"GET {line} HTTP/9.{SECRET}\r\n{fields}\r\n", b"505"),
        (f"{SECRET} {line} HTTP/1.1\r\n{fields}\r\n", b"400"),
        (f"SECRET {line} HTTP/1.1\r\n{fields}\r\n", b"502"),
        (f"GET /static/{SECRET}?{SECRET} HTTP/1.1\r\n{fields}\r\n", b"502"),
        (f"GET /static/{SECRET}%00 HTTP/1.1\r\n{fields}\r\n", b"400"),
        (f"POST {asset_path('icon.svg')}?{SECRET} HTTP/1.1\r\n{fields}\r\n", b"405"),
        (f"GET {line} HTTP/1.1\r\n{fields.replace(DOMAIN, f'{SECRET}.example.org')}\r\n", b"421"),
        (f"GET /errors/static/{SECRET}?{SECRET} HTTP/1.1\r\n{fields}\r\n", b"404"),
    ]
    with start_nginx(nginx_gateway_timeout="100ms") as nginx:
        run = nginx.folder / "run"
        for request, status in requests:
            answer = await nginx.send(request.encode(), end=b"\r\n0\r\n\r\n")
            assert answer[9:12] == status, request[:120]
        garbled, silent = Wire(answer=f"HTTP/1.1 200 OK\r\n{SECRET} : {SECRET}\r\n\r\n".encode()), Wire(is_silent=True)
        for both, status in ((garbled, b"502"), (silent, b"504")):
            async with wires(run, first=both, second=both):
                assert (await nginx.send(requests[0][0].encode()))[9:12] == status
            for number in (1, 2):
                (run / f"gateway-{number}.sock").unlink(missing_ok=True)
        unreadable = nginx.folder / "www" / "static" / SECRET
        unreadable.mkdir()
        await nginx.send(f"GET /static/{SECRET}/ HTTP/1.1\r\n{fields}\r\n".encode())
        shutil.rmtree(nginx.folder / "www" / "errors")  # the error page itself is missing
        assert (await nginx.send(requests[0][0].encode()))[9:12] == b"502"
        nginx.render(nginx_request_rate="1r/m", nginx_request_burst=1)
        await nginx.reload()
        answers = [await nginx.send(requests[0][0].encode()) for _ in range(3)]
        assert answers[-1][9:12] == b"429"
        await nginx.send_plain(f"GET {line} HTTP/1.1\r\n{fields}\r\n".encode())
        lines = await nginx.logged(len(requests) + 8)
        texts = {file: file.read_text("utf-8") for file in (nginx.folder / "log").iterdir()}

    assert {int(status) for _, status in requests} <= {line["status"] for line in lines}
    for word in (SECRET, SECRET.partition("-")[0]):
        assert [str(file) for file, text in texts.items() if word in text] == []
    assert "warn" in texts[nginx.error_log] or "inherited" in texts[nginx.error_log]  # it is written to, though


@pytest.mark.story("health/US-BE-14.2", "health/US-BE-15.5")
async def test_error_log_tells_of_nginx_itself_when_a_worker_is_killed(nginx: Nginx) -> None:
    worker = next(iter(nginx.workers()))
    os.kill(worker, 9)
    await until(lambda: "exited on signal 9" in nginx.error_log.read_text("utf-8"))

    await until(lambda: len(nginx.workers() - {worker}) == 2)
    async with nginx.client() as client, client.get(asset_path("icon.svg")) as response:
        assert response.status == 200


@pytest.mark.story("health/US-BE-14.3")
async def test_log_goes_on_in_a_new_file_when_it_was_rotated(nginx: Nginx) -> None:
    assert shutil.which("logrotate", path=f"{os.environ['PATH']}:/usr/sbin"), "apt-get install logrotate"
    async with nginx.client() as client:
        async with client.get(asset_path("icon.svg")):
            pass
        await nginx.logged()
        rotate(nginx)
        await until(lambda: nginx.access_log.exists() and not nginx.access_log.read_text("utf-8"))
        await until(lambda: opened_by_worker(nginx))
        async with client.get(asset_path("icon.svg")):
            pass
        await nginx.logged()

    rotated = nginx.access_log.with_suffix(".log.1").read_text("utf-8")
    assert rotated.count("\n") == 1


def rotate(nginx: Nginx) -> None:
    file = nginx.folder / "logrotate.conf"
    file.write_text(templates().get_template("logrotate.j2").render(nginx.variables), "utf-8")
    nginx.folder.joinpath("log").chmod(0o755)
    state = nginx.folder / "logrotate.state"
    subprocess.run(["/usr/sbin/logrotate", "--force", "--state", str(state), str(file)], check=True)


def opened_by_worker(nginx: Nginx) -> bool:
    """Say whether every worker writes to the log that is there now."""
    now = nginx.access_log.stat().st_ino
    return all(
        any(link.stat().st_ino == now for link in Path(f"/proc/{worker}/fd").iterdir() if link.exists())
        for worker in nginx.workers()
    )
