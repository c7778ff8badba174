"""A whole gateway before the stage's agent, asked as nginx would ask it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiohttp
from yarl import URL

from gateway.app import Gateway
from gateway.settings import Bridge, GatewaySettings, Limits, Listen, Protection
from tests.integration.agent.authorization.stage import Stage
from tests.waiting import until

_ELSEWHERE: Final = {"X-Forwarded-For": "203.0.113.9"}


@dataclass(frozen=True)
class Answered:
    status: int
    location: str
    body: bytes


@dataclass(frozen=True)
class Front:
    """A gateway before the stage's agent, reached over the Unix socket that nginx would use."""

    stage: Stage
    session: aiohttp.ClientSession

    async def ask(self, method: str, path: str, token: str) -> Answered:
        headers = _ELSEWHERE | ({"Authorization": f"Bearer {token}"} if token else {})
        url = "http://door.test" + re.sub(r"\{[^}]*\}", str(self.stage.ann), path)
        body: dict[str, str] | None = {} if method in {"POST", "PUT", "PATCH"} else None
        return await self._answer(method, URL(url), headers, body)

    async def send(self, target: str, token: str = "", *, accept: str = "*/*") -> Answered:
        """Ask for ``target`` byte for byte, as an attacker's tool does."""
        headers = {**_ELSEWHERE, "Accept": accept} | ({"Authorization": f"Bearer {token}"} if token else {})
        return await self._answer("GET", URL(f"http://door.test{target}", encoded=True), headers, None)

    async def _answer(self, method: str, url: URL, headers: Mapping[str, str], body: object) -> Answered:
        async with self.session.request(method, url, headers=headers, json=body, allow_redirects=False) as response:
            start = await response.content.read(1 << 20) if response.content_type != "text/event-stream" else b""
            return Answered(response.status, response.headers.get("Location", ""), start)


@asynccontextmanager
async def front_of(walked: Stage, path: Path) -> AsyncIterator[Front]:
    """Serve at the Unix socket ``path``, with limits out of the way."""
    folder: Path = walked.machine.folder
    many = 1_000_000
    settings = GatewaySettings(
        listen=Listen(kind="unix", path=path, drain_s=1.0),
        bridge=Bridge(port=walked.running.port, tls_dir=folder / "gateway-tls", keys_dir=folder / "gateway-keys"),
        limits=Limits(
            account_per_minute=many, address_per_minute=many, address_total_per_minute=many, sign_in_per_minute=many
        ),
        protection=Protection(is_on=False),  # who tries every route without a good token is sent away
    )
    stop = asyncio.Event()
    gateway = Gateway(settings)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(gateway.run(stop))
        try:
            await until(lambda: bool(gateway.addresses), timeout_s=8.0)
            connector = aiohttp.UnixConnector(str(path))
            async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:
                yield Front(walked, session)
        finally:
            stop.set()
