"""Asking the ban helper of this machine: a line of JSON there, a line back (``rescue/bans/__init__.py``).

``rescue`` has a client of its own, for the console: nothing of ours imports that, nor it anything of ours.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

SOCKET: Final = Path("/run/drawbridge/bans.sock")
DURATION_MIN_S: Final = 60
DURATION_MAX_S: Final = 30 * 24 * 3600

Reason = Literal["malformed_requests", "probing", "rate_exceeded", "sign_in_failures"]
"""Why the helper is asked for a ban; it knows ``manual`` besides, which is the console's."""

_ANSWER_MAX_BYTES: Final = 4 << 20
_ANSWER_S: Final = 3.0
_NOT_ITS: Final = "the answer is none of the ban helper's"


class HelperAway(Exception):
    """The ban helper does not answer; the message says why in a few words."""


class HelperRefused(HelperAway):
    """The ban helper answers that it will not; ``code`` is its word for why, such as ``protected``."""

    def __init__(self, code: str) -> None:
        super().__init__(f"the answer is {code}")
        self.code = code


async def ask_bans(request: Literal["status", "list"], socket: Path = SOCKET) -> dict[str, Any]:
    """Return the answer's fields: ``in_force``, ``bans``, … or ``bans`` as a list. Raises :class:`HelperAway`."""
    return await _ask({"request": request}, socket)


@dataclass(frozen=True, slots=True)
class Repeat:
    """``address`` (of IPv6 a /64) was banned ``times`` times; the last one is over in ``over_in_s`` seconds, or was."""

    address: str
    times: int
    over_in_s: float


async def ask_repeats(socket: Path = SOCKET) -> list[Repeat]:
    """Return who was banned lately, and how often. Raises :class:`HelperAway`."""
    repeats = (await _ask({"request": "repeats"}, socket)).get("repeats")
    try:
        return [Repeat(str(each["address"]), int(each["times"]), float(each["over_in_s"])) for each in repeats]  # type: ignore[union-attr]
    except (KeyError, TypeError, ValueError) as error:
        raise HelperAway(_NOT_ITS) from error


async def ask_for_ban(address: str, *, duration_s: int, reason: Reason, socket: Path = SOCKET) -> bool:
    """Have ``address`` (of IPv6 its /64) banned; say whether the firewall has it now. Raises :class:`HelperAway`."""
    fields = {"request": "ban", "address": address, "duration_s": duration_s, "reason": reason}
    return (await _ask(fields, socket)).get("in_force") is True


async def ask_to_lift(address: str, *, socket: Path = SOCKET) -> bool:
    """Have a ban lifted that this unit asked for; say whether there was one. Raises :class:`HelperAway`.

    :class:`HelperRefused` (``denied``): there is none, or somebody else asked for it.
    """
    return (await _ask({"request": "unban", "address": address}, socket)).get("removed") is True


async def _ask(fields: dict[str, object], socket: Path) -> dict[str, Any]:
    try:
        async with asyncio.timeout(_ANSWER_S):
            reader, writer = await asyncio.open_unix_connection(str(socket), limit=_ANSWER_MAX_BYTES)
            try:
                writer.write(json.dumps(fields).encode() + b"\n")
                line = await reader.readuntil(b"\n")
            finally:
                writer.close()
        answer = json.loads(line)
    except TimeoutError:
        msg = f"no answer within {_ANSWER_S:g} s"
        raise HelperAway(msg) from None
    except OSError as error:
        raise HelperAway(error.strerror or type(error).__name__) from error
    except (ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        raise HelperAway(_NOT_ITS) from error
    if not isinstance(answer, dict) or answer.get("ok") is not True:
        raise HelperRefused(str(answer.get("error")) if isinstance(answer, dict) else "none of the ban helper's")
    return answer
