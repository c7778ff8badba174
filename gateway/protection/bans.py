"""Who is kept out by this process itself, until when, and how long the next time. Pure, and bounded.

In force at once, and all there is where no firewall takes bans. Lost with the process: the firewall's outlive it, and
so does what its helper counted.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from gateway.settings import Protection


@dataclass(frozen=True, slots=True)
class Ban:
    """``client`` is an IPv4 address or an IPv6 network; ``nth``: for the how manieth time."""

    client: str
    duration_s: int
    nth: int


class Bans:
    """``now`` is monotonic seconds everywhere."""

    def __init__(self, settings: Protection) -> None:
        self._settings = settings
        self._until: dict[str, float] = {}
        self._times: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self._until)

    def begin(self, client: str, now: float) -> Ban:
        """Ban ``client``: each time within ``repeat_s`` of the last ban's end, ``ban_factor`` times longer."""
        settings = self._settings
        times, over_at = self._times.pop(client, (0, now))
        nth = times + 1 if now - over_at <= settings.repeat_s else 1
        duration_s = int(min(settings.ban_s * settings.ban_factor ** (nth - 1), settings.ban_max_s))
        self._until[client] = now + duration_s
        self._times[client] = (nth, now + duration_s)
        self._forget_most()
        return Ban(client, duration_s, nth)

    def remember(self, client: str, times: int, over_at: float) -> None:
        """Take another's word for how often ``client`` was banned, until when the last time, where it is more."""
        known, _ = self._times.get(client, (0, 0.0))
        if times > known:
            self._times[client] = (times, over_at)
            self._forget_most()

    def remaining_s(self, client: str, now: float) -> float:
        """Return how long ``client`` is kept out yet, 0 where it is not."""
        until = self._until.get(client)
        if until is None:
            return 0.0
        if until <= now:
            del self._until[client]
            return 0.0
        return until - now

    def end_by(self, client: str, at: float) -> None:
        """Have a ban end at ``at`` at the latest: somebody else sees to the rest of it."""
        if client in self._until:
            self._until[client] = min(self._until[client], at)

    def lift(self, client: str) -> bool:
        """End a ban and forget that there was one; say whether there was."""
        self._times.pop(client, None)
        return self._until.pop(client, None) is not None

    def current(self, now: float) -> dict[str, float]:
        """Return what remains of each ban, seconds, by client."""
        return {client: left for client in tuple(self._until) if (left := self.remaining_s(client, now))}

    def _forget_most(self) -> None:
        """Keep no more than ``clients_max``."""
        if len(self._times) > self._settings.clients_max:
            forgotten, _ = self._times.popitem(last=False)
            self._until.pop(forgotten, None)
