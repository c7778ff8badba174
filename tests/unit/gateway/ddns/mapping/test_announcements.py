from __future__ import annotations

import pytest

from gateway.ddns.mapping.announcements import _Ear

NATPMP = bytes.fromhex("00800000 00000001 0b16212c")
PCP = bytes.fromhex("02800000 00000000 00000001 000000000000000000000000")
ROUTER = ("192.168.1.1", 5351)


@pytest.mark.parametrize(
    ("datagram", "source", "heard"),
    [
        (NATPMP, ROUTER, True),
        (PCP, ROUTER, True),
        (NATPMP, ("192.168.1.7", 5351), False),
        (NATPMP, ("192.168.1.1", 5350), False),
        (b"anything", ROUTER, False),
        (b"", ROUTER, False),
    ],
    ids=["nat-pmp", "pcp", "another host", "another port", "anything", "empty"],
)
def test_announcement_is_heard_when_it_is_the_routers(datagram: bytes, source: tuple[str, int], heard: bool) -> None:
    calls: list[int] = []
    _Ear(ROUTER, lambda: calls.append(1)).datagram_received(datagram, source)
    assert bool(calls) is heard
