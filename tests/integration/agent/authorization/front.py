"""A whole gateway before the stage's agent, asked as nginx would ask it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
from yarl import URL

from gateway.serving import Gateway
from gateway.settings import Bridge, GatewaySettings, Limits, Listen, Protection
from gateway.web.session import SESSION_COOKIE
from tests.integration.agent.authorization.stage import Stage
from tests.waiting import until

_ELSEWHERE: Final = {"X-Forwarded-For": "203.0.113.9"}
_FROM_OUR_PAGE: Final = {"Accept": "text/html", "Sec-Fetch-Site": "same-origin"}


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

    async def ask(
        self,
        method: str,
        path: str,
        token: str,
        body: Mapping[str, Any] | None = None,
        *,
        form: Mapping[str, str] | None = None,
        query: Mapping[str, str | int] | None = None,
        is_browser: bool = False,
    ) -> Answered:
        """Ask for the route of that pattern, about Ann where it takes an id; with nothing to send, ``{}``, if any.

        A program brings its token as Bearer, a browser in the cookie, from a page of ours, and wants a page.
        """
        headers = _ELSEWHERE | ((_FROM_OUR_PAGE | cookie(token)) if is_browser else bearer(token))
        url = URL("http://door.test" + self.path(path)).with_query(query)
        if form is not None:
            return await self._answer(method, url, headers, data=form)
        if body is None and method in {"POST", "PUT", "PATCH"}:
            body = {}
        return await self._answer(method, url, headers, json=body)

    def path(self, pattern: str) -> str:
        return re.sub(r"\{[^}]*\}", str(self.stage.ann), pattern)

    async def send(self, target: str, token: str = "", *, accept: str = "*/*") -> Answered:
        """Ask for ``target`` byte for byte, as an attacker's tool does."""
        headers = {**_ELSEWHERE, "Accept": accept} | bearer(token)
        return await self._answer("GET", URL(f"http://door.test{target}", encoded=True), headers)

    async def _answer(self, method: str, url: URL, headers: Mapping[str, str], **sent: Any) -> Answered:  # noqa: ANN401 - what aiohttp takes
        async with self.session.request(method, url, headers=headers, allow_redirects=False, **sent) as response:
            start = await response.content.read(1 << 20) if response.content_type != "text/event-stream" else b""
            return Answered(response.status, response.headers.get("Location", ""), start)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}


def cookie(token: str) -> dict[str, str]:
    return {"Cookie": f"{SESSION_COOKIE}={token}"} if token else {}


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
