from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession, web
from aiohttp.typedefs import Handler, Middleware
from yarl import URL

from gateway.settings import Listen, Web
from gateway.web.listen import open_sockets
from gateway.web.response_headers import Drain
from gateway.web.server import HttpServer


class Rooms:
    """An application that notes which middleware saw what."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.app = web.Application(middlewares=[self._noting("outer"), self._noting("inner")])
        self.app.router.add_get("/rooms", self._answer)
        self.app.router.add_post("/rooms", self._answer)
        self.app.router.add_get("/rooms/{number}", self._answer)

    def _noting(self, name: str) -> Middleware:
        @web.middleware
        async def noting(request: web.Request, handler: Handler) -> web.StreamResponse:
            self.notes.append(name)
            return await handler(request)

        return noting

    async def _answer(self, request: web.Request) -> web.Response:
        is_ours = request.app is self.app
        return web.json_response([request.method, request.match_info.get("number"), is_ours, await request.text()])


@pytest.fixture
def rooms() -> Rooms:
    return Rooms()


@pytest.fixture
async def server(rooms: Rooms) -> AsyncIterator[HttpServer]:
    listen = Listen(kind="tcp", port=0)
    server = HttpServer(rooms.app, listen=listen, limits=Web(), certificate=None, drain=Drain())
    await server.start(open_sockets(listen))
    yield server
    await server.stop()


@pytest.fixture
async def client(server: HttpServer) -> AsyncIterator[ClientSession]:
    async with ClientSession(server.addresses[0]) as client:
        yield client


@pytest.mark.story("hub/IH-017.2", "hub/DOD.2")
@pytest.mark.parametrize("time", ["first", "second"])
async def test_request_passes_every_middleware_in_order_whichever_time_it_is(
    rooms: Rooms, client: ClientSession, time: str
) -> None:
    if time == "second":
        await client.get("/rooms")
        rooms.notes.clear()

    answer = await client.get("/rooms?size=2")

    assert await answer.json() == ["GET", None, True, ""]
    assert rooms.notes == ["outer", "inner"]


async def test_methods_of_one_path_are_kept_apart_when_both_are_known(client: ClientSession) -> None:
    for _ in range(2):
        assert (await (await client.get("/rooms")).json())[0] == "GET"
        assert await (await client.post("/rooms", data="x")).json() == ["POST", None, True, "x"]
        assert (await client.put("/rooms")).status == 405


async def test_variable_of_a_path_is_that_of_its_request_when_another_came_before(client: ClientSession) -> None:
    numbers = [(await (await client.get(f"/rooms/{number}")).json())[1] for number in (1, 2, 1)]

    assert numbers == ["1", "2", "1"]


async def test_only_routes_are_remembered_when_anything_is_asked_for(server: HttpServer, client: ClientSession) -> None:
    for path in ("/rooms", "/%72ooms", "/rooms/1", "/rooms/2", "/nowhere", "/rooms?a=1"):
        await client.get(URL(path, encoded=True))
    await client.request("PROPFIND", "/rooms")

    assert set(server._runner._dispatch._known) == {("GET", "/rooms")}


async def test_client_is_told_to_continue_when_it_expects_that_of_a_known_route(client: ClientSession) -> None:
    await client.post("/rooms", data="x")

    answer = await client.post("/rooms", data="x", expect100=True)

    assert (await answer.json())[3] == "x"
