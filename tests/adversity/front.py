"""The gateway's process as a browser meets it: HTTPS in front, the agent behind a proxy."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final, Self

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector

from demo.door import free_port
from demo.installation import SERVER_NAME
from gateway.settings import PREFIX
from tests.adversity import clock
from tests.adversity.appliance import PASSWORD
from tests.adversity.clock import ClockHand
from tests.adversity.process import Process, overrides
from tests.adversity.proxy import Proxy
from tests.adversity.scene import RECOVERY_S, NotReady, Scene

LIST: Final = "/api/v1/health/symptoms"
_LOOK_S: Final = 0.02
_TIMEOUT: Final = ClientTimeout(total=6.0)
_SETTINGS: Final = {"bridge.reload_s": 0.1, "limits.address_per_minute": 100_000, "limits.account_per_minute": 100_000}


@dataclass(frozen=True, slots=True)
class Page:
    """What a browser got. Status 0: nobody answered."""

    status: int
    retry_after: str
    document: dict[str, Any]

    @property
    def is_stale(self) -> bool:
        return self.status == 200 and "as_of" in self.document

    @property
    def is_good(self) -> bool:
        return self.status == 200 and "as_of" not in self.document

    def __str__(self) -> str:
        if self.status == 0:
            return "no answer"
        return f"{self.status} {'stale' if self.is_stale else self.document.get('code', '')}".strip()


@dataclass(kw_only=True)
class Front(Process):
    """The gateway's process; its way to the agent leads through ``bridge``."""

    bridge: Proxy
    port: int
    session: ClientSession
    clock: ClockHand
    token: str = ""
    numbers: count[int] = field(default_factory=count)

    async def get(self, path: str = "") -> Page:
        """Ask for records, by default for a page that nobody asked for yet."""
        path = path or f"{LIST}?from=2020-01-01T00:00:{next(self.numbers) % 60:02}.{next(self.numbers):06}Z"
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "application/json"}
        try:
            async with self.session.get(self._url(path), headers=headers) as response:
                return Page(response.status, response.headers.get("Retry-After", ""), json.loads(await response.read()))
        except (ClientError, OSError, TimeoutError):
            return Page(0, "", {})

    async def until_good(self, within_s: float) -> None:
        """Return when the gateway knows the agent. Raises NotReady."""
        deadline = asyncio.get_running_loop().time() + within_s
        while not (page := await self.get()).is_good:
            if asyncio.get_running_loop().time() > deadline:
                msg = f"the gateway does not reach the agent: {page}"
                raise NotReady(msg)
            await asyncio.sleep(_LOOK_S)

    async def sign_in(self, email: str) -> Self:
        async with self.session.post(
            self._url("/api/v1/auth/login"), json={"email": email, "password": PASSWORD}
        ) as response:
            self.token = (await response.json())["access_token"]
        return self

    def _url(self, path: str) -> str:
        return f"https://{SERVER_NAME}:{self.port}{path}"


@asynccontextmanager
async def front(scene: Scene) -> AsyncIterator[Front]:
    """Give a running gateway before the scene's agent, with the scene's account signed in."""
    installation, port = scene.keep.installation, free_port()
    trust = ssl.create_default_context(cafile=installation.ca_file)
    async with (
        Proxy(("127.0.0.1", 0), ("127.0.0.1", scene.keep.port)) as bridge,
        ClientSession(connector=TCPConnector(ssl=trust), timeout=_TIMEOUT) as session,
    ):
        hand = ClockHand(installation.folder / "gateway-clock")
        program = ["tests.adversity.gateway", scene.setup.gateway_without] if scene.setup.moves_clock else ["gateway"]
        installation.write_gateway(port=port, agent_port=bridge.port)
        with ExitStack() as stack:
            made = Front(
                name="the gateway",
                arguments=[*program, "serve", "--config", str(installation.gateway / "gateway.toml")],
                variables={
                    "CREDENTIALS_DIRECTORY": str(installation.gateway / "credentials"),
                    clock.VARIABLE: str(hand.file),
                    **overrides(PREFIX, {**_SETTINGS, **scene.setup.gateway}),
                },
                log_file=installation.folder / "gateway.log",
                stack=stack,
                bridge=bridge,
                port=port,
                session=session,
                clock=hand,
            )
            made.start()
            await made.sign_in(scene.email)

            await made.until_good(RECOVERY_S)
            yield made
