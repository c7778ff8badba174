from __future__ import annotations

import contextlib
import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.connectivity.netlink import Malformed, dump_network
from gateway.connectivity.netlink import messages as wire

PARSERS = (wire.link, wire.address, wire.default_routes, wire.neighbour)


@given(st.binary(max_size=600))
@example(b"\x10\x00\x00\x00" + bytes(12))
@example(b"\xff\xff\xff\xff" + bytes(12))
def test_messages_end_whatever_the_bytes_are(data: bytes) -> None:
    with contextlib.suppress(Malformed):
        for message in wire.messages(data):
            for parse in PARSERS:
                with contextlib.suppress(Malformed):
                    parse(message.body)


@pytest.mark.parametrize("parse", PARSERS, ids=lambda parse: parse.__name__)
@given(st.sampled_from([0, 2, 10, 28]), st.binary(max_size=300))
def test_parser_returns_or_says_malformed_whatever_the_body_is(parse: object, family: int, body: bytes) -> None:
    with contextlib.suppress(Malformed):
        parse(bytes((family,)) + body)  # type: ignore[operator] # parametrized


@pytest.mark.parametrize("damage", range(16), ids=lambda number: f"cut by {number + 1}")
def test_messages_are_malformed_when_cut_off(damage: int) -> None:
    whole = wire.request(wire.GET_LINK, sequence=1, body=wire.dump_body(wire.GET_LINK), dump=True)
    with pytest.raises(Malformed):
        list(wire.messages(whole[: -damage - 1]))


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def test_default_route_has_each_of_its_next_hops_when_it_has_several() -> None:
    hops = b""
    for index, gateway in ((2, bytes((10, 0, 0, 1))), (3, bytes((10, 0, 1, 1)))):
        attribute = _attribute(5, gateway)
        hops += struct.pack("=HBBi", 8 + len(attribute), 0, 0, index) + attribute
    body = struct.pack("=BBBBBBBBI", 2, 0, 0, 0, 254, 3, 0, 1, 0) + _attribute(6, struct.pack("=I", 100))
    routes = wire.default_routes(body + _attribute(9, hops))
    assert [(each.index, each.gateway, each.metric) for each in routes] == [(2, "10.0.0.1", 100), (3, "10.0.1.1", 100)]


def test_default_route_by_a_gateway_of_the_other_family_is_read() -> None:
    via = struct.pack("=H", 10) + bytes.fromhex("fe800000000000000000000000000001")
    body = struct.pack("=BBBBBBBBI", 2, 0, 0, 0, 254, 3, 0, 1, 0) + _attribute(4, struct.pack("=i", 2))
    [route] = wire.default_routes(body + _attribute(18, via))
    assert (route.gateway, route.is_ipv6) == ("fe80::1", False)


def test_dump_is_the_same_when_nothing_changed() -> None:
    assert dump_network() == dump_network()
    assert any(link.is_loopback for link in dump_network().links)
