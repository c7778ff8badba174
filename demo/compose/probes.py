"""Ask a program that does not speak systemd's watchdog protocol whether it still answers.

A probe says nothing of what stands behind the program: PostgreSQL's answers before it has looked at a database,
nginx's without a gateway. Whoever is restarted for a probe's sake is restarted for its own fault.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

TIMEOUT_S: Final = 3.0

_POSTGRESQL_SSL_REQUEST: Final = struct.pack("!ii", 8, 80877103)
"""https://www.postgresql.org/docs/current/protocol-message-formats.html#PROTOCOL-MESSAGE-FORMATS-SSLREQUEST

A fresh back end answers it with one byte. Closing after that leaves no line in the log."""

Probe = Callable[[], bool]


def postgresql(path: Path) -> bool:
    """Return whether the server at the Unix socket ``path`` gives a new connection a back end that speaks."""
    return _exchange(path, _POSTGRESQL_SSL_REQUEST, 1) in {b"N", b"S"}


def http(path: Path, target: str = "/") -> bool:
    """Return whether the HTTP server at the Unix socket ``path`` answers a GET of ``target`` with a status of 2xx."""
    request = f"GET {target} HTTP/1.0\r\nHost: localhost\r\nAccept: application/json\r\n\r\n"
    return _exchange(path, request.encode(), 12)[9:10] == b"2"  # HTTP/1.1 204


def probe_of(text: str) -> Probe:
    """Return the probe that ``text`` names: ``postgresql:PATH`` or ``http:PATH``. Raises ValueError."""
    kind, _, path = text.partition(":")
    probes = {"postgresql": postgresql, "http": http}
    if kind not in probes or not path:
        msg = f"{text}: a probe is postgresql:PATH or http:PATH"
        raise ValueError(msg)
    probe = probes[kind]
    return lambda: probe(Path(path))


def _exchange(path: Path, request: bytes, size: int) -> bytes:
    """Return the first ``size`` bytes of the answer; fewer where the peer is away, silent or brief."""
    answer = b""
    try:
        with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as channel:
            channel.settimeout(TIMEOUT_S)
            channel.connect(str(path))
            channel.sendall(request)
            while len(answer) < size and (part := channel.recv(size - len(answer))):
                answer += part
    except OSError:
        pass
    return answer
