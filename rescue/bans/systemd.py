"""What systemd and the ban helper tell each other, by sd_notify(3) and sd_listen_fds(3).

The bridge has the same lines: repeated on purpose, since rescue works when the others' code does not.
"""

from __future__ import annotations

import os
import socket
from typing import Final

_FIRST_FD: Final = 3


def notify(state: str) -> None:
    """Tell systemd ``state``, such as ``READY=1``; without systemd, or when it does not listen, nothing happens."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):  # Linux's abstract namespace
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
            channel.sendto(state.encode(), address)
    except OSError:
        return


def listening_socket() -> socket.socket | None:
    """Return the listening socket that systemd handed to this process, or None. Call once."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()) or os.environ.get("LISTEN_FDS") != "1":
        return None
    os.set_inheritable(_FIRST_FD, False)
    return socket.socket(fileno=_FIRST_FD)


def watchdog_interval_s() -> float | None:
    """Return how often to say ``WATCHDOG=1``: half of what systemd waits; None: no watchdog."""
    if os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    timeout_us = int(os.environ.get("WATCHDOG_USEC", "0"))
    return timeout_us / 2_000_000 if timeout_us > 0 else None
