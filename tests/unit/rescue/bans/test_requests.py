from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rescue.bans.requests import (
    DURATION_MAX_S,
    DURATION_MIN_S,
    LINE_MAX_BYTES,
    BanRequest,
    ErrorCode,
    ListRequest,
    Reason,
    Refused,
    RepeatsRequest,
    StatusRequest,
    UnbanRequest,
    bannable,
    network_of,
    parse,
    spelled,
)


def line(**fields: object) -> bytes:
    return json.dumps(fields).encode() + b"\n"


def refusal(request: bytes) -> ErrorCode:
    with pytest.raises(Refused) as refused:
        parse(request)
    return refused.value.code


def test_parse_returns_each_request_when_it_is_well_formed() -> None:
    ban = parse(line(request="ban", address="198.51.100.7", duration_s=3600, reason="probing"))
    assert ban == BanRequest(network_of("198.51.100.7"), 3600, Reason.PROBING)
    assert parse(line(request="unban", address="2001:db8::1")) == UnbanRequest(network_of("2001:db8::"))
    assert parse(line(request="list")) == ListRequest()
    assert parse(line(request="status")) == StatusRequest()
    assert parse(line(request="repeats")) == RepeatsRequest()


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::/64", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::9", "2001:db8:1:2::/64"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
    ],
)
def test_network_is_what_a_subscriber_has_when_an_address_is_given(address: str, expected: str) -> None:
    assert spelled(network_of(address)) == expected


@pytest.mark.parametrize(
    "address",
    [
        "", "localhost", "198.51.100", "198.51.100.7/24", "198.51.100.7/32", "198.51.100.07", " 198.51.100.7",
        "198.51.100.7 ", "198.51.100.7\n", "198.51.100.7; flush ruleset", "fe80::1%eth0",
        "2001:db8::/48", "2001:db8::/64/64", "1" * 200,
        "0x7f000001", "٣.1.1.1", None, 7, ["198.51.100.7"],
    ],
)  # fmt: skip
def test_address_is_refused_when_it_is_no_address(address: object) -> None:
    assert refusal(line(request="ban", address=address, duration_s=60, reason="manual")) is ErrorCode.INVALID


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "0.0.0.0", "224.0.0.251", "255.255.255.255", "169.254.1.1", "::1", "::", "fe80::1", "ff02::1"],  # noqa: S104
)
def test_address_is_refused_when_a_ban_of_it_would_hurt_ourselves(address: str) -> None:
    with pytest.raises(Refused) as refused:
        bannable(address)
    assert refused.value.code is ErrorCode.PROTECTED


@pytest.mark.parametrize(
    "duration_s", [DURATION_MIN_S - 1, DURATION_MAX_S + 1, 0, -60, 3600.0, "3600", True, None, 10**30]
)
def test_duration_is_refused_when_it_is_out_of_bounds(duration_s: object) -> None:
    request = line(request="ban", address="198.51.100.7", duration_s=duration_s, reason="manual")
    assert refusal(request) is ErrorCode.INVALID


@pytest.mark.parametrize("duration_s", [DURATION_MIN_S, DURATION_MAX_S])
def test_duration_is_taken_when_it_is_at_a_bound(duration_s: int) -> None:
    request = parse(line(request="ban", address="198.51.100.7", duration_s=duration_s, reason="manual"))
    assert isinstance(request, BanRequest)
    assert request.duration_s == duration_s


@pytest.mark.parametrize(
    ("request_line", "code"),
    [
        (b"", ErrorCode.MALFORMED),
        (b"\n", ErrorCode.MALFORMED),
        (b'{"request":"list"}', ErrorCode.MALFORMED),
        (b"list\n", ErrorCode.MALFORMED),
        (b"[]\n", ErrorCode.MALFORMED),
        (b'"list"\n', ErrorCode.MALFORMED),
        (b'\xff{"request":"list"}\n', ErrorCode.MALFORMED),
        (b'{"request":"list","request":"status"}\n', ErrorCode.MALFORMED),
        (b"[" * 4000 + b"\n", ErrorCode.MALFORMED),
        (b'{"request":"list"}' + b" " * LINE_MAX_BYTES + b"\n", ErrorCode.MALFORMED),
        (b'{"request":' + b"9" * 4000 + b"}\n", ErrorCode.INVALID),
        (line(request="flush"), ErrorCode.INVALID),
        (line(request=None), ErrorCode.INVALID),
        (line(), ErrorCode.INVALID),
        (line(request="list", address="198.51.100.7"), ErrorCode.INVALID),
        (line(request="unban"), ErrorCode.INVALID),
        (line(request="ban", address="198.51.100.7", duration_s=60, reason="because"), ErrorCode.INVALID),
        (line(request="ban", address="198.51.100.7", duration_s=60, reason=["manual"]), ErrorCode.INVALID),
        (line(request="ban", address="198.51.100.7", duration_s=60), ErrorCode.INVALID),
    ],
)
def test_request_is_refused_when_it_is_none_of_the_enumerated(request_line: bytes, code: ErrorCode) -> None:
    assert refusal(request_line) is code


@given(st.binary(max_size=200))
def test_parse_raises_nothing_but_refused_when_the_line_is_random(garbage: bytes) -> None:
    with pytest.raises(Refused):
        parse(garbage + b"\n")


@given(
    st.dictionaries(
        st.sampled_from(["request", "address", "duration_s", "reason"]),
        st.text("a0.:/- ", max_size=20) | st.integers() | st.none(),
    )
)
def test_parse_raises_nothing_but_refused_when_the_values_are_random(fields: dict[str, object]) -> None:
    with pytest.raises(Refused):
        parse(line(**fields | {"address": "not this"}))


@given(st.ip_addresses(v=6))
def test_network_of_ipv6_is_one_for_all_when_the_first_64_bits_are_the_same(address: object) -> None:
    network = network_of(str(address))
    assert network_of(spelled(network)) == network
