"""UPnP with routers that miniupnpd is not, played from what they document, over the loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import IPv4Address

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.ddns.mapping.bounded_xml import XML_MAX_BYTES, parse
from gateway.ddns.mapping.method import Gateway, Lease, Look, Refused, Unanswered
from gateway.ddns.mapping.upnp import Upnp

LOOPBACK = IPv4Address("127.0.0.1")
OUTER = IPv4Address("11.22.33.44")
KIND = "urn:schemas-upnp-org:service:WANIPConnection:1"


class Igd:
    """A router of version 1. ``faults``: the error code of an action, given instead of doing it."""

    def __init__(self) -> None:
        self.faults: dict[str, int] = {}
        self.permanent_only = False
        self.maps = True
        self.outer = {"/ctl": str(OUTER)}
        self.table: dict[str, tuple[str, str, str]] = {}
        self.calls: list[str] = []
        self.answer: web.Response | None = None

    async def describe(self, _: web.Request) -> web.Response:
        if self.answer is not None:
            return self.answer
        services = "".join(
            f"<service><serviceType>{KIND}</serviceType><controlURL>{path}</controlURL></service>"
            for path in self.outer
        )
        return web.Response(text=f"<root><device><serviceList>{services}</serviceList></device></root>")

    async def control(self, request: web.Request) -> web.Response:
        action = request.headers["SOAPAction"].strip('"').split("#")[1]
        given = {part.tag: (part.text or "") for part in parse(await request.read())[0][0]}
        self.calls.append(action)
        if action in self.faults:
            return fault(self.faults[action])
        port = given.get("NewExternalPort", "")
        if action == "AddPortMapping":
            return self.add(given)
        if action == "GetExternalIPAddress":
            return done(action, NewExternalIPAddress=self.outer[request.path])
        if port not in self.table:
            return fault(714)
        if action == "DeletePortMapping":
            del self.table[port]
            return done(action)
        client, internal, lease = self.table[port]
        return done(action, NewInternalClient=client, NewInternalPort=internal, NewLeaseDuration=lease)

    def add(self, given: dict[str, str]) -> web.Response:
        entry = given["NewInternalClient"], given["NewInternalPort"], given["NewLeaseDuration"]
        if self.permanent_only and given["NewLeaseDuration"] != "0":
            return fault(725)
        if self.maps:
            self.table[given["NewExternalPort"]] = entry
        return done("AddPortMapping")


def body(inner: str, status: int = 200) -> web.Response:
    kind = "http://schemas.xmlsoap.org/soap/envelope/"
    return web.Response(status=status, text=f'<s:Envelope xmlns:s="{kind}"><s:Body>{inner}</s:Body></s:Envelope>')


def done(action: str, **results: str) -> web.Response:
    inner = "".join(f"<{name}>{value}</{name}>" for name, value in results.items())
    return body(f'<u:{action}Response xmlns:u="{KIND}">{inner}</u:{action}Response>')


def fault(code: int) -> web.Response:
    error = f"<UPnPError xmlns='urn:schemas-upnp-org:control-1-0'><errorCode>{code}</errorCode></UPnPError>"
    return body(f"<s:Fault><detail>{error}</detail></s:Fault>", 500)


@asynccontextmanager
async def router(igd: Igd) -> AsyncIterator[Upnp]:
    app = web.Application()
    app.router.add_get("/desc.xml", igd.describe)
    app.router.add_post("/{path:.*}", igd.control)
    async with TestServer(app, host="127.0.0.1") as server:

        async def find(_: Gateway) -> str:
            return str(server.make_url("/desc.xml"))

        yield Upnp(Gateway(LOOPBACK, 1, LOOPBACK), find=find)


async def test_map_takes_a_permanent_mapping_when_the_router_knows_no_other() -> None:
    igd = Igd()
    igd.permanent_only = True
    async with router(igd) as upnp:
        assert await upnp.map(443, 3600) == Lease(None, OUTER)
    assert igd.table == {"443": ("127.0.0.1", "443", "0")}


async def test_map_is_refused_when_the_router_says_yes_and_maps_nothing() -> None:
    igd = Igd()
    igd.maps = False
    async with router(igd) as upnp:
        with pytest.raises(Refused, match="mapped nothing"):
            await upnp.map(443, 3600)


async def test_map_names_the_other_device_when_it_has_the_port() -> None:
    igd = Igd()
    igd.table["443"] = ("192.168.1.7", "443", "0")
    async with router(igd) as upnp:
        with pytest.raises(Refused, match=r"taken: 192\.168\.1\.7 has it"):
            await upnp.map(443, 3600)
    assert "AddPortMapping" not in igd.calls


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (718, "taken"),
        (729, "another mechanism"),
        (606, "does not allow"),
        (728, "no public address of its own"),
        (402, "UPnP error 402"),
    ],
)
async def test_map_says_why_when_the_router_refuses(code: int, said: str) -> None:
    igd = Igd()
    igd.faults["AddPortMapping"] = code
    async with router(igd) as upnp:
        with pytest.raises(Refused, match=said):
            await upnp.map(443, 3600)


async def test_map_replaces_a_mapping_of_ours_when_it_leads_to_another_port() -> None:
    igd = Igd()
    igd.table["443"] = ("127.0.0.1", "8443", "0")
    async with router(igd) as upnp:
        await upnp.map(443, 3600)
    assert "DeletePortMapping" in igd.calls
    assert igd.table["443"] == ("127.0.0.1", "443", "3600")


async def test_map_believes_the_router_when_it_shows_no_entries() -> None:
    igd = Igd()
    igd.faults["GetSpecificPortMappingEntry"] = 401
    async with router(igd) as upnp:
        assert await upnp.map(443, 3600) == Lease(3600, OUTER)


@pytest.mark.parametrize(
    ("entry", "kept"), [(("127.0.0.1", "443", "9"), True), (("192.168.1.7", "443", "9"), False), (None, False)],
    ids=["ours", "another's", "none"],
)  # fmt: skip
async def test_look_says_kept_when_the_entry_leads_here(entry: tuple[str, str, str] | None, kept: bool) -> None:
    igd = Igd()
    igd.table = {} if entry is None else {"443": entry}
    async with router(igd) as upnp:
        look = await upnp.look([443])
    assert (look.kept, look.external_address) == (kept, OUTER)


async def test_unmap_is_content_when_there_is_no_such_mapping() -> None:
    igd = Igd()
    async with router(igd) as upnp:
        await upnp.unmap(443)
    assert igd.calls == ["DeletePortMapping"]


async def test_probe_chooses_the_connection_that_is_up_when_there_are_several() -> None:
    igd = Igd()
    igd.outer = {"/down": "0.0.0.0", "/up": str(OUTER)}  # noqa: S104 - no address
    async with router(igd) as upnp:
        await upnp.probe()
        assert (await upnp.look([])).external_address == OUTER


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (web.Response(status=302, headers={"Location": "http://127.0.0.1/elsewhere"}), "status 302"),
        (web.Response(body=b"<r>" + b" " * XML_MAX_BYTES), "sends too much"),
        (web.Response(text="<!DOCTYPE r><r/>"), "cannot be read"),
        (web.Response(text="<r/>"), "names no service"),
    ],
    ids=["redirect", "long", "document type", "no service"],
)
async def test_probe_is_unanswered_when_the_description_is_not_one(answer: web.Response, said: str) -> None:
    igd = Igd()
    igd.answer = answer
    async with router(igd) as upnp:
        with pytest.raises(Unanswered, match=said):
            await upnp.probe()


async def test_call_is_unanswered_when_the_router_is_gone() -> None:
    async with router(Igd()) as upnp:
        await upnp.probe()
    with pytest.raises(Unanswered, match="does not answer"):
        await upnp.look([443])


async def test_unmap_says_why_when_the_router_refuses() -> None:
    igd = Igd()
    igd.faults["DeletePortMapping"] = 606
    async with router(igd) as upnp:
        with pytest.raises(Refused, match="does not allow"):
            await upnp.unmap(443)


async def test_look_knows_no_outer_address_when_the_router_does_not_tell() -> None:
    igd = Igd()
    igd.faults["GetExternalIPAddress"] = 501
    async with router(igd) as upnp:
        assert await upnp.look([]) == Look(kept=True, external_address=None)


async def test_map_is_refused_when_not_even_a_permanent_mapping_is_made() -> None:
    igd = Igd()
    igd.faults["AddPortMapping"] = 725
    async with router(igd) as upnp:
        with pytest.raises(Refused, match="725"):
            await upnp.map(443, 3600)


async def test_probe_takes_the_best_connection_when_none_is_up() -> None:
    igd = Igd()
    igd.outer = {"/first": "", "/second": ""}
    async with router(igd) as upnp:
        await upnp.probe()
        assert (await upnp.map(443, 3600)).lifetime_s == 3600
