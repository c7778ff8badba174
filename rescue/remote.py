"""The way to the other host's rescue sshd: ssh with every option said here, whatever the machine's own settings."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Final

from rescue.settings import RESCUE_PORT, RESCUE_USER, Paths, Settings

DOOR_KEY: Final = "rescue-door-key"
"""On the keep: the credential with which it asks the door."""
SELFTEST_KEY: Final = "rescue-selftest-key"
"""On the door: the credential that may run ``selftest`` on the keep, and nothing else."""


def ssh(settings: Settings, paths: Paths, key: str, words: Sequence[str]) -> list[str]:
    """Return the command that has the other host do ``words``. Its key is pinned under its role's name."""
    options = {
        "BatchMode": "yes",
        "ClearAllForwardings": "yes",
        "ConnectTimeout": "5",
        "ControlMaster": "no",
        "ControlPath": "none",
        "GlobalKnownHostsFile": "/dev/null",
        "HostKeyAlias": settings.host.other.value,
        "IdentitiesOnly": "yes",
        "IdentityAgent": "none",
        "LogLevel": "ERROR",
        "PreferredAuthentications": "publickey",
        "ServerAliveInterval": "5",
        "ServerAliveCountMax": "3",
        "StrictHostKeyChecking": "yes",
        "UpdateHostKeys": "no",
        "UserKnownHostsFile": str(paths.known_hosts),
    }
    return [
        "ssh", "-F", "none", "-T", "-i", str(paths.credentials / key), "-l", RESCUE_USER, "-p", str(RESCUE_PORT),
        *(text for name, value in options.items() for text in ("-o", f"{name}={value}")),
        "--", settings.peer, shlex.join(words),
    ]  # fmt: skip
