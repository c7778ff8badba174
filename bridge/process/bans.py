"""Asking the ban helper of this machine how it is: a line of JSON there, a line back (``rescue/bans/requests.py``).

Only what reads. ``rescue`` has the client that bans; nothing of ours imports that.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any, Final, Literal

SOCKET: Final = Path("/run/drawbridge/bans.sock")
_ANSWER_MAX_BYTES: Final = 4 << 20
_ANSWER_S: Final = 3.0


class HelperAway(Exception):
    """The ban helper does not answer; the message says why in a few words."""


async def ask_bans(request: Literal["status", "list"], socket: Path = SOCKET) -> dict[str, Any]:
    """Return the answer's fields: ``in_force``, ``bans``, … or ``bans`` as a list. Raises :class:`HelperAway`."""
    try:
        async with asyncio.timeout(_ANSWER_S):
            reader, writer = await asyncio.open_unix_connection(str(socket), limit=_ANSWER_MAX_BYTES)
            try:
                writer.write(json.dumps({"request": request}).encode() + b"\n")
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
        msg = "the answer is none of the ban helper's"
        raise HelperAway(msg) from error
    if not isinstance(answer, dict) or answer.get("ok") is not True:
        said = answer.get("error") if isinstance(answer, dict) else None
        msg = f"the answer is {said or 'none of the ban helper'}"
        raise HelperAway(msg)
    return answer
