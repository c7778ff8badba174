"""Dynamic updates and questions to authoritative servers, with a real BIND."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from ipaddress import IPv4Address, IPv6Address

import dns.asyncquery
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.update
import pytest

from gateway.ddns import authority
from gateway.ddns.answers import Kind
from gateway.ddns.authority import Authority, Shown
from gateway.ddns.families import Address, Family
from gateway.ddns.nameservers import Nameserver
from gateway.ddns.providers import rfc2136
from gateway.ddns.providers.rfc2136 import Rfc2136
from tests.bind import KEY_NAME, NAME, OTHER_SECRET, SECRET, Bind

V4 = IPv4Address("192.88.98.1")
V6 = IPv6Address("2001:4860::1")
ONLY_V4: dict[Family, Address] = {Family.IPV4: V4}


def updating(server: str, *, key_name: str = KEY_NAME, key: str = SECRET, zone: str = "") -> Rfc2136:
    return Rfc2136(server=Nameserver.parse(server), key_name=key_name, key=key, zone=zone)


@pytest.mark.story("hub/IH-027.3")
async def test_name_leads_to_the_address_when_the_server_took_the_update(named: Bind) -> None:
    given = await updating(named.address).update(NAME, ONLY_V4)

    assert given.kind is Kind.UPDATED
    assert named.look_up(NAME) == {"192.88.98.1"}


async def test_families_are_left_alone_when_the_other_one_changes(named: Bind) -> None:
    provider = updating(named.address)
    await provider.update(NAME, ONLY_V4)
    await provider.update(NAME, {Family.IPV6: V6})
    await provider.update(NAME, {Family.IPV4: IPv4Address("192.88.98.2")})

    assert named.look_up(NAME) == {"192.88.98.2"}
    assert named.look_up(NAME, "AAAA") == {"2001:4860::1"}


async def test_zone_is_taken_from_the_settings_when_they_name_it(named: Bind) -> None:
    assert (await updating(named.address, zone="example.org").update(NAME, ONLY_V4)).kind is Kind.UPDATED


@pytest.mark.parametrize(("key_name", "key"), [(KEY_NAME, OTHER_SECRET), ("nobody", SECRET)], ids=["secret", "name"])
async def test_credentials_are_bad_when_the_key_is_another(named: Bind, key_name: str, key: str) -> None:
    given = await updating(named.address, key_name=key_name, key=key).update(NAME, ONLY_V4)

    assert given.kind is Kind.BAD_CREDENTIALS
    assert named.look_up(NAME) == set()


async def test_name_is_not_ours_when_the_update_policy_says_so(named: Bind) -> None:
    given = await updating(named.address).update("fixed.example.org", ONLY_V4)

    assert (given.kind, "REFUSED" in given.reason) == (Kind.NOT_YOURS, True)
    assert named.look_up("fixed.example.org") == {"192.88.98.7"}


async def test_update_is_refused_by_the_server_when_it_is_not_signed(named: Bind) -> None:
    """The server of these tests would not take just anything."""
    message = dns.update.UpdateMessage("example.org")
    message.replace(dns.name.from_text(NAME), 60, "A", str(V4))

    reply = await dns.asyncquery.tcp(message, "127.0.0.1", port=named.port, timeout=2)

    assert reply.rcode() == dns.rcode.REFUSED


@pytest.mark.parametrize("zone", ["", "example.net"], ids=["looked-up", "given"])
async def test_name_is_not_ours_when_the_server_has_no_such_zone(named: Bind, zone: str) -> None:
    given = await updating(named.address, zone=zone).update("box.example.net", ONLY_V4)

    assert given.kind is Kind.NOT_YOURS


async def test_settings_are_wrong_when_the_name_is_not_in_their_zone(named: Bind) -> None:
    given = await updating(named.address, zone="example.org").update("box.example.net", ONLY_V4)

    assert given.kind is Kind.REFUSED


async def test_server_is_unreachable_when_it_is_away(named: Bind) -> None:
    named.process.terminate()
    named.process.wait(5)

    given = await updating(named.address).update(NAME, ONLY_V4)

    assert given.kind is Kind.UNREACHABLE


async def test_server_is_unreachable_when_it_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rfc2136, "TIMEOUT_S", 0.2)
    async with impostor(lambda _: b"") as address:
        given = await updating(address).update(NAME, ONLY_V4)

    assert (given.kind, given.reason) == (Kind.UNREACHABLE, "the name server did not answer")


async def test_answer_is_not_believed_when_it_is_not_signed() -> None:
    def say_yes(asked: bytes) -> bytes:
        question = asked[12 : 12 + len(b"\x07example\x03org\x00") + 4]
        flags = dns.flags.QR | dns.opcode.to_flags(dns.opcode.UPDATE)
        return asked[:2] + struct.pack("!HHHHH", flags, 1, 0, 0, 0) + question

    async with impostor(say_yes) as address:
        given = await updating(address, zone="example.org").update(NAME, ONLY_V4)

    assert given.kind is Kind.TROUBLE


async def test_clocks_are_named_when_they_are_too_far_apart(named: Bind, monkeypatch: pytest.MonkeyPatch) -> None:
    class Late:
        time = staticmethod(lambda: 1_000_000_000.0)

    monkeypatch.setattr("dns.message.time", Late)
    given = await updating(named.address).update(NAME, ONLY_V4)

    assert (given.kind, "clocks" in given.reason) == (Kind.UNREACHABLE, True)


def test_key_is_refused_when_it_is_no_base64() -> None:
    with pytest.raises(ValueError, match="no TSIG key") as caught:
        updating("127.0.0.1", key="not a key")

    assert "not a key" not in str(caught.value)


@asynccontextmanager
async def impostor(answer: Callable[[bytes], bytes]) -> AsyncIterator[str]:
    """Serve DNS over TCP, answering what ``answer`` makes of a question; nothing where that is empty."""
    gone = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            (size,) = struct.unpack("!H", await reader.readexactly(2))
            said = answer(await reader.readexactly(size))
            if said:
                writer.write(struct.pack("!H", len(said)) + said)
                await writer.drain()
            await reader.read()
        finally:
            writer.close()
            await writer.wait_closed()
            gone.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        await gone.wait()


async def test_authoritative_server_shows_an_update_when_it_took(named: Bind) -> None:
    await updating(named.address).update(NAME, ONLY_V4)

    shown = await Authority(authoritative=[named.address]).ask(NAME, Family.IPV4)

    assert shown == Shown({"127.0.0.1": frozenset({"192.88.98.1"})})
    assert shown.doubt(V4) is None
    assert shown.doubt(IPv4Address("192.88.98.2")) == "the authoritative server 127.0.0.1 says 192.88.98.1"


async def test_authoritative_server_says_nothing_when_there_is_no_such_name(named: Bind) -> None:
    shown = await Authority(authoritative=[named.address]).ask("none.example.org", Family.IPV6)

    assert shown.doubt(V6) == "the authoritative server 127.0.0.1 says nothing"


@pytest.mark.parametrize("name", ["box.example.net", NAME], ids=["not-its-zone", "away"])
async def test_nobody_is_believed_when_no_server_answers_with_authority(
    named: Bind, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authority, "_ASK_TIMEOUT_S", 0.3)
    if name == NAME:
        named.process.terminate()
        named.process.wait(5)

    shown = await Authority(authoritative=[named.address]).ask(name, Family.IPV4)

    assert shown.by_server == {}
    assert shown.doubt(V4) == "no authoritative server answered"


async def test_servers_of_the_zone_are_found_when_none_are_named(named: Bind) -> None:
    """BIND itself answers as a resolver would for its own zone; its NS record leads to port 53 of loopback."""
    servers = await Authority(resolvers=[named.address])._servers(dns.name.from_text(NAME))

    assert servers == {"ns.example.org": Nameserver("127.0.0.1")}


async def test_nothing_is_shown_when_the_resolver_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authority, "_ASK_TIMEOUT_S", 0.3)
    shown = await Authority(resolvers=["127.0.0.1:1"]).ask(NAME, Family.IPV4)

    assert shown == Shown({}, "the authoritative servers cannot be found")
