"""Slow clients: ``python -m tests.lab.slow HOST NAME COUNT SOURCE…`` opens connections whose headers never end.

Prints how many it holds once all are tried, and feeds them a header now and then until it is ended. As slowhttptest,
but over TLS with the site's name in the handshake, which that does not send.
"""

from __future__ import annotations

import socket
import ssl
import sys
import time
from contextlib import suppress


def main(host: str, name: str, count: int, sources: list[str]) -> None:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    held: list[ssl.SSLSocket] = []
    for number in range(count):
        with suppress(OSError):
            raw = socket.create_connection((host, 443), timeout=5, source_address=(sources[number % len(sources)], 0))
            connection = context.wrap_socket(raw, server_hostname=name)
            connection.sendall(f"GET / HTTP/1.1\r\nHost: {name}\r\n".encode())
            held.append(connection)
    sys.stdout.write(f"{len(held)}\n")
    sys.stdout.flush()
    while True:
        for connection in held:
            with suppress(OSError):
                connection.sendall(b"X-a: b\r\n")
        time.sleep(5)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4:])
