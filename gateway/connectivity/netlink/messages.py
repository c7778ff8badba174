"""The bytes of rtnetlink, both ways. Pure; whatever comes, a parser returns or raises :class:`Malformed`.

A datagram is messages, each a header (length, type, flags, sequence, port), the type's fixed part, then attributes
(length, type, value), everything aligned to 4 bytes and in the machine's byte order.

Sources: netlink(7), rtnetlink(7), linux/rtnetlink.h, linux/if_link.h, linux/if_addr.h, linux/neighbour.h.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton
from typing import Final

NEW_LINK: Final = 16
GET_LINK: Final = 18
NEW_ADDRESS: Final = 20
GET_ADDRESS: Final = 22
NEW_ROUTE: Final = 24
GET_ROUTE: Final = 26
NEW_NEIGHBOUR: Final = 28
GET_NEIGHBOUR: Final = 30
ERROR: Final = 2
DONE: Final = 3

REQUEST: Final = 0x1
DUMP: Final = 0x300
DUMP_INTERRUPTED: Final = 0x10
"""The kernel's tables changed under the dump: it has to be asked for again."""

_HEADER: Final = struct.Struct("=IHHII")
_ATTRIBUTE: Final = struct.Struct("=HH")
_LINK: Final = struct.Struct("=BxHiII")
_ADDRESS: Final = struct.Struct("=BBBBI")
_ROUTE: Final = struct.Struct("=BBBBBBBBI")
_NEXT_HOP: Final = struct.Struct("=HBBi")
_NEIGHBOUR: Final = struct.Struct("=BxxxiHBB")

# attributes, by the names of the headers
_IFLA_IFNAME: Final = 3
_IFA_ADDRESS: Final = 1
_IFA_LOCAL: Final = 2
_IFA_FLAGS: Final = 8
_RTA_OIF: Final = 4
_RTA_GATEWAY: Final = 5
_RTA_PRIORITY: Final = 6
_RTA_MULTIPATH: Final = 9
_RTA_TABLE: Final = 15
_RTA_VIA: Final = 18
_NDA_DST: Final = 1
_NDA_LLADDR: Final = 2

_ATTRIBUTE_TYPE: Final = 0x3FFF  # the rest says nested or big-endian
_ATTRIBUTES_MAX: Final = 256
_SIZES: Final[Mapping[int, int]] = {AF_INET: 4, AF_INET6: 16}

_UP: Final = 0x1
_LOOPBACK: Final = 0x8
_LOWER_UP: Final = 0x10000
_TENTATIVE: Final = 0x40
_DEPRECATED: Final = 0x20
_SCOPE_GLOBAL: Final = 0
_TABLE_MAIN: Final = 254
_UNICAST: Final = 1

_NEIGHBOUR_STATES: Final = {
    0x01: "incomplete", 0x02: "reachable", 0x04: "stale", 0x08: "delay", 0x10: "probe", 0x20: "failed", 0x40: "noarp",
    0x80: "permanent",
}  # fmt: skip


class Malformed(ValueError):
    """Bytes that are no rtnetlink message."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message: its ``body`` is everything behind the header."""

    kind: int
    flags: int
    sequence: int
    body: bytes


@dataclass(frozen=True, slots=True, order=True)
class Link:
    """One interface. ``has_carrier``: the cable, or the radio's link, is there, and it is set up."""

    index: int
    name: str
    is_up: bool
    has_carrier: bool
    is_loopback: bool


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """One address of an interface. Not ``is_usable`` while its uniqueness is being checked, or once deprecated."""

    index: int
    value: str
    prefix: int
    is_global: bool
    is_usable: bool


@dataclass(frozen=True, slots=True, order=True)
class Route:
    """One default route of the main table; no ``gateway`` where everybody is on the link."""

    index: int
    gateway: str | None
    metric: int
    is_ipv6: bool


@dataclass(frozen=True, slots=True)
class Neighbour:
    """What the kernel knows of a neighbour: reachable, stale, delay, probe, incomplete, failed, noarp, permanent."""

    value: str
    state: str
    hardware: str


@dataclass(frozen=True, slots=True)
class Network:
    """Everything of one dump, sorted: two that are equal say that nothing changed."""

    links: tuple[Link, ...] = ()
    addresses: tuple[Address, ...] = ()
    default_routes: tuple[Route, ...] = ()


def request(kind: int, *, sequence: int, body: bytes, dump: bool) -> bytes:
    """Return one request of ``kind``, with the fixed part and attributes of ``body``."""
    flags = REQUEST | (DUMP if dump else 0)
    return _HEADER.pack(_HEADER.size + len(body), kind, flags, sequence, 0) + body


def dump_body(kind: int) -> bytes:
    """Return the fixed part that asks for all of ``kind``, whatever their family."""
    size = {GET_LINK: _LINK, GET_ADDRESS: _ADDRESS, GET_ROUTE: _ROUTE}[kind].size
    return bytes(size)


def neighbour_body(index: int, value: str) -> bytes:
    """Return what asks for the neighbour ``value`` at the interface ``index``."""
    family = AF_INET6 if ":" in value else AF_INET
    packed = inet_pton(family, value)
    return _NEIGHBOUR.pack(family, index, 0, 0, 0) + _ATTRIBUTE.pack(_ATTRIBUTE.size + len(packed), _NDA_DST) + packed


def messages(datagram: bytes) -> Iterator[Message]:
    """Yield the messages of ``datagram``. Raises :class:`Malformed`."""
    offset = 0
    while offset < len(datagram):
        if len(datagram) - offset < _HEADER.size:
            msg = "a header is cut off"
            raise Malformed(msg)
        length, kind, flags, sequence, _ = _HEADER.unpack_from(datagram, offset)
        if not _HEADER.size <= length <= len(datagram) - offset:
            msg = "a message's length is none"
            raise Malformed(msg)
        yield Message(kind, flags, sequence, datagram[offset + _HEADER.size : offset + length])
        offset += _aligned(length)


def error_number(message: Message) -> int:
    """Return the errno that an ERROR message holds; 0 is an acknowledgement. Raises :class:`Malformed`."""
    (number,) = _unpack(struct.Struct("=i"), message.body)
    return -int(number)


def link(body: bytes) -> Link:
    """Return one interface. Raises :class:`Malformed`."""
    _, _, index, flags, _ = _unpack(_LINK, body)
    name = _attributes(body, _LINK.size).get(_IFLA_IFNAME, b"").rstrip(b"\0").decode("utf-8", "replace")
    is_up = bool(flags & _UP)
    return Link(index, name, is_up, is_up and bool(flags & _LOWER_UP), bool(flags & _LOOPBACK))


def address(body: bytes) -> Address | None:
    """Return one address, or None for a family that is neither IPv4 nor IPv6. Raises :class:`Malformed`."""
    family, prefix, flags, scope, index = _unpack(_ADDRESS, body)
    if family not in _SIZES:
        return None
    attributes = _attributes(body, _ADDRESS.size)
    if _IFA_FLAGS in attributes:  # all 32 of them, of which the fixed part has eight
        (flags,) = _unpack(struct.Struct("=I"), attributes[_IFA_FLAGS])
    local = attributes.get(_IFA_LOCAL)  # on a point-to-point link IFA_ADDRESS is the peer's
    value = local or attributes.get(_IFA_ADDRESS, b"")
    usable = not flags & (_TENTATIVE | _DEPRECATED)
    return Address(index, _text(family, value), prefix, scope == _SCOPE_GLOBAL, usable)


def default_routes(body: bytes) -> tuple[Route, ...]:
    """Return the default route that a message holds, one for each of its next hops; none if it is another route.

    Raises :class:`Malformed`.
    """
    family, destination_bits, _, _, table, _, _, kind, _ = _unpack(_ROUTE, body)
    attributes = _attributes(body, _ROUTE.size)
    if _RTA_TABLE in attributes:  # tables have numbers over 255
        (table,) = _unpack(struct.Struct("=I"), attributes[_RTA_TABLE])
    if family not in _SIZES or destination_bits or table != _TABLE_MAIN or kind != _UNICAST:
        return ()
    metric = _number(attributes.get(_RTA_PRIORITY))
    hops = [(_number(attributes.get(_RTA_OIF)), attributes)]
    if _RTA_MULTIPATH in attributes:
        hops = list(_next_hops(attributes[_RTA_MULTIPATH]))
    routes = []
    for index, details in hops:
        gateway = None
        if _RTA_GATEWAY in details:
            gateway = _text(family, details[_RTA_GATEWAY])
        elif _RTA_VIA in details:  # a gateway of the other family, which its first two bytes name
            (via,) = _unpack(struct.Struct("=H"), details[_RTA_VIA])
            gateway = _text(via, details[_RTA_VIA][2:])
        routes.append(Route(index, gateway, metric, family == AF_INET6))
    return tuple(routes)


def neighbour(body: bytes) -> Neighbour | None:
    """Return one neighbour, or None for a family that is neither IPv4 nor IPv6. Raises :class:`Malformed`."""
    family, _, state, _, _ = _unpack(_NEIGHBOUR, body)
    if family not in _SIZES:
        return None
    attributes = _attributes(body, _NEIGHBOUR.size)
    name = _NEIGHBOUR_STATES.get(state, "none")
    return Neighbour(_text(family, attributes.get(_NDA_DST, b"")), name, attributes.get(_NDA_LLADDR, b"").hex(":"))


def _next_hops(value: bytes) -> Iterator[tuple[int, dict[int, bytes]]]:
    offset = 0
    while offset < len(value):
        length, _, _, index = _unpack(_NEXT_HOP, value[offset:])
        if not _NEXT_HOP.size <= length <= len(value) - offset:
            msg = "a next hop's length is none"
            raise Malformed(msg)
        yield index, _attributes(value[offset : offset + length], _NEXT_HOP.size)
        offset += _aligned(length)


def _attributes(body: bytes, offset: int) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    offset = _aligned(offset)
    while len(body) - offset >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(body, offset)
        if not _ATTRIBUTE.size <= length <= len(body) - offset or len(found) >= _ATTRIBUTES_MAX:
            msg = "an attribute's length is none"
            raise Malformed(msg)
        found[kind & _ATTRIBUTE_TYPE] = body[offset + _ATTRIBUTE.size : offset + length]
        offset += _aligned(length)
    return found


def _unpack(form: struct.Struct, body: bytes) -> tuple[int, ...]:
    if len(body) < form.size:
        msg = "a message is cut off"
        raise Malformed(msg)
    return form.unpack_from(body)


def _number(value: bytes | None) -> int:
    return 0 if value is None else _unpack(struct.Struct("=I"), value)[0]


def _text(family: int, value: bytes) -> str:
    if len(value) != _SIZES.get(family):
        msg = "an address's length is none"
        raise Malformed(msg)
    return inet_ntop(family, value)


def _aligned(length: int) -> int:
    return (length + 3) & ~3
