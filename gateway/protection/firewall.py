"""Handing bans to the appliance's ban helper, which keeps them in the firewall, over restarts and reboots.

The gateway itself may not touch the firewall, and the helper knows better whom it must not ban: this host, its router,
the owner's network.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bridge.process.bans import HelperAway, HelperRefused, Reason, Repeat, ask_for_ban, ask_repeats
from bridge.process.logs import log

_log: Final = logging.getLogger(__name__)
_WAITING_MAX: Final = 64


@dataclass(frozen=True, slots=True)
class Request:
    """A ban of ``client`` to be put in force; ``at`` is when it began, monotonic seconds.

    The helper is told ``address``, of which it takes an IPv6 one's /64: a larger network is this process's to keep out.
    """

    client: str
    address: str
    duration_s: int
    reason: Reason
    at: float


class Firewall:
    """Bans wait here for the helper, in bounded numbers: who has no place is kept out by this process alone.

    ``on_taken`` is told what the firewall has from now on, ``on_protected`` whom it must not have, and ``on_repeat``,
    once, of each client that was banned lately: how often, and when (monotonic seconds) the last time is over.
    """

    def __init__(
        self,
        socket: Path,
        *,
        on_taken: Callable[[Request], None],
        on_protected: Callable[[Request], None],
        on_repeat: Callable[[Repeat, float], None],
    ) -> None:
        self._socket = socket
        self._on_taken = on_taken
        self._on_protected = on_protected
        self._on_repeat = on_repeat
        self._knows_repeats = False
        self._waiting: asyncio.Queue[Request] = asyncio.Queue(_WAITING_MAX)
        self._is_away = False

    def ask(self, request: Request) -> None:
        if not self._waiting.full():
            self._waiting.put_nowait(request)

    async def run(self) -> None:
        """Learn who was banned before this process began, and hand over what is asked for, until cancelled."""
        while True:
            if not self._knows_repeats:
                await self._learn_repeats()
            await self._hand_over(await self._waiting.get())

    async def _learn_repeats(self) -> None:
        """Ask the helper; where it is away, again once it took a ban, and where it is older and knows none, no more."""
        try:
            repeats = await ask_repeats(self._socket)
        except HelperAway as error:
            self._knows_repeats = isinstance(error, HelperRefused)
            return
        now = asyncio.get_running_loop().time()
        for repeat in repeats:
            self._on_repeat(repeat, now + repeat.over_in_s)
        self._knows_repeats = True

    async def _hand_over(self, request: Request) -> None:
        try:
            is_in_force = await ask_for_ban(
                request.address, duration_s=request.duration_s, reason=request.reason, socket=self._socket
            )
        except HelperRefused as refused:
            log(_log, "ban_not_taken", level=logging.WARNING, address=request.client, error_code=refused.code)
            if refused.code == "protected":
                self._on_protected(request)
        except HelperAway as error:
            self._helper_is(away=True, cause=str(error))
        else:
            self._helper_is(away=False)
            if is_in_force:
                self._on_taken(request)

    def _helper_is(self, *, away: bool, cause: str | None = None) -> None:
        """Log once when it is lost, once when it is back."""
        if away is not self._is_away:
            self._is_away = away
            log(_log, "ban_helper_lost" if away else "ban_helper_found", level=logging.WARNING, cause=cause)
