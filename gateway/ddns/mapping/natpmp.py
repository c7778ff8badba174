"""NAT Port Mapping Protocol, RFC 6886: the codec, and the conversation.

::

    address   version=0 | opcode=0
              version=0 | opcode=128 | result 16 | epoch 32 | outer address 32
    map TCP   version=0 | opcode=2   | reserved 16 | internal port 16 | outer port 16 | lifetime 32
              version=0 | opcode=130 | result 16 | epoch 32 | internal port 16 | outer port 16 | lifetime 32

There is no nonce: an answer is told by its sender, which the kernel checks, and by opcode and internal port.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final, Literal

from bridge.process.clock import Clock
from gateway.ddns.mapping.datagrams import conversation
from gateway.ddns.mapping.method import NO_PUBLIC_ADDRESS, Gateway, Lease, Look, Refused, Unanswered

PORT: Final = 5351
_VERSION: Final = 0
_ADDRESS: Final = 0
_MAP_TCP: Final = 2
_RESPONSE: Final = 128
_HEAD: Final = struct.Struct("!BBHI")
_OUTER: Final = struct.Struct("!4s")
_MAPPING: Final = struct.Struct("!HHI")

# section 3.5
_SUCCESS: Final = 0
_UNSUPPORTED_VERSION: Final = 1
_UNSUPPORTED_OPCODE: Final = 5
_SENTENCES: Final = {
    1: "the router does not speak NAT-PMP",
    2: "the router does not allow this host to map ports (not authorized)",
    3: f"the router has {NO_PUBLIC_ADDRESS}, or its line is down (network failure)",
    4: "the router has no room for another mapping, or the port is taken (out of resources)",
    5: "the router does not map ports by NAT-PMP (unsupported opcode)",
}

WAITS_S: Final = tuple(0.25 * 2**n for n in range(9))
"""Section 3.1: a quarter of a second, doubling; nine tries, after which the router counts as silent (127.75 s)."""


@dataclass(frozen=True, slots=True)
class OuterAddress:
    """A response that names the router's outer address; None where it has none, or refused."""

    result: int
    epoch_s: int
    address: IPv4Address | None


@dataclass(frozen=True, slots=True)
class Mapped:
    """A response to a request for a TCP mapping."""

    result: int
    epoch_s: int
    internal_port: int
    external_port: int
    lifetime_s: int


def address_request() -> bytes:
    return bytes([_VERSION, _ADDRESS])


def map_request(port: int, lifetime_s: int) -> bytes:
    """Return a request for TCP ``port``; lifetime 0 deletes, and asks for outer port 0 then (section 3.4)."""
    return struct.pack("!BBxx", _VERSION, _MAP_TCP) + _MAPPING.pack(port, port if lifetime_s else 0, lifetime_s)


def decode(datagram: bytes) -> OuterAddress | Mapped | None:
    """Return a response; None where the bytes are none of these two."""
    if len(datagram) < _HEAD.size:
        return None
    version, opcode, result, epoch_s = _HEAD.unpack_from(datagram)
    if version != _VERSION:
        return None
    body = datagram[_HEAD.size :]
    if opcode == _RESPONSE + _ADDRESS:
        outer = IPv4Address(body) if result == _SUCCESS and len(body) == _OUTER.size and any(body) else None
        return None if result == _SUCCESS and len(body) != _OUTER.size else OuterAddress(result, epoch_s, outer)
    if opcode == _RESPONSE + _MAP_TCP and len(body) == _MAPPING.size:
        return Mapped(result, epoch_s, *_MAPPING.unpack(body))
    return None


def epoch_is_valid(before_s: int, now_s: int, passed_s: float) -> bool:
    """Say whether a router whose epoch was ``before_s``, ``passed_s`` ago, has kept its mappings (section 3.6)."""
    return now_s >= before_s + passed_s * 7 / 8 - 2


class NatPmp:
    """A router's NAT-PMP server."""

    name: Literal["nat-pmp"] = "nat-pmp"

    def __init__(self, gateway: Gateway, clock: Clock, *, port: int = PORT) -> None:
        self._gateway = gateway
        self._clock = clock
        self._port = port
        self._epoch: tuple[int, float] | None = None

    async def probe(self) -> None:
        await self._outer_address()

    async def map(self, port: int, lifetime_s: int) -> Lease:
        answer = await self._map(port, lifetime_s)
        self._observe(answer.epoch_s)
        if answer.external_port != port:
            await self._map(port, 0)
            msg = f"the port is taken: the router offered {answer.external_port} instead"
            raise Refused(msg)
        return Lease(answer.lifetime_s, None)

    async def unmap(self, port: int) -> None:
        await self._map(port, 0)

    async def look(self, ports: Sequence[int]) -> Look:  # noqa: ARG002 - one answer for all
        """Ask for the outer address; the epoch in the answer speaks for every mapping."""
        answer = await self._outer_address()
        return Look(kept=self._observe(answer.epoch_s), external_address=answer.address)

    async def _outer_address(self) -> OuterAddress:
        def understand(datagram: bytes) -> OuterAddress | None:
            answer = decode(datagram)
            if not isinstance(answer, OuterAddress):
                return None
            if answer.result in {_UNSUPPORTED_VERSION, _UNSUPPORTED_OPCODE}:
                raise Unanswered(_SENTENCES[answer.result])
            return answer

        async with conversation(self._gateway.address, self._port) as router:
            return await router.ask(address_request(), understand, WAITS_S)

    async def _map(self, port: int, lifetime_s: int) -> Mapped:
        def understand(datagram: bytes) -> Mapped | None:
            answer = decode(datagram)
            if not isinstance(answer, Mapped) or answer.internal_port != port:
                return None
            if answer.result != _SUCCESS:
                raise Refused(_SENTENCES.get(answer.result, f"the router refused (NAT-PMP result {answer.result})"))
            return answer

        async with conversation(self._gateway.address, self._port) as router:
            return await router.ask(map_request(port, lifetime_s), understand, WAITS_S)

    def _observe(self, epoch_s: int) -> bool:
        """Remember the router's epoch, and say whether it has kept its mappings since the last one."""
        before, now = self._epoch, self._clock.monotonic()
        self._epoch = (epoch_s, now)
        return before is None or epoch_is_valid(before[0], epoch_s, now - before[1])
