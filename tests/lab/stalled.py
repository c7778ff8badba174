"""Clients that stop: ``python -m tests.lab.stalled WHERE HOST NAME EACH SOURCE…`` opens EACH connections a source.

WHERE is ``handshake`` (half of its first message is sent) or ``headers`` (half of a request's). Prints how many it
holds once all are tried, and when the site has given all of them up, for how many seconds one was held at most.
"""

from __future__ import annotations

import selectors
import socket
import ssl
import sys
import time
from contextlib import suppress
from itertools import product
from typing import Final

_LONGEST_S: Final = 60.0


_TLS: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
_TLS.check_hostname = False
_TLS.verify_mode = ssl.CERT_NONE


def _stop_in_handshake(raw: socket.socket, name: str) -> socket.socket:
    outgoing = ssl.MemoryBIO()
    tls = _TLS.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name)
    with suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    hello = outgoing.read()
    raw.sendall(hello[: len(hello) // 2])
    return raw


def _stop_in_headers(raw: socket.socket, name: str) -> socket.socket:
    connection = _TLS.wrap_socket(raw, server_hostname=name)
    connection.sendall(f"GET /health HTTP/1.1\r\nHost: {name}\r\nX-Half: a".encode())
    return connection


_WAYS: Final = {"handshake": _stop_in_handshake, "headers": _stop_in_headers}


def main(arguments: list[str]) -> None:
    where, host, name, each, *sources = arguments
    held = selectors.DefaultSelector()
    for _, source in product(range(int(each)), sources):
        with suppress(OSError):
            raw = socket.create_connection((host, 443), timeout=5, source_address=(source, 0))
            held.register(_WAYS[where](raw, name), selectors.EVENT_READ, time.monotonic())
    say(f"{len(held.get_map())}")
    longest_s, deadline = 0.0, time.monotonic() + _LONGEST_S
    while held.get_map() and time.monotonic() < deadline:
        for key, _ in held.select(timeout=1):
            assert isinstance(key.fileobj, socket.socket)  # what was registered
            if is_over(key.fileobj):
                held.unregister(key.fileobj)
                longest_s = max(longest_s, time.monotonic() - key.data)
    if not held.get_map():
        say(f"{longest_s:.1f}")


def is_over(connection: socket.socket) -> bool:
    """Say whether the other side has ended it; what else it says (a session's ticket) is read and forgotten."""
    connection.setblocking(False)  # noqa: FBT003 - its only argument
    try:
        return connection.recv(1 << 16) == b""
    except (ssl.SSLWantReadError, BlockingIOError):
        return False
    except OSError:
        return True


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
