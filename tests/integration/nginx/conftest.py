"""nginx in front of gateways of the test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.integration.nginx.gateways import Doors, real_gateways
from tests.integration.nginx.server import BINARY, Nginx, serve

StartNginx = Callable[..., AbstractContextManager[Nginx]]


def _require_nginx() -> None:
    if BINARY is None:
        pytest.skip("nginx is missing: apt-get install nginx")


@pytest.fixture
def start_nginx(tmp_path: Path) -> StartNginx:
    """Start nginx with variables of its templates."""
    _require_nginx()

    def start(**variables: object) -> AbstractContextManager[Nginx]:
        return serve(tmp_path, **variables)

    return start


@pytest.fixture
def nginx(start_nginx: StartNginx) -> Iterator[Nginx]:
    """Run nginx with no gateway behind it, until the test starts one."""
    with start_nginx() as running:
        yield running


@pytest.fixture
async def doors(nginx: Nginx) -> AsyncIterator[Doors]:
    """Both gateways behind ``nginx``."""
    async with real_gateways(nginx.folder / "run") as both:
        yield both


@pytest.fixture(scope="session")
def _shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    _require_nginx()
    with serve(tmp_path_factory.mktemp("nginx"), nginx_request_rate="1000r/s", nginx_request_burst=10_000) as running:
        yield running


@pytest.fixture
def shared_nginx(_shared: Nginx) -> Iterator[Nginx]:
    """One nginx for all the tests that leave its files alone and do not ask what it logged."""
    yield _shared
    for left in (_shared.folder / "run").glob("gateway-*.sock"):
        left.unlink()
