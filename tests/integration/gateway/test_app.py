"""One gateway process as it runs, in front of an agent that it reaches over real mTLS and signed calls."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from aiohttp import ClientSession, UnixConnector, web

from bridge.contracts.health import LIST
from bridge.contracts.operation import Model, Role
from bridge.contracts.system import METRICS, STATUS, FeedEvent, PublicKey
from bridge.errors import Code, Unavailable
from bridge.keys import Keyring, KeyStore, Ring, generate, save_keyring
from bridge.process.clock import SystemClock
from bridge.server import Answer, BridgeServer, CallerContext, UserCaller
from bridge.tls import ReloadingClientTLS, ReloadingServerTLS, unit_of_peer
from gateway.serving import Gateway
from gateway.settings import Breaker, Bridge, Cache, CacheTimes, Feed, GatewaySettings, Listen
from gateway.web.server import HttpServer
from tests.bridge_pair import NAME
from tests.certificates import Folders
from tests.gateway_door import PAGE, SESSION, USER, Issuer
from tests.gateway_door import STATUS as STATUS_BODY
from tests.waiting import until

LIST_PATH = "/api/v1/health/symptoms"


@dataclass
class Agent:
    """A listening agent with a feed that the test speaks on."""

    issuer: Issuer
    port: int = 0
    calls: list[str] = field(default_factory=list)
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)
    readers: set[asyncio.Queue[FeedEvent]] = field(default_factory=set)
    is_failing: bool = False
    server: web.Server | None = None

    async def list(self, context: CallerContext, params: Model) -> Answer:
        del params
        self.calls.append(context.request_id)
        await self.may_answer.wait()
        if self.is_failing:
            raise Unavailable(Code.DATABASE_UNAVAILABLE)
        return Answer(json.dumps(PAGE).encode())

    async def status(self, context: CallerContext, params: Model) -> Answer:
        del context, params
        return Answer(json.dumps(STATUS_BODY).encode())

    async def metrics(self, context: CallerContext, params: Model) -> Answer:
        del context, params
        return Answer(b'{"text":""}')

    async def subscribe(self) -> AsyncIterator[FeedEvent]:
        queue: asyncio.Queue[FeedEvent] = asyncio.Queue()
        self.readers.add(queue)
        try:
            yield FeedEvent(kind="hello", keys=(self.issuer.public_key,))
            while True:
                yield await queue.get()
        finally:
            self.readers.discard(queue)


async def authenticate(_token: str) -> UserCaller:
    return UserCaller(UUID(USER), UUID(SESSION), Role.VIEWER, token_version=1)


class Machines:
    """The folders of both machines, and what runs on them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        pki = Folders(folder)
        self.agent_tls = pki.issue("agent")
        self.gateway_tls = pki.issue("gateway")
        self.keys = folder / "keys"
        self.keys.mkdir(mode=0o700)
        save_keyring(self.keys, Keyring({"gateway": Ring(generate("gateway", now=datetime.now(UTC)))}))
        self.socket = folder / "gateway.sock"
        self.breaker = Breaker()

    @asynccontextmanager
    async def agent(self, issuer: Issuer, *, port: int = 0) -> AsyncIterator[Agent]:
        agent = Agent(issuer)
        agent.may_answer.set()
        tls = ReloadingServerTLS(self.agent_tls, {"gateway"})
        bridge = BridgeServer(
            boot="boot-0001",
            authority=NAME,
            keys=KeyStore(self.keys),
            unit_of_peer=unit_of_peer,
            handlers={LIST: agent.list, STATUS: agent.status, METRICS: agent.metrics},
            authenticate=authenticate,
            feed=agent,
            clock=SystemClock(),
        )
        server = web.Server(bridge.handle, handler_cancellation=True, access_log=None)
        listener = await asyncio.get_running_loop().create_server(server, "127.0.0.1", port, ssl=tls.context)
        agent.server = server
        agent.port = listener.sockets[0].getsockname()[1]
        try:
            yield agent
        finally:
            listener.close()
            await bridge.drain(1.0)
            await server.shutdown(0.1)
            await listener.wait_closed()

    def settings(self, port: int) -> GatewaySettings:
        return GatewaySettings(
            listen=Listen(kind="unix", path=self.socket, drain_s=5.0),
            bridge=Bridge(
                port=port,
                tls_dir=self.gateway_tls,
                keys_dir=self.keys,
                reload_s=0.01,
                connect_timeout_s=0.5,
                breaker=self.breaker,
                feed=Feed(retry_s=0.01, retry_max_s=0.05),
                cache=Cache(symptoms_list=CacheTimes(fresh_s=0.0, stale_while_revalidate_s=0.0)),
            ),
        )

    @asynccontextmanager
    async def gateway(self, port: int, *, stop: asyncio.Event | None = None) -> AsyncIterator[ClientSession]:
        """Run a gateway until the end, or until ``stop``, with a client in front of it."""
        stop = stop or asyncio.Event()
        gateway = Gateway(self.settings(port))
        async with (
            asyncio.TaskGroup() as tasks,
            ClientSession("http://door", connector=UnixConnector(str(self.socket))) as client,
        ):
            tasks.create_task(gateway.run(stop))
            try:
                await until(lambda: bool(gateway.addresses))
                yield client
            finally:
                stop.set()


@pytest.fixture
def machines(tmp_path: Path) -> Machines:
    return Machines(tmp_path)


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
def bearer(issuer: Issuer) -> dict[str, str]:
    token = issuer.token(expires_at=SystemClock.time() + 3600)
    return {"Authorization": f"Bearer {token}"}


async def get(client: ClientSession, path: str, headers: dict[str, str]) -> tuple[int, dict[str, Any]]:
    async with client.get(path, headers=headers) as response:
        return response.status, await response.json()


async def until_signed_in(client: ClientSession, headers: dict[str, str]) -> None:
    """Return when the gateway has heard the agent's keys."""
    async with asyncio.timeout(3):
        while (await get(client, LIST_PATH, headers))[0] == Code.UNREACHABLE.status:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_list_comes_from_the_agent_when_all_is_well(
    machines: Machines, issuer: Issuer, bearer: dict[str, str]
) -> None:
    async with machines.agent(issuer) as agent, machines.gateway(agent.port) as client:
        await until_signed_in(client, bearer)

        async with client.get(LIST_PATH, headers=bearer) as response:
            assert await response.json() == PAGE
            assert response.headers["X-Request-Id"] == agent.calls[-1]
        assert (await get(client, "/health/ready", {}))[1]["status"] == "ready"


@pytest.mark.parametrize("broken", [(HttpServer, "start"), (ReloadingClientTLS, "reload_if_changed")], ids=str)
async def test_gateway_leaves_nothing_open_when_a_start_or_a_task_fails(
    machines: Machines, issuer: Issuer, monkeypatch: pytest.MonkeyPatch, broken: tuple[type, str]
) -> None:
    """Neither a connection to the agent, which the feed has made by then, nor its own socket."""

    def fail(*_: object) -> None:
        raise LookupError

    async with machines.agent(issuer) as agent:
        gateway = Gateway(machines.settings(agent.port))
        monkeypatch.setattr(*broken, fail)

        with pytest.raises(ExceptionGroup) as failed:
            await gateway.run(asyncio.Event())

        assert failed.group_contains(LookupError)
        assert not machines.socket.exists()
        await until(lambda: agent.server is not None and not agent.server.connections)
        assert agent.server is not None
        assert agent.server.requests_count


@pytest.mark.story("health/US-BE-10.3")
async def test_list_is_stale_and_says_so_when_the_agent_goes_away(
    machines: Machines, issuer: Issuer, bearer: dict[str, str]
) -> None:
    async with machines.agent(issuer) as agent, machines.gateway(agent.port) as client:
        await until_signed_in(client, bearer)
        agent.is_failing = True

        status, body = await get(client, LIST_PATH, bearer)
        other = await get(client, f"{LIST_PATH}?limit=7", bearer)

        assert status == 200
        assert datetime.fromisoformat(body.pop("as_of")).tzinfo is not None
        assert body == PAGE
        assert other[0] == 503


@pytest.mark.story("health/US-BE-47.3", "health/US-BE-47.4")
async def test_breaker_opens_as_set_and_is_logged_when_calls_fail(
    machines: Machines, issuer: Issuer, bearer: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    machines.breaker = Breaker(calls_min=4, failed_share=0.25)
    async with machines.agent(issuer) as agent, machines.gateway(agent.port) as client:
        await until_signed_in(client, bearer)
        agent.is_failing = True

        answers = [await get(client, f"{LIST_PATH}?limit={limit}", bearer) for limit in range(1, 20)]

    changes = [record.__dict__["drawbridge_fields"] for record in caplog.records if record.message == "breaker_changed"]
    assert answers[-1][1]["code"] == "breaker_open"
    assert (changes[0]["lane"], changes[0]["before"], changes[0]["after"]) == ("data", "closed", "open")
    assert 4 <= changes[0]["calls"] < 10


@pytest.mark.story("health/US-BE-46.5")
async def test_gateway_answers_again_when_the_agent_is_back(
    machines: Machines, issuer: Issuer, bearer: dict[str, str]
) -> None:
    async with AsyncExitStack() as gateway:
        async with machines.agent(issuer) as agent:
            client = await gateway.enter_async_context(machines.gateway(agent.port))
            await until_signed_in(client, bearer)

        away = await get(client, "/health/ready", {})
        async with machines.agent(issuer, port=agent.port):
            await until_signed_in(client, bearer)
            back = await get(client, f"{LIST_PATH}?limit=3", bearer)

        assert (away[0], back[0]) == (503, 200)


async def test_request_in_flight_is_answered_when_the_gateway_stops(
    machines: Machines, issuer: Issuer, bearer: dict[str, str]
) -> None:
    stop = asyncio.Event()
    async with (
        machines.agent(issuer) as agent,
        machines.gateway(agent.port, stop=stop) as client,
        asyncio.TaskGroup() as tasks,
    ):
        await until_signed_in(client, bearer)
        agent.may_answer.clear()
        before = len(agent.calls)
        asked = tasks.create_task(get(client, f"{LIST_PATH}?limit=9", bearer))
        await until(lambda: len(agent.calls) > before)

        stop.set()
        await until(lambda: not accepts(machines.socket))
        agent.may_answer.set()

        assert (await asked)[0] == 200


async def test_revoked_user_is_asked_about_anew_when_the_feed_says_so(
    machines: Machines, issuer: Issuer, bearer: dict[str, str]
) -> None:
    async with machines.agent(issuer) as agent, machines.gateway(agent.port) as client:
        await until_signed_in(client, bearer)
        stranger = Issuer().public_key
        [feed] = agent.readers

        feed.put_nowait(FeedEvent(kind="keys_changed", keys=(PublicKey(kid="k1", x=stranger.x),)))

        async with asyncio.timeout(1):
            while (status := (await get(client, LIST_PATH, bearer))[0]) == 200:  # noqa: ASYNC110 - it tells nobody here
                await asyncio.sleep(0.01)
        assert status == 401


def accepts(path: Path) -> bool:
    """Return whether somebody still takes connections there."""
    with socket.socket(socket.AF_UNIX) as probe:
        return path.exists() and probe.connect_ex(str(path)) == 0
