"""nginx in front of gateways of the test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.integration.nginx.gateways import Doors, real_gateways
from tests.integration.nginx.server import BINARY, Nginx, serve

StartNginx = Callable[..., AbstractAsyncContextManager[Nginx]]


@pytest.fixture(autouse=True)
def _nginx_is_there() -> None:
    if BINARY is None:
        pytest.skip("nginx is missing: apt-get install nginx-light")


@pytest.fixture
def start_nginx(tmp_path: Path) -> StartNginx:
    """Start nginx with variables of its templates; ``tmp_path / "run"`` is where it looks for the gateways."""

    def start(**variables: Any) -> AbstractAsyncContextManager[Nginx]:
        return serve(tmp_path, **variables)

    return start


@pytest.fixture
async def nginx(start_nginx: StartNginx) -> AsyncIterator[Nginx]:
    """nginx with no gateway behind it, until the test starts one."""
    async with start_nginx() as running:
        yield running


@pytest.fixture
async def doors(nginx: Nginx) -> AsyncIterator[Doors]:
    """Both gateways behind ``nginx``."""
    async with AsyncExitStack() as stack:
        yield await stack.enter_async_context(real_gateways(nginx.folder / "run"))
