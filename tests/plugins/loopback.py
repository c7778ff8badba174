"""Tests talk to this machine alone: a connection or a name look-up that would leave it raises.

An audit hook sees every socket of this interpreter, whoever opens it. Child processes and libuv (uvloop) are
out of its sight.
"""

from __future__ import annotations

import ipaddress
import sys


class LeftTheMachine(AssertionError):
    """A test tried to reach another machine."""


def is_local(host: object) -> bool:
    """Say whether ``host`` (a name, an address, or None for the wildcard) is this machine's loopback."""
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if not isinstance(host, str) or host in {"", "localhost"}:
        return host is None or isinstance(host, str)
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _refuse_remote(event: str, arguments: tuple[object, ...]) -> None:
    if event in {"socket.connect", "socket.sendto"}:
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else None  # a Unix socket's address is text or bytes
    elif event in {"socket.getaddrinfo", "socket.gethostbyname"}:
        host = arguments[0]
    else:
        return
    if not is_local(host):
        msg = f"a test tried to reach {host!r}: tests stay on loopback"
        raise LeftTheMachine(msg)


def pytest_configure() -> None:
    sys.addaudithook(_refuse_remote)
