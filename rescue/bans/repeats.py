"""How often each network was banned lately: who comes back is banned for longer. No I/O.

Written with the bans and never by itself, for it lies on an SD card: it changes when they do.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from rescue.bans.requests import DURATION_MAX_S, Network, network_of, spelled

KEPT_S: Final = 7 * 24 * 3600
"""How long it is remembered after a ban that there was one, seconds."""

REPEATS_MAX: Final = 4096


@dataclass(frozen=True, slots=True)
class Repeat:
    """``times``: how many bans one after the other; ``over_unix_s``: when the last one is over."""

    network: Network
    times: int
    over_unix_s: float

    def counts(self, unix_s: float) -> bool:
        """Say whether it is over for less than a week, and not put further ahead than a ban goes by a wrong clock."""
        return -KEPT_S <= self.over_unix_s - unix_s <= DURATION_MAX_S


class Repeats:
    """By network, the one banned last at the end. One more than :data:`REPEATS_MAX` forgets the first."""

    def __init__(self) -> None:
        self._repeats: OrderedDict[Network, Repeat] = OrderedDict()

    def count(self, network: Network, *, over_unix_s: float, is_anew: bool, unix_s: float) -> None:
        """Note a ban until ``over_unix_s``; unless ``is_anew`` it only makes the one in place longer."""
        before = self._repeats.pop(network, None)
        times = before.times if before is not None and before.counts(unix_s) else 0
        self._repeats[network] = Repeat(network, max(1, times + is_anew), over_unix_s)
        if len(self._repeats) > REPEATS_MAX:
            self._repeats.popitem(last=False)

    def forget(self, network: Network) -> None:
        self._repeats.pop(network, None)

    def current(self, unix_s: float) -> list[Repeat]:
        """Return those that count now, and forget the others."""
        counting = [each for each in self._repeats.values() if each.counts(unix_s)]
        self._repeats = OrderedDict((each.network, each) for each in counting)
        return counting

    def dump(self, unix_s: float) -> list[dict[str, object]]:
        """Return them as they are stored."""
        return [
            {"address": spelled(each.network), "times": each.times, "over_unix_s": round(each.over_unix_s)}
            for each in self.current(unix_s)
        ]

    def update(self, others: Repeats) -> None:
        """Take ``others`` in, in place of what is known of the same networks."""
        self._repeats.update(others._repeats)

    def load(self, stored: list[dict[str, object]]) -> None:
        """Take in what was stored. Raises TypeError, KeyError, Refused."""
        for entry in stored:
            times, over_unix_s = entry["times"], entry["over_unix_s"]
            if type(times) is not int or type(over_unix_s) is not int:
                msg = "times and over_unix_s are whole numbers"
                raise TypeError(msg)
            network = network_of(entry["address"])
            self._repeats[network] = Repeat(network, times, over_unix_s)
