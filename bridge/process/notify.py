"""What a service and systemd tell each other: readiness, the watchdog's beat, sockets handed over.

Readiness and the beat are a datagram each, as documented. Sockets are taken by systemd-python on the Pis (extra
``pi``), which is loaded for that alone: its libraries weigh 0.4 MB in each process. Elsewhere, and in the tests, a few
lines of the documented protocol do the same. With no systemd around, nothing happens and nothing fails.

Sources: `sd_notify(3) <https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html>`_,
`sd_listen_fds(3) <https://www.freedesktop.org/software/systemd/man/latest/sd_listen_fds.html>`_,
`sd_watchdog_enabled(3) <https://www.freedesktop.org/software/systemd/man/latest/sd_watchdog_enabled.html>`_.
"""

from __future__ import annotations

import os
import socket
from typing import Final

from bridge.process.environment import environment

READY: Final = "READY=1"
STOPPING: Final = "STOPPING=1"
WATCHDOG: Final = "WATCHDOG=1"

_FIRST_FD: Final = 3


def notify(state: str) -> bool:
    """Tell systemd ``state``: READY, STOPPING, WATCHDOG, or ``STATUS=`` and a text; several as lines of one message.

    Returns whether systemd was told. That it could not be must not end what it would have been told of.
    """
    address = environment().get("NOTIFY_SOCKET", "")
    if not address:
        return False
    if address.startswith("@"):  # Linux's abstract namespace
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
            channel.sendto(state.encode(), address)
    except OSError:
        return False
    return True


def listen_sockets() -> list[socket.socket]:
    """Return the listening sockets that systemd handed to this process, in the unit's order; none without systemd.

    The caller owns them. Call once: a second call yields other objects for the same descriptors.
    """
    return [socket.socket(fileno=descriptor) for descriptor in _listen_fds()]


def _listen_fds() -> list[int]:
    try:
        # the folder of units beside this package has that name too: to Python it is none, to mypy it is the module
        from systemd import daemon  # type: ignore[attr-defined, unused-ignore]  # noqa: PLC0415 - see above
    except ImportError:
        daemon = None
    if daemon is not None:
        return list(daemon.listen_fds())
    variables = environment()
    if variables.get("LISTEN_PID") != str(os.getpid()):  # meant for a parent that passed its environment on
        return []
    descriptors = range(_FIRST_FD, _FIRST_FD + int(variables.get("LISTEN_FDS", "0")))
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)
    return list(descriptors)


def watchdog_interval_s() -> float | None:
    """Return how many seconds to leave between two WATCHDOG messages, half of what systemd waits; None: no watchdog."""
    variables = environment()
    if variables.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    timeout_us = int(variables.get("WATCHDOG_USEC", "0"))
    return timeout_us / 2_000_000 if timeout_us > 0 else None
