"""PCP and NAT-PMP with a peer that sends whatever it likes, over the loopback."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from ipaddress import IPv4Address

import pytest

from bridge.process.clock import SystemClock
from gateway.ddns.mapping.datagrams import conversation
from gateway.ddns.mapping.method import Gateway, Lease, Look, Refused, Unanswered
from gateway.ddns.mapping.natpmp import NatPmp
from gateway.ddns.mapping.pcp import Pcp

LOOPBACK = IPv4Address("127.0.0.1")
GATEWAY = Gateway(LOOPBACK, 1, LOOPBACK)
NONCE = b"twelve bytes"
OUTER = IPv4Address("11.22.33.44")

Answers = Callable[[bytes], Iterable[bytes]]


class Peer(asyncio.DatagramProtocol):
    """Answers each question with ``answers``; before them, another host's answer, which must not be taken."""

    def __init__(self, answers: Answers, stranger: socket.socket, strange: Answers) -> None:
        self.answers = answers
        self.stranger = stranger
        self.strange = strange
        self.asked: list[bytes] = []
        self.transport: asyncio.DatagramTransport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.asked.append(data)
        for answer in self.strange(data):
            self.stranger.sendto(answer, addr)
        for answer in self.answers(data):
            self.transport.sendto(answer, addr)


@asynccontextmanager
async def peer(answers: Answers, *, strange: Answers = lambda _: ()) -> AsyncIterator[tuple[Peer, int]]:
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.2", 0))
        transport, made = await loop.create_datagram_endpoint(
            lambda: Peer(answers, stranger, strange), local_addr=("127.0.0.1", 0)
        )
        made.transport = transport
        try:
            yield made, transport.get_extra_info("sockname")[1]
        finally:
            transport.close()


def pcp_answer(
    asked: bytes, *, result: int = 0, port: int = 443, nonce: bytes = NONCE, lifetime_s: int = 3600
) -> bytes:
    head = bytes([2, asked[1] | 0x80, 0, result]) + lifetime_s.to_bytes(4) + (77).to_bytes(4) + bytes(12)
    outer = bytes(10) + b"\xff\xff" + OUTER.packed
    return head + nonce + asked[36:40] + asked[40:42] + port.to_bytes(2) + outer


def natpmp_answer(asked: bytes, *, result: int = 0, port: int = 443) -> bytes:
    head = bytes([0, asked[1] | 0x80]) + result.to_bytes(2) + (77).to_bytes(4)
    return head + (OUTER.packed if asked[1] == 0 else asked[4:6] + port.to_bytes(2) + asked[8:12])


def pcp(port: int) -> Pcp:
    return Pcp(GATEWAY, SystemClock(), lambda _: NONCE, port=port)


def natpmp(port: int) -> NatPmp:
    return NatPmp(GATEWAY, SystemClock(), port=port)


GARBAGE = (b"", b"\0", b"\xff" * 60, b"\2\x81", bytes(1100), bytes(2000))


async def test_pcp_takes_the_right_answer_alone_when_others_come_before_it() -> None:
    def answers(asked: bytes) -> Iterable[bytes]:
        right = pcp_answer(asked)
        other_port = right[:40] + b"\0\x50" + right[42:]
        udp = right[:36] + b"\x11" + right[37:]
        announced = b"\2\x80" + right[2:24]
        wrong = pcp_answer(asked, nonce=b"other nonce!", lifetime_s=7)
        return (*GARBAGE, right[:56], asked, wrong, other_port, udp, announced, right)

    async with peer(answers, strange=lambda asked: [pcp_answer(asked, lifetime_s=8)]) as (_, port):
        assert await pcp(port).map(443, 3600) == Lease(3600, OUTER)


async def test_natpmp_takes_the_right_answer_alone_when_others_come_before_it() -> None:
    def answers(asked: bytes) -> Iterable[bytes]:
        right = natpmp_answer(asked)
        udp = b"\0\x81" + right[2:]
        other_port = right[:8] + b"\0\x50" + right[10:]
        address = natpmp_answer(b"\0\0")
        return (*GARBAGE, right[:15], asked, udp, other_port, address, right)

    def strange(asked: bytes) -> Iterable[bytes]:
        return [natpmp_answer(asked[:8] + (8).to_bytes(4))]

    async with peer(answers, strange=strange) as (_, port):
        assert await natpmp(port).map(443, 3600) == Lease(3600, None)


@pytest.mark.parametrize("method", [pcp, natpmp])
async def test_ask_raises_unanswered_at_once_when_the_port_is_closed(method: Callable[[int], Pcp | NatPmp]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with pytest.raises(Unanswered, match="does not listen"):
        await method(port).probe()


async def test_ask_repeats_the_question_and_gives_up_when_nothing_usable_comes() -> None:
    async with peer(lambda _: GARBAGE) as (silent, port), conversation(LOOPBACK, port) as router:
        with pytest.raises(Unanswered, match="does not answer"):
            await router.ask(b"?", lambda _: None, (0.01, 0.02, 0.04))
        assert silent.asked == [b"?"] * 3


async def test_ask_hears_the_answer_when_a_flood_comes_with_it() -> None:
    async with peer(lambda _: [*[b"x"] * 20, b"yes"]) as (_, port), conversation(LOOPBACK, port) as router:
        answer = await router.ask(b"?", lambda datagram: datagram if datagram == b"yes" else None, [1.0] * 5)
    assert answer == b"yes"


@pytest.mark.parametrize(
    ("result", "said"), [(2, "NOT_AUTHORIZED"), (8, "NO_RESOURCES"), (11, "the port is taken"), (13, "PCP result 13")]
)
async def test_pcp_says_why_and_how_long_when_the_router_refuses(result: int, said: str) -> None:
    async with peer(lambda asked: [pcp_answer(asked, result=result, lifetime_s=99_999)]) as (_, port):
        with pytest.raises(Refused, match=said) as caught:
            await pcp(port).map(443, 3600)
    assert caught.value.retry_s == 1800


@pytest.mark.parametrize(("result", "said"), [(2, "not authorized"), (4, "no room"), (9, "NAT-PMP result 9")])
async def test_natpmp_says_why_when_the_router_refuses(result: int, said: str) -> None:
    async with peer(lambda asked: [natpmp_answer(asked, result=result)]) as (_, port):
        with pytest.raises(Refused, match=said):
            await natpmp(port).map(443, 3600)


async def test_pcp_asks_without_the_option_when_the_router_does_not_know_it() -> None:
    def answers(asked: bytes) -> Iterable[bytes]:
        return [pcp_answer(asked, result=5 if len(asked) > 60 else 0)]

    async with peer(answers) as (router, port):
        assert (await pcp(port).map(443, 3600)).external_address == OUTER
        assert [len(question) for question in router.asked] == [64, 60]


@pytest.mark.parametrize("method", [pcp, natpmp])
async def test_other_port_is_given_back_when_the_router_offers_it_instead(
    method: Callable[[int], Pcp | NatPmp],
) -> None:
    def answers(asked: bytes) -> Iterable[bytes]:
        if asked[0] == 2:
            return [pcp_answer(asked, result=5 if len(asked) > 60 else 0, port=40_001)]
        return [natpmp_answer(asked, port=40_001)]

    async with peer(answers) as (router, port):
        with pytest.raises(Refused, match="offered 40001"):
            await method(port).map(443, 3600)
        lifetime = slice(4, 8) if router.asked[-1][0] == 2 else slice(8, 12)
        assert router.asked[-1][lifetime] == bytes(4)


async def test_pcp_is_not_spoken_when_a_natpmp_server_answers() -> None:
    async with peer(lambda asked: [b"\0" + bytes([asked[1] | 0x80]) + b"\0\1" + bytes(4)]) as (_, port):
        with pytest.raises(Unanswered, match="does not speak this version"):
            await pcp(port).probe()


async def test_natpmp_is_not_spoken_when_the_server_says_unsupported() -> None:
    async with peer(lambda _: [bytes.fromhex("0080000100000000")]) as (_, port):
        with pytest.raises(Unanswered, match="does not speak NAT-PMP"):
            await natpmp(port).probe()


@pytest.mark.parametrize("method", [pcp, natpmp])
async def test_look_says_forgotten_when_the_epoch_goes_back(method: Callable[[int], Pcp | NatPmp]) -> None:
    epochs = iter((77, 77, 1, 1))

    def answers(asked: bytes) -> Iterable[bytes]:
        answer = pcp_answer(asked) if asked[0] == 2 else natpmp_answer(asked)
        at = 8 if asked[0] == 2 else 4
        return [answer[:at] + next(epochs).to_bytes(4) + answer[at + 4 :]]

    async with peer(answers) as (_, port):
        router = method(port)
        await router.map(443, 3600)
        looks = [await router.look([443]) for _ in range(3)]
    assert [look.kept for look in looks] == [True, False, True]
    assert {look.external_address for look in looks} == {OUTER}


@pytest.mark.parametrize("method", [pcp, natpmp])
async def test_unmap_asks_for_no_lifetime(method: Callable[[int], Pcp | NatPmp]) -> None:
    async with peer(lambda asked: [pcp_answer(asked) if asked[0] == 2 else natpmp_answer(asked)]) as (router, port):
        await method(port).unmap(443)
        lifetime = slice(4, 8) if router.asked[0][0] == 2 else slice(8, 12)
        assert router.asked[0][lifetime] == bytes(4)


async def test_pcp_looks_without_an_address_when_nothing_is_mapped() -> None:
    async with peer(lambda _: [bytes.fromhex("0280000000000000 0000004d") + bytes(12)]) as (_, port):
        assert await pcp(port).look([]) == Look(kept=True, external_address=None)


async def test_natpmp_probe_takes_the_address_alone_when_others_come_before_it() -> None:
    def answers(asked: bytes) -> Iterable[bytes]:
        return (*GARBAGE, bytes.fromhex("00820000 0000004d 01bb01bb 00000e10"), natpmp_answer(asked))

    async with peer(answers) as (_, port):
        assert await natpmp(port).look([443]) == Look(kept=True, external_address=OUTER)
