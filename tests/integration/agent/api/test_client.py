"""The example client of the documentation does what it says, against the appliance."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from docs.client import Client, Refused
from tests.integration.agent.accounts.house import ANN, House
from tests.integration.agent.machine import PASSWORD

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(30)]  # the first waits for the appliance


@asynccontextmanager
async def reachable(house: House) -> AsyncIterator[str]:
    """Give an address on loopback at which the gateway's Unix socket is reached, as through nginx."""

    async def pass_on(request: web.BaseRequest) -> web.Response:
        headers = {name: value for name, value in request.headers.items() if name in {"Authorization", "Content-Type"}}
        url = f"http://localhost{request.rel_url}"
        async with house.http.request(request.method, url, data=await request.read(), headers=headers) as response:
            body, kind = await response.read(), response.content_type
            return web.Response(body=body, status=response.status, content_type=kind)

    runner = web.ServerRunner(web.Server(pass_on))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.mark.story("water/US-5.4")
async def test_client_lists_asks_and_renews_when_it_is_used_as_shown(house: House) -> None:
    def use(url: str) -> None:
        client = Client(url)
        client.sign_in(ANN.email, PASSWORD)
        assert [record["symptom"] for record in client.records(limit=1)] == ["Headache"]
        assert client.chat("Show all my symptoms")["result"]["total"] == 1
        client._tokens["access_token"] += "x"  # as if it had ended
        assert client.ask("GET", "/api/v1/users/profile")["email"] == ANN.email
        client.sign_out()
        with pytest.raises(Refused) as refused:
            client.sign_in(ANN.email, "Wrong horse 1")
        assert (refused.value.status, refused.value.code) == (401, "bad_credentials")
        with pytest.raises(Refused):
            next(client.records())

    async with reachable(house) as url:
        await asyncio.to_thread(use, url)
