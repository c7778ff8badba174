"""Suspicious clients behind the real nginx: each by its own address, whatever it says."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from gateway.settings import Protection
from tests.integration.nginx.conftest import StartNginx
from tests.integration.nginx.gateways import Doors, real_gateways
from tests.integration.nginx.server import Nginx

SCANNER = "127.0.0.5"
NEIGHBOUR = "127.0.0.6"


@pytest.fixture
async def doors(nginx: Nginx) -> AsyncIterator[Doors]:
    """Both gateways, which spare nobody: all clients of these tests are on this machine."""
    async with real_gateways(nginx.folder / "run", Protection(never_ban=(), threshold=90)) as both:
        yield both


async def status_of(nginx: Nginx, source: str, path: str = "/health", **headers: str) -> int:
    async with nginx.client(source=source) as client, client.get(path, headers=headers) as response:
        return response.status


@pytest.mark.usefixtures("doors")
async def test_client_bans_itself_alone_when_it_says_another_address(nginx: Nginx) -> None:
    said = {"X-Forwarded-For": NEIGHBOUR, "X-Real-IP": NEIGHBOUR, "Forwarded": f"for={NEIGHBOUR}"}
    for path in ("/.env", "/.git/config", "/wp-login.php", "/backup.zip", "/phpmyadmin/"):
        assert await status_of(nginx, SCANNER, path, **said) == 404

    assert await status_of(nginx, SCANNER) == 403
    assert await status_of(nginx, NEIGHBOUR) == 200


@pytest.mark.usefixtures("doors")
async def test_client_is_told_that_it_is_banned_when_it_asks_again(nginx: Nginx) -> None:
    for _ in range(4):
        await status_of(nginx, SCANNER, "/?q=1%20UNION%20SELECT%20password")
    async with nginx.client(source=SCANNER) as client, client.get("/health") as response:
        problem = await response.json(content_type=None)

    assert (response.status, problem["code"]) == (403, "banned")
    assert int(response.headers["Retry-After"]) > 500


async def test_flooder_is_banned_by_what_nginx_lets_through(start_nginx: StartNginx) -> None:
    """Of what nginx refuses itself no gateway hears; what it lets through of a flood is enough."""
    with start_nginx(nginx_request_rate="1r/m", nginx_request_burst=60) as nginx:
        async with real_gateways(nginx.folder / "run", Protection(never_ban=(), threshold=90)) as doors:
            async with nginx.client(source=SCANNER) as client:
                statuses = []
                for _ in range(70):
                    async with client.post("/auth/login", json={}) as response:
                        statuses.append(response.status)
            banned = {client for door in doors for client in door.guard.bans.current(door.clock.monotonic())}

    assert statuses.count(429) >= 5  # nginx's
    assert 403 in statuses  # a gateway's
    assert banned == {SCANNER}
