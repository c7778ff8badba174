from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import trustme

from gateway.ddns.https import HttpsClient
from tests.bind import Bind, bind
from tests.ddns_servers import ProviderServer, client_trusting, provider_server


@pytest.fixture(scope="session")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
async def server(ca: trustme.CA) -> AsyncIterator[ProviderServer]:
    async with provider_server(ca) as serving:
        yield serving


@pytest.fixture
async def client(ca: trustme.CA) -> AsyncIterator[HttpsClient]:
    async with client_trusting(ca, contact="owner@example.org") as made:
        yield made


@pytest.fixture
def named(tmp_path: Path) -> Iterator[Bind]:
    folder = tmp_path / "bind"
    folder.mkdir()
    with bind(folder) as serving:
        yield serving
