"""Which bans there are and when each ends, whatever the clock does. No I/O.

Until the next reboot, the time that a ban has left is counted by the uptime: a clock that is set meanwhile changes
nothing. Over a reboot there is only Unix time. A clock that came up behind makes a ban longer, but never longer than it
was meant; once the network has set the clock, the rest is right again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from rescue.bans.clock import Now
from rescue.bans.repeats import Repeats
from rescue.bans.requests import DURATION_MAX_S, Network, Reason, Refused, network_of, spelled

BANS_MAX: Final = 4096
ROOT: Final = "root"
_FORMAT: Final = 1
_BY_MAX_CHARS: Final = 64


class LedgerDamaged(ValueError):
    """A stored ledger is not one; the message says where."""


@dataclass(frozen=True, slots=True)
class Ban:
    """One banned address. ``until_uptime_s`` counts while ``boot`` is the running one, ``until_unix_s`` afterwards."""

    network: Network
    reason: Reason
    by: str
    began_unix_s: float
    duration_s: int
    until_unix_s: float
    until_uptime_s: float
    boot: str

    @classmethod
    def made(cls, network: Network, duration_s: int, reason: Reason, by: str, now: Now) -> Ban:
        return cls(
            network=network,
            reason=reason,
            by=by,
            began_unix_s=now.unix_s,
            duration_s=duration_s,
            until_unix_s=now.unix_s + duration_s,
            until_uptime_s=now.uptime_s + duration_s,
            boot=now.boot,
        )

    def remaining_s(self, now: Now) -> float:
        """Return how long the ban goes on, seconds; 0 or less: it has ended."""
        if self.boot == now.boot:
            return self.until_uptime_s - now.uptime_s
        return min(self.until_unix_s - now.unix_s, self.duration_s)


class Ledger:
    """The bans by network, the oldest first. One more than ``bans_max`` gives up the oldest."""

    def __init__(self, *, bans_max: int = BANS_MAX) -> None:
        self._bans: dict[Network, Ban] = {}
        self._bans_max = bans_max
        self.given_up = 0
        self.repeats = Repeats()

    def __len__(self) -> int:
        return len(self._bans)

    def __iter__(self) -> Iterator[Ban]:
        return iter(tuple(self._bans.values()))

    def add(self, ban: Ban, now: Now) -> tuple[Ban, list[Network]]:
        """Enter ``ban``; return what stands in the ledger now, and what was given up for it.

        Where the address is banned already, the later end counts, so that nobody shortens another's ban; and root's
        stays root's, so that nobody can lift it by asking for it anew.
        """
        before = self._bans.pop(ban.network, None)
        if ban.reason is not Reason.MANUAL:
            self.repeats.count(
                ban.network,
                over_unix_s=ban.until_unix_s,
                is_anew=before is None or before.remaining_s(now) <= 0,
                unix_s=now.unix_s,
            )
        if before is not None:
            by = before.by if before.by == ROOT else ban.by
            longer = before if before.remaining_s(now) > ban.remaining_s(now) else ban
            ban = replace(longer, reason=ban.reason, by=by)
        self._bans[ban.network] = ban
        if len(self._bans) > self._bans_max:
            self.expire(now)
        given_up = list(self._bans)[: max(0, len(self._bans) - self._bans_max)]
        for network in given_up:
            del self._bans[network]
        self.given_up += len(given_up)
        return ban, given_up

    def get(self, network: Network) -> Ban | None:
        return self._bans.get(network)

    def remove(self, network: Network) -> bool:
        """Say whether there was a ban to remove; it does not count as one from then on."""
        self.repeats.forget(network)
        return self._bans.pop(network, None) is not None

    def expire(self, now: Now) -> list[Network]:
        """Drop the bans that have ended, and return their networks."""
        ended = [ban.network for ban in self if ban.remaining_s(now) <= 0]
        for network in ended:
            del self._bans[network]
        return ended

    def dump(self, now: Now) -> bytes:
        """Return the ledger as it is stored: JSON, the oldest ban first.

        The Unix end is written anew from the uptime: the clock may have been set since the ban was made.
        """
        bans = [
            {
                "address": spelled(ban.network),
                "reason": ban.reason,
                "by": ban.by,
                "began_unix_s": round(ban.began_unix_s),
                "duration_s": ban.duration_s,
                "until_unix_s": round(now.unix_s + ban.remaining_s(now) if ban.boot == now.boot else ban.until_unix_s),
                "until_uptime_s": round(ban.until_uptime_s),
                "boot": ban.boot,
            }
            for ban in self
        ]
        document = {"format": _FORMAT, "bans": bans, "repeats": self.repeats.dump(now.unix_s)}
        return json.dumps(document, separators=(",", ":")).encode() + b"\n"

    def load(self, content: bytes, now: Now) -> None:
        """Take the bans of ``content`` in, but those that have ended. Raises :class:`LedgerDamaged`, and takes none."""
        try:
            document = json.loads(content)
            if document["format"] != _FORMAT:
                msg = f"format {document['format']} is not known"
                raise LedgerDamaged(msg)
            bans = [_ban(entry) for entry in document["bans"]]
            repeats = Repeats()
            repeats.load(document.get("repeats", []))  # there were none before
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError, Refused) as error:
            msg = f"the stored bans cannot be read: {error}"
            raise LedgerDamaged(msg) from error
        for ban in bans:
            if ban.remaining_s(now) > 0:
                self.add(ban, now)
        self.repeats.update(repeats)


def _ban(entry: dict[str, object]) -> Ban:
    duration_s = _number(entry["duration_s"])
    return Ban(
        network=network_of(entry["address"]),
        reason=Reason(str(entry["reason"])),
        by=str(entry["by"])[:_BY_MAX_CHARS],
        began_unix_s=_number(entry["began_unix_s"]),
        duration_s=min(duration_s, DURATION_MAX_S),
        until_unix_s=_number(entry["until_unix_s"]),
        until_uptime_s=_number(entry["until_uptime_s"]),
        boot=str(entry["boot"]),
    )


def _number(value: object) -> int:
    if type(value) is not int:
        msg = f"{value!r} is no whole number"
        raise TypeError(msg)
    return value
