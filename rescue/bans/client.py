"""How to ask the ban helper: for the rescue console, and for hands."""

from __future__ import annotations

import contextlib
import json
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rescue.bans.requests import ErrorCode, Reason, Refused

SOCKET: Final = Path("/run/drawbridge/bans.sock")
_ANSWER_MAX_BYTES: Final = 4 << 20


class HelperUnreachable(Exception):
    """The ban helper does not answer; the message says what to look at."""


@dataclass(frozen=True, slots=True)
class BanEntry:
    """A ban as the helper tells it. ``address`` is an IPv4 address or an IPv6 /64."""

    address: str
    reason: str
    by: str
    began_unix: int
    remaining_s: int


@dataclass(frozen=True, slots=True)
class Status:
    """``in_force``: whether the firewall has the bans; ``given_up``: how many since the start for newer ones."""

    in_force: bool
    bans: int
    bans_max: int
    given_up: int


class BansClient:
    """Each call is a connection of its own, and takes at most ``timeout_s`` seconds for each step of it.

    Raises :class:`Refused` with the helper's reason, or :class:`HelperUnreachable`.
    """

    def __init__(self, path: Path = SOCKET, *, timeout_s: float = 10.0) -> None:
        self._path = path
        self._timeout_s = timeout_s

    def ban(self, address: str, *, duration_s: int, reason: Reason) -> tuple[BanEntry, bool]:
        """Return the ban as it stands, and whether it is in force already."""
        answer = self._ask(request="ban", address=address, duration_s=duration_s, reason=reason)
        return BanEntry(**answer["ban"]), answer["in_force"]

    def unban(self, address: str) -> bool:
        """Say whether it was banned. Root alone may."""
        removed: bool = self._ask(request="unban", address=address)["removed"]
        return removed

    def bans(self) -> list[BanEntry]:
        """Return the bans, the next to end first."""
        return [BanEntry(**entry) for entry in self._ask(request="list")["bans"]]

    def status(self) -> Status:
        answer = self._ask(request="status")
        return Status(answer["in_force"], answer["bans"], answer["bans_max"], answer["given_up"])

    def _ask(self, **request: object) -> dict[str, Any]:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(self._timeout_s)
                connection.connect(str(self._path))
                with contextlib.suppress(BrokenPipeError):  # it may say that it is busy before it is asked
                    connection.sendall(json.dumps(request).encode() + b"\n")
                with connection.makefile("rb") as stream:
                    line = stream.readline(_ANSWER_MAX_BYTES)
            answer: dict[str, Any] = json.loads(line)
        except (OSError, ValueError) as error:
            msg = f"the ban helper does not answer at {self._path} ({error}): systemctl status bans.socket bans"
            raise HelperUnreachable(msg) from error
        if not answer.pop("ok"):
            raise Refused(ErrorCode(answer["error"]), answer["message"])
        return answer
