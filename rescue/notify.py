"""sd_notify(3) in a few lines."""

from __future__ import annotations

import os
import socket


def notify(state: str) -> None:
    """Tell systemd, where there is one that listens."""
    path = os.environ.get("NOTIFY_SOCKET", "")
    if not path:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as connection:
        connection.connect(f"\0{path[1:]}" if path.startswith("@") else path)
        connection.sendall(state.encode())


def watchdog_interval_s() -> float:
    """Return how often to send WATCHDOG=1: thrice as often as systemd wants it; 0 where it does not."""
    if os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return 0.0
    return int(os.environ.get("WATCHDOG_USEC", "0")) / 3e6
