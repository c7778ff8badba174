"""Handshakes that are begun and never gone on with: ``python -m tests.lab.half_open HOST PORT EACH SOURCE…``.

Sends EACH bare SYNs from each source, as a raw socket may. Where nobody has the sources' addresses, nobody answers what
the site answers: not even with a reset.
"""

from __future__ import annotations

import socket
import struct
import sys
from ipaddress import IPv4Address
from itertools import product
from typing import Final

_SYN: Final = 0x02
_TCP_WORDS: Final = 5
_PORTS_FROM: Final = 20_000


def checksum(data: bytes) -> int:
    """Return the Internet checksum (RFC 1071) of an even number of bytes."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def syn(source: IPv4Address, source_port: int, target: IPv4Address, port: int) -> bytes:
    """Return an IPv4 packet that begins a connection (RFC 9293, 3.1); the kernel fills in the outer checksum."""
    fields = (source_port, port, source_port * 7919, 0, _TCP_WORDS << 4, _SYN, 65_535)
    pseudo = source.packed + target.packed + struct.pack("!HH", socket.IPPROTO_TCP, 4 * _TCP_WORDS)
    sum_ = checksum(pseudo + struct.pack("!HHIIBBHHH", *fields, 0, 0))
    tcp = struct.pack("!HHIIBBHHH", *fields, sum_, 0)
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0, 64, socket.IPPROTO_TCP, 0)
    return ip + source.packed + target.packed + tcp


def main(arguments: list[str]) -> None:
    host, port, each, *sources = arguments
    target = IPv4Address(host)
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        for number, source in product(range(int(each)), map(IPv4Address, sources)):
            raw.sendto(syn(source, _PORTS_FROM + number, target, int(port)), (host, 0))


if __name__ == "__main__":
    main(sys.argv[1:])
