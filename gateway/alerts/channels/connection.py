"""A TCP connection that ends by itself: however slowly the other side talks, whoever reads from it gets an error."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

CONNECT_S: Final = 10.0
SILENCE_S: Final = 15.0


@contextmanager
def connection(host: str, port: int, *, within_s: float) -> Iterator[socket.socket]:
    """Give a connection to ``host`` that is cut after ``within_s``. Raises OSError.

    Looking the name up is the system's business, and has the resolver's own limits.
    """
    with socket.create_connection((host, port), CONNECT_S) as plain:
        plain.settimeout(SILENCE_S)
        with plain.dup() as handle:  # TLS takes the socket over, and this one stays
            watch = threading.Timer(within_s, _cut, (handle,))
            watch.daemon = True
            watch.start()
            try:
                yield plain
            finally:
                watch.cancel()


def _cut(handle: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it has ended by itself
        handle.shutdown(socket.SHUT_RDWR)
