from __future__ import annotations

from ipaddress import IPv4Address

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.ddns.mapping import pcp

OWN = IPv4Address("10.78.0.4")
NONCE = b"twelve bytes"

REQUEST = bytes.fromhex("""
    02010000 00000e10 00000000000000000000ffff0a4e0004
    7477656c7665206279746573 06000000 01bb01bb 00000000000000000000ffff00000000
    02000000""")
RESPONSE = bytes.fromhex("""
    02810000 00000e10 00000005 000000000000000000000000
    7477656c7665206279746573 06000000 01bb01bb 00000000000000000000ffff0b16212c""")
"""As miniupnpd 2.3.1 answered."""


def test_map_request_is_as_the_rfc_draws_it_when_the_port_must_be_exact() -> None:
    assert pcp.map_request(OWN, 443, 3600, NONCE, exact=True) == REQUEST
    assert pcp.map_request(OWN, 443, 3600, NONCE, exact=False) == REQUEST[:-4]


def test_announce_request_asks_for_no_lifetime() -> None:
    assert pcp.announce_request(OWN) == bytes.fromhex("0200000000000000") + REQUEST[8:24]


def test_decode_reads_every_field_when_the_router_mapped() -> None:
    assert pcp.decode(RESPONSE) == pcp.Mapped(1, 0, 3600, 5, NONCE, 6, 443, 443, IPv4Address("11.22.33.44"))


def test_decode_knows_no_outer_address_when_it_is_all_zeros() -> None:
    answer = pcp.decode(RESPONSE[:-4] + bytes(4))
    assert isinstance(answer, pcp.Mapped)
    assert answer.external_address is None


@pytest.mark.parametrize(
    "damaged",
    [RESPONSE[:23], RESPONSE[:-1], RESPONSE + bytes(1044), b"\1" + RESPONSE[1:], b"\2\1" + RESPONSE[2:], b""],
    ids=["short", "not whole words", "too long", "version 1", "a request", "empty"],
)
def test_decode_gives_nothing_when_it_is_no_response(damaged: bytes) -> None:
    assert pcp.decode(damaged) is None


def test_decode_gives_no_mapping_when_the_response_is_cut_off_behind_the_header() -> None:
    assert pcp.decode(RESPONSE[:56]) == pcp.Response(1, 0, 3600, 5)


@given(st.binary(max_size=1200))
@example(RESPONSE)
def test_decode_never_raises_when_fed_anything(datagram: bytes) -> None:
    answer = pcp.decode(datagram)
    pcp.is_other_version(datagram)
    if answer is not None:
        assert datagram[0] == 2
        assert datagram[1] == 0x80 | answer.opcode


@given(st.integers(0, 65535), st.integers(0, 2**32 - 1), st.binary(min_size=12, max_size=12))
def test_decode_gives_back_what_was_asked_when_a_server_echoes_it(port: int, lifetime_s: int, nonce: bytes) -> None:
    asked = pcp.map_request(OWN, port, lifetime_s, nonce, exact=False)
    echoed = b"\2\x81\0\0" + asked[4:8] + bytes(16) + asked[24:]
    assert pcp.decode(echoed) == pcp.Mapped(1, 0, lifetime_s, 0, nonce, 6, port, port, None)


@pytest.mark.parametrize(
    ("answer", "other"),
    [("00810001", True), ("0081000100000000", True), ("01810001", True), ("02810002", False), ("0001", False),
     ("00010001", False)],
)  # fmt: skip
def test_other_version_is_told_by_the_result_whichever_version_says_so(answer: str, other: bool) -> None:
    assert pcp.is_other_version(bytes.fromhex(answer)) is other


@pytest.mark.parametrize(
    ("before_s", "now_s", "passed_s", "valid"),
    [
        (1000, 1300, 300.0, True),
        (1000, 999, 0.0, True),  # asked twice, answered out of order
        (1000, 998, 0.0, False),
        (1000, 3, 300.0, False),
        (1000, 1281, 300.0, True),  # a clock that is slow by a sixteenth
        (1000, 1279, 300.0, False),
        (1000, 1322, 300.0, True),
        (1000, 1323, 300.0, False),
    ],
)
def test_epoch_is_valid_as_long_as_it_goes_with_our_clock(
    before_s: int, now_s: int, passed_s: float, valid: bool
) -> None:
    assert pcp.epoch_is_valid(before_s, now_s, passed_s) is valid


def test_waits_double_from_three_seconds_within_a_tenth() -> None:
    waits = list(pcp.waits())
    assert len(waits) == 5
    assert all(0.9 <= wait / (3 * 2**n) <= 1.1 for n, wait in enumerate(waits))
