"""Port Control Protocol, RFC 6887: the codec, and the conversation.

A request, and a response with R set, begin with 24 bytes; MAP has 36 more, then options::

    request   version=2 | R=0,opcode | reserved 16    | lifetime 32 | client's address 128
    response  version=2 | R=1,opcode | 0 | result 8   | lifetime 32 | epoch 32 | reserved 96
    MAP       nonce 96 | protocol 8 | reserved 24 | internal port 16 | external port 16 | external address 128
    option    code 8 | reserved 8 | length 16 | data, padded to 32 bits

IPv4 addresses are written as IPv4-mapped IPv6 ones. Only IPv4 mappings are made: ``docs/ports.md`` says why.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Final, Literal

from bridge.process.clock import Clock
from gateway.ddns.mapping.datagrams import DATAGRAM_MAX_BYTES, conversation
from gateway.ddns.mapping.method import NO_PUBLIC_ADDRESS, Failed, Gateway, Lease, Look, Refused, Unanswered

PORT: Final = 5351
NONCE_BYTES: Final = 12
_VERSION: Final = 2
_ANNOUNCE: Final = 0
_MAP: Final = 1
_RESPONSE: Final = 0x80
_TCP: Final = 6
_PREFER_FAILURE: Final = struct.pack("!BxH", 2, 0)
_REQUEST: Final = struct.Struct("!BBxxI16s")
_ANSWER: Final = struct.Struct("!BBxBII12x")
_MAPPING: Final = struct.Struct(f"!{NONCE_BYTES}sB3xHH16s")

# section 7.4
_SUCCESS: Final = 0
_UNSUPPORTED_VERSION: Final = 1
_UNSUPPORTED_OPTION: Final = 5
_SENTENCES: Final = {
    1: "the router does not speak this version of PCP",
    2: "the router does not allow this host to map ports (NOT_AUTHORIZED)",
    3: "the router took the request as malformed",
    4: "the router does not map ports by PCP (UNSUPP_OPCODE)",
    5: "the router does not know the option PREFER_FAILURE",
    6: "the router took an option as malformed",
    7: f"the router has {NO_PUBLIC_ADDRESS}, or its line is down (NETWORK_FAILURE)",
    8: f"the router has {NO_PUBLIC_ADDRESS}, or no room for another mapping (NO_RESOURCES)",
    9: "the router does not map TCP (UNSUPP_PROTOCOL)",
    10: "this host has as many mappings as the router allows it (USER_EX_QUOTA)",
    11: "the port is taken by another device or the router itself, or not allowed (CANNOT_PROVIDE_EXTERNAL)",
    12: "another router stands between this host and the one that maps ports (ADDRESS_MISMATCH)",
}

# section 8.1.1; five times, then it counts as silent: after 93 s
_FIRST_WAIT_S: Final = 3.0
_TRIES: Final = 5
_JITTER: Final = 0.1
_RETRY_MAX_S: Final = 1800
"""Whatever lifetime an error comes with: an owner who has allowed it at the router does not wait longer."""


@dataclass(frozen=True, slots=True)
class Response:
    """What every response holds."""

    opcode: int
    result: int
    lifetime_s: int
    epoch_s: int


@dataclass(frozen=True, slots=True)
class Mapped(Response):
    """A response to MAP."""

    nonce: bytes
    protocol: int
    internal_port: int
    external_port: int
    external_address: IPv4Address | None


def announce_request(own_address: IPv4Address) -> bytes:
    """Return a question for the router's epoch; it changes nothing there (section 14.1)."""
    return _REQUEST.pack(_VERSION, _ANNOUNCE, 0, _mapped(own_address))


def map_request(own_address: IPv4Address, port: int, lifetime_s: int, nonce: bytes, *, exact: bool) -> bytes:
    """Return a request for TCP ``port``; lifetime 0 deletes. ``exact``: rather none than another outer port."""
    head = _REQUEST.pack(_VERSION, _MAP, lifetime_s, _mapped(own_address))
    body = _MAPPING.pack(nonce, _TCP, port, port, _mapped(IPv4Address(0)))
    return head + body + (_PREFER_FAILURE if exact else b"")


def decode(datagram: bytes) -> Response | Mapped | None:
    """Return a response; None where the bytes are none (section 8.3), or not of version 2 and successful."""
    if not _ANSWER.size <= len(datagram) <= DATAGRAM_MAX_BYTES or len(datagram) % 4:
        return None
    version, kind, result, lifetime_s, epoch_s = _ANSWER.unpack_from(datagram)
    if version != _VERSION or not kind & _RESPONSE:
        return None
    opcode = kind & ~_RESPONSE
    if opcode != _MAP or len(datagram) < _ANSWER.size + _MAPPING.size:
        return Response(opcode, result, lifetime_s, epoch_s)
    nonce, protocol, internal, external, address = _MAPPING.unpack_from(datagram, _ANSWER.size)
    outer = IPv6Address(address).ipv4_mapped or None
    outer = None if outer is None or outer.is_unspecified else outer
    return Mapped(opcode, result, lifetime_s, epoch_s, nonce, protocol, internal, external, outer)


def is_other_version(datagram: bytes) -> bool:
    """Say whether a server answers that it speaks another version, a NAT-PMP one included (section 9, appendix A)."""
    return len(datagram) >= 4 and bool(datagram[1] & _RESPONSE) and datagram[2:4] == b"\0\1"  # noqa: PLR2004


def epoch_is_valid(before_s: int, now_s: int, passed_s: float) -> bool:
    """Say whether a router whose epoch was ``before_s``, ``passed_s`` ago, has kept its mappings (section 8.5)."""
    if now_s + 1 < before_s:
        return False
    server_s = max(now_s - before_s, 0)
    return passed_s + 2 >= server_s - server_s / 16 and server_s + 2 >= passed_s - passed_s / 16


def waits() -> Iterator[float]:
    """Yield how long each try waits for its answer, seconds: 3, 6, 12, 24, 48, each up to a tenth more or less."""
    wait_s = _FIRST_WAIT_S
    for _ in range(_TRIES):
        yield wait_s * (1 + random.uniform(-_JITTER, _JITTER))  # noqa: S311 - so that hosts do not ask in step
        wait_s *= 2


def _mapped(address: IPv4Address) -> bytes:
    return bytes(10) + b"\xff\xff" + address.packed


def _understood(datagram: bytes) -> Response | Mapped | None:
    """Decode, and raise :class:`Unanswered` where the server says that it does not speak this version."""
    if is_other_version(datagram):
        raise Unanswered(_SENTENCES[_UNSUPPORTED_VERSION])
    return decode(datagram)


def _announced(datagram: bytes) -> Response | None:
    answer = _understood(datagram)
    return answer if answer is not None and answer.opcode == _ANNOUNCE and answer.result == _SUCCESS else None


class _OptionUnknown(Failed):
    """The server does not know PREFER_FAILURE."""


def _refuse(answer: Mapped) -> None:
    if answer.result == _UNSUPPORTED_OPTION:
        raise _OptionUnknown(_SENTENCES[_UNSUPPORTED_OPTION])
    if answer.result != _SUCCESS:
        sentence = _SENTENCES.get(answer.result, f"the router refused (PCP result {answer.result})")
        raise Refused(sentence, retry_s=min(answer.lifetime_s, _RETRY_MAX_S))


class Pcp:
    """A router's PCP server. ``nonce_of`` gives the nonce of a port, the same each time: only its owner may renew."""

    name: Literal["pcp"] = "pcp"

    def __init__(self, gateway: Gateway, clock: Clock, nonce_of: Callable[[int], bytes], *, port: int = PORT) -> None:
        self._gateway = gateway
        self._clock = clock
        self._nonce_of = nonce_of
        self._port = port
        self._epoch: tuple[int, float] | None = None
        self._lifetime_s: dict[int, int] = {}

    async def probe(self) -> None:
        async with conversation(self._gateway.address, self._port) as router:
            self._observe(await router.ask(announce_request(router.own_address), _announced, waits()))

    async def map(self, port: int, lifetime_s: int) -> Lease:
        lease, _ = await self._renew(port, lifetime_s)
        return lease

    async def unmap(self, port: int) -> None:
        await self._ask(port, 0, exact=False)

    async def look(self, ports: Sequence[int]) -> Look:
        """Renew the first port, for PCP names the outer address in answers to MAP alone; the epoch speaks for all."""
        if not ports:
            await self.probe()
            return Look(kept=True, external_address=None)
        lease, kept = await self._renew(ports[0], self._lifetime_s[ports[0]])
        return Look(kept=kept, external_address=lease.external_address)

    async def _renew(self, port: int, lifetime_s: int) -> tuple[Lease, bool]:
        try:
            answer = await self._ask(port, lifetime_s, exact=True)
        except _OptionUnknown:
            answer = await self._ask(port, lifetime_s, exact=False)
        if answer.external_port != port:
            await self._ask(port, 0, exact=False)
            msg = f"the port is taken: the router offered {answer.external_port} instead"
            raise Refused(msg)
        self._lifetime_s[port] = lifetime_s
        return Lease(answer.lifetime_s, answer.external_address), self._observe(answer)

    async def _ask(self, port: int, lifetime_s: int, *, exact: bool) -> Mapped:
        nonce = self._nonce_of(port)

        def understand(datagram: bytes) -> Mapped | None:
            answer = _understood(datagram)
            if not isinstance(answer, Mapped) or (answer.nonce, answer.protocol) != (nonce, _TCP):
                return None
            if answer.internal_port != port:
                return None
            _refuse(answer)
            return answer

        async with conversation(self._gateway.address, self._port) as router:
            question = map_request(router.own_address, port, lifetime_s, nonce, exact=exact)
            return await router.ask(question, understand, waits())

    def _observe(self, answer: Response) -> bool:
        """Remember the router's epoch, and say whether it has kept its mappings since the last one."""
        before, now = self._epoch, self._clock.monotonic()
        self._epoch = (answer.epoch_s, now)
        return before is None or epoch_is_valid(before[0], answer.epoch_s, now - before[1])
