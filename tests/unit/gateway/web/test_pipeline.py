from __future__ import annotations

import asyncio

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from gateway.web.context import RequestContext
from gateway.web.pipeline import CLIENT_CLOSED, Middleware, run_through


class Noting(Middleware):
    def __init__(self, name: str, notes: list[str]) -> None:
        self._name = name
        self._notes = notes

    def enter(self, request: web.Request, context: RequestContext) -> web.StreamResponse | None:
        del context
        self._notes.append(f"{self._name} in")
        return web.Response(status=204) if request.path == f"/{self._name}" else None

    def leave(self, request: web.Request, context: RequestContext, response: web.StreamResponse) -> None:
        del request, context
        self._notes.append(f"{self._name} out {response.status}")


def begin(_request: web.Request) -> RequestContext:
    return RequestContext("id", "trace", started_at=0.0, deadline=1.0)


def answer_error(_request: web.Request, _context: RequestContext, error: Exception) -> web.StreamResponse:
    return web.Response(status=500, text=str(error))


async def run(path: str, handler_error: BaseException | None = None) -> list[str]:
    notes: list[str] = []

    async def handler(_request: web.Request) -> web.StreamResponse:
        notes.append("handler")
        if handler_error is not None:
            raise handler_error
        return web.Response()

    middlewares = (Noting("a", notes), Middleware(), Noting("b", notes))
    pipeline = run_through(middlewares, begin=begin, answer_error=answer_error)
    await pipeline(make_mocked_request("GET", path), handler)
    return notes


async def test_middlewares_see_the_response_in_reverse_when_all_goes_well() -> None:
    assert await run("/") == ["a in", "b in", "handler", "b out 200", "a out 200"]


async def test_every_middleware_sees_the_response_when_one_answers_itself() -> None:
    assert await run("/a") == ["a in", "b out 204", "a out 204"]


async def test_every_middleware_sees_the_answer_when_the_handler_raises() -> None:
    assert await run("/", ValueError("x")) == ["a in", "b in", "handler", "b out 500", "a out 500"]


async def test_every_middleware_hears_of_it_when_the_client_goes_away() -> None:
    notes: list[str] = []

    async def handler(_request: web.Request) -> web.StreamResponse:
        raise asyncio.CancelledError

    pipeline = run_through((Noting("a", notes),), begin=begin, answer_error=answer_error)
    with pytest.raises(asyncio.CancelledError):
        await pipeline(make_mocked_request("GET", "/"), handler)

    assert notes == ["a in", f"a out {CLIENT_CLOSED}"]
