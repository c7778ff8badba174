from __future__ import annotations

from ipaddress import IPv4Address

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.ddns.mapping import natpmp
from gateway.ddns.mapping.natpmp import Mapped, OuterAddress

ADDRESS = bytes.fromhex("00800000000000050b16212c")
MAPPED = bytes.fromhex("008200000000000501bb01bb00000e10")


def test_requests_are_as_the_rfc_draws_them() -> None:
    assert natpmp.address_request() == b"\0\0"
    assert natpmp.map_request(443, 3600) == bytes.fromhex("0002000001bb01bb00000e10")


def test_map_request_asks_for_outer_port_zero_when_it_deletes() -> None:
    assert natpmp.map_request(443, 0) == bytes.fromhex("0002000001bb000000000000")


def test_decode_reads_every_field_when_the_router_agrees() -> None:
    assert natpmp.decode(ADDRESS) == OuterAddress(0, 5, IPv4Address("11.22.33.44"))
    assert natpmp.decode(MAPPED) == Mapped(0, 5, 443, 443, 3600)


@pytest.mark.parametrize("words", ["0080000300000005", "008000030000000500000000"])
def test_decode_gives_the_result_without_an_address_when_the_router_has_none(words: str) -> None:
    assert natpmp.decode(bytes.fromhex(words)) == OuterAddress(3, 5, None)


@pytest.mark.parametrize(
    "damaged",
    [ADDRESS[:-1], MAPPED[:-1], MAPPED + b"\0", b"\2" + MAPPED[1:], b"\0\x81" + MAPPED[2:], ADDRESS[:7], b""],
    ids=["address cut", "mapping cut", "mapping longer", "version 2", "UDP", "head cut", "empty"],
)
def test_decode_gives_nothing_when_it_is_no_response(damaged: bytes) -> None:
    assert natpmp.decode(damaged) is None


@given(st.binary(max_size=64))
@example(ADDRESS)
@example(MAPPED)
def test_decode_never_raises_when_fed_anything(datagram: bytes) -> None:
    answer = natpmp.decode(datagram)
    assert answer is None or datagram[0] == 0


@given(st.integers(0, 65535), st.integers(1, 2**32 - 1))
def test_decode_gives_back_what_was_asked_when_a_server_echoes_it(port: int, lifetime_s: int) -> None:
    echoed = b"\0\x82\0\0" + bytes(4) + natpmp.map_request(port, lifetime_s)[4:]
    assert natpmp.decode(echoed) == Mapped(0, 0, port, port, lifetime_s)


@pytest.mark.parametrize(
    ("before_s", "now_s", "passed_s", "valid"),
    [(1000, 1300, 300.0, True), (1000, 1261, 300.0, True), (1000, 1260, 300.0, False), (1000, 0, 0.0, False)],
)
def test_epoch_is_valid_as_long_as_it_lags_no_more_than_an_eighth(
    before_s: int, now_s: int, passed_s: float, valid: bool
) -> None:
    assert natpmp.epoch_is_valid(before_s, now_s, passed_s) is valid


def test_waits_are_nine_from_a_quarter_second_doubling() -> None:
    assert natpmp.WAITS_S == (0.25, 0.5, 1, 2, 4, 8, 16, 32, 64)
