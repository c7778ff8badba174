"""What the ban helper does with a request, and on each beat: ledger, kernel and file, kept the same."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Final, Protocol

from rescue.bans.clock import Now
from rescue.bans.ledger import BANS_MAX, Ban, Ledger, LedgerDamaged
from rescue.bans.log import log
from rescue.bans.nft import EdgeSets, FirewallMissing
from rescue.bans.protected import Protected
from rescue.bans.requests import (
    BanRequest,
    ErrorCode,
    ListRequest,
    Network,
    Refused,
    RepeatsRequest,
    Request,
    StatusRequest,
    UnbanRequest,
    spelled,
)
from rescue.bans.store import LedgerFile

SAVE_PAUSE_S: Final = 10.0
"""A lone change is written at once; those that follow within this time, together. A power cut loses no more."""

_DRIFT_S: Final = 5.0
"""How far the kernel's time of a ban may be from the ledger's, and the clock from where it was when last written."""

_log: Final = logging.getLogger(__name__)


class Clock(Protocol):
    def now(self) -> Now: ...


@dataclass(frozen=True, slots=True)
class Peer:
    """Who asks: by the kernel's word."""

    name: str
    is_root: bool


class BanHelper:
    """Not for several threads: each call ends before the next begins."""

    def __init__(
        self, *, clock: Clock, sets: EdgeSets, protected: Protected, file: LedgerFile, bans_max: int = BANS_MAX
    ) -> None:
        self._clock = clock
        self._sets = sets
        self._protected = protected
        self._file = file
        self._bans_max = bans_max
        self._ledger = Ledger(bans_max=bans_max)
        self._in_force = True
        self._dirty = False
        self._saved_uptime_s = float("-inf")
        self._saved_offset_s: float | None = None

    def restore(self) -> None:
        """Take the stored bans in, and put them in force. A damaged file is set aside: it is no reason not to start."""
        now = self._clock.now()
        try:
            if (content := self._file.read()) is not None:
                self._ledger.load(content, now)
        except LedgerDamaged as error:
            aside = self._file.set_aside()
            log(_log, "bans_file_set_aside", level=logging.ERROR, path=str(aside), cause=str(error))
        self._saved_offset_s = now.unix_s - now.uptime_s
        self.reconcile()
        log(_log, "bans_restored", bans=len(self._ledger), in_force=self._in_force)

    def answer(self, request: Request, peer: Peer) -> dict[str, object]:
        """Carry ``request`` out and return the answer's fields. Raises :class:`Refused`."""
        now = self._clock.now()
        match request:
            case BanRequest():
                return self._ban(request, peer, now)
            case UnbanRequest(network):
                if not peer.is_root and ((ban := self._ledger.get(network)) is None or ban.by != peer.name):
                    raise Refused(ErrorCode.DENIED, "only root lifts a ban that somebody else asked for")
                return self._unban(network, peer)
            case ListRequest():
                bans = sorted(self._current(now), key=lambda ban: ban.remaining_s(now))
                return {"bans": [_shown(ban, now) for ban in bans]}
            case RepeatsRequest():
                return {
                    "repeats": [
                        {
                            "address": spelled(each.network),
                            "times": each.times,
                            "over_in_s": round(each.over_unix_s - now.unix_s),
                        }
                        for each in self._ledger.repeats.current(now.unix_s)
                    ]
                }
            case StatusRequest():
                return {
                    "in_force": self._in_force,
                    "bans": len(self._current(now)),
                    "bans_max": self._bans_max,
                    "given_up": self._ledger.given_up,
                }

    def beat(self) -> None:
        """Once in a while: end what has ended, mend what the kernel has otherwise, write what is not written."""
        self.reconcile()
        now = self._clock.now()
        if self._saved_offset_s is None or abs(now.unix_s - now.uptime_s - self._saved_offset_s) > _DRIFT_S:
            self._dirty = True  # the clock was set: the ends that the file has are wrong by as much
        self.save_when_due()

    def reconcile(self) -> None:
        """Put in force what is in the ledger and not, or for another time, in the kernel.

        Whatever emptied the sets (a ruleset replaced, ``nft flush ruleset``), the bans come back with this. What
        somebody added to the sets by hand stays there.
        """
        now = self._clock.now()
        self._ledger.expire(now)
        try:
            there = self._sets.bans()
            wanted = {ban.network: ban.remaining_s(now) for ban in self._ledger}
            wrong = {
                network: left
                for network, left in wanted.items()
                if network not in there or abs(there[network] - left) > _DRIFT_S
            }
            self._sets.change(add=wrong)
        except FirewallMissing as error:
            self._firewall_is(there=False, cause=str(error))
        else:
            self._firewall_is(there=True)

    def save_when_due(self) -> None:
        if self._dirty and self._clock.now().uptime_s - self._saved_uptime_s >= SAVE_PAUSE_S:
            self.save()

    def save(self) -> None:
        """Write what is not written. A card that cannot be written to is no reason to ban nobody."""
        if not self._dirty:
            return
        now = self._clock.now()
        self._saved_uptime_s = now.uptime_s
        try:
            self._file.replace(self._ledger.dump(now))
        except OSError as error:
            log(_log, "bans_not_written", level=logging.ERROR, cause=str(error))
            return
        self._dirty = False
        self._saved_offset_s = now.unix_s - now.uptime_s

    def _current(self, now: Now) -> list[Ban]:
        return [ban for ban in self._ledger if ban.remaining_s(now) > 0]

    def _ban(self, request: BanRequest, peer: Peer, now: Now) -> dict[str, object]:
        self._protected.refuse(request.network, now)
        ban = Ban.made(request.network, request.duration_s, request.reason, peer.name, now)
        ban, given_up = self._ledger.add(ban, now)
        self._dirty = True
        self._change(add={ban.network: ban.remaining_s(now)}, remove=given_up)
        log(
            _log, "address_banned", address=spelled(ban.network), reason=ban.reason, by=peer.name,
            duration_s=request.duration_s, in_force=self._in_force, given_up=[spelled(network) for network in given_up],
        )  # fmt: skip
        self.save_when_due()
        return {"in_force": self._in_force, "ban": _shown(ban, now)}

    def _unban(self, network: Network, peer: Peer) -> dict[str, object]:
        removed = self._ledger.remove(network)
        self._dirty = self._dirty or removed
        self._change(add={}, remove=[network])  # whatever the ledger says: somebody may have added it by hand
        log(_log, "address_unbanned", address=spelled(network), by=peer.name, removed=removed)
        self.save_when_due()
        return {"removed": removed}

    def _change(self, *, add: dict[Network, float], remove: list[Network]) -> None:
        try:
            self._sets.change(add=add, remove=remove)
        except FirewallMissing as error:
            self._firewall_is(there=False, cause=str(error))
        else:
            self._firewall_is(there=True)

    def _firewall_is(self, *, there: bool, cause: str | None = None) -> None:
        """Log once when bans stop being in force, and once when they are again."""
        if there is self._in_force:
            return
        self._in_force = there
        if there:
            log(_log, "firewall_found", bans=len(self._ledger))
        else:
            log(_log, "firewall_missed", level=logging.ERROR, bans=len(self._ledger), cause=cause)


def _shown(ban: Ban, now: Now) -> dict[str, object]:
    return {
        "address": spelled(ban.network),
        "reason": ban.reason,
        "by": ban.by,
        "began_unix": round(ban.began_unix_s),
        "remaining_s": round(ban.remaining_s(now)),
    }
