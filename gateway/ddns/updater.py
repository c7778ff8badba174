"""Decisions carried out: updates sent, answers kept, authoritative servers asked."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from bridge.process.clock import Clock
from bridge.process.logs import log
from gateway.ddns import decisions
from gateway.ddns.addresses.choice import Found
from gateway.ddns.answers import ACCEPTED, OF_THE_ACCOUNT, OF_THE_NAME, Answer
from gateway.ddns.authority import Authority
from gateway.ddns.decisions import Action, Decision, Progress, Wanted
from gateway.ddns.families import Address, Family
from gateway.ddns.records import Record
from gateway.ddns.state import Memory, save_memory

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NameState:
    """How one name stands in one family."""

    record: Record
    family: Family
    wanted: Wanted
    progress: Progress
    decision: Decision


class Updater:
    """Keeps ``records`` at the addresses that :meth:`step` is told."""

    def __init__(
        self, records: Sequence[Record], memory: Memory, *, folder: Path, authority: Authority, clock: Clock
    ) -> None:
        self._records = records
        self._folder = folder
        self._authority = authority
        self._clock = clock
        self._saved = b""
        self.memory = memory
        names = {_key(record, family): record.fingerprint for record in records for family in record.families}
        memory.progress = {
            key: decisions.adopted(memory.progress.get(key), fingerprint) for key, fingerprint in names.items()
        }
        self.unsaved = False
        """Whether the state cannot be saved: nothing is sent then, for a restart would forget it."""

    def force(self, name: str) -> bool:
        """Have ``name`` updated at the next step, blocked or not. Returns False for a name that is not kept here."""
        keys = [_key(record, family) for record in self._records if record.name == name for family in record.families]
        for key in keys:
            self.memory.progress[key] = decisions.forced(self.memory.progress[key])
        return bool(keys)

    async def step(self, found: Mapping[Family, Found]) -> tuple[NameState, ...]:
        """Do what is due, accounts beside each other, and return how each of them stands then."""
        now = self._clock.time()
        for key, progress in self.memory.progress.items():
            self.memory.progress[key] = decisions.settled(progress, now)
        for record in self._records:
            for family in record.families:
                key = record.limits_key(family)
                self.memory.sends[key] = decisions.settled_sends(self.memory.sends.get(key, ()), record.rules, now)
        async with asyncio.TaskGroup() as tasks:
            for account in {record.account: None for record in self._records}:
                tasks.create_task(self._step_account(account, found))
        self.save()
        return self.states(found)

    def states(self, found: Mapping[Family, Found]) -> tuple[NameState, ...]:
        return tuple(
            NameState(record, family, wanted_of(record, family, found), self._progress(record, family), decision)
            for record in self._records
            for family in record.families
            for decision in [self._decide(record, family, found)]
        )

    def save(self) -> bool:
        """Save the state, and say whether that worked."""
        try:
            self._saved = save_memory(self._folder, self.memory, saved=self._saved)
        except OSError as error:
            if not self.unsaved:
                log(_log, "ddns_state_unsaved", level=logging.ERROR, cause=error.strerror)
            self.unsaved = True
            return False
        self.unsaved = False
        return True

    async def _step_account(self, account: str, found: Mapping[Family, Found]) -> None:
        """Take the names one after the other: what the provider says of one may hold for the next."""
        for record in self._records:
            if record.account == account:
                await self._step_record(record, found)

    async def _step_record(self, record: Record, found: Mapping[Family, Found]) -> None:
        asked = [family for family in record.families if self._decide(record, family, found).action is Action.SEND]
        for families in [asked] if record.rules.together else [[family] for family in asked]:
            # asked again: what was sent for the other family may have used up what they share
            if families and self._decide(record, families[0], found).action is Action.SEND:
                await self._send(record, {family: _address(found[family]) for family in families})
        for family in record.families:
            if self._decide(record, family, found).action is Action.VERIFY:
                await self._verify(record, family, _address(found[family]))

    async def _send(self, record: Record, addresses: Mapping[Family, Address]) -> None:
        for key in {record.limits_key(family) for family in addresses}:
            self.memory.sends[key] = (*self.memory.sends.get(key, ()), self._clock.time())
        if not self.save():
            return
        answer = await record.provider.update(record.name, addresses)
        now = self._clock.time()
        for family, address in addresses.items():
            key = _key(record, family)
            self.memory.progress[key] = decisions.learned(self.memory.progress[key], answer, address, now)
            _log_answer(record, family, address, answer)
        self._spread(record, answer, now)
        self.save()

    def _spread(self, record: Record, answer: Answer, now: float) -> None:
        """Block all that a final answer holds for."""
        for other in self._records:
            same_account = other.account == record.account and answer.kind in OF_THE_ACCOUNT
            if same_account or (other is record and answer.kind in OF_THE_NAME):
                for family in other.families:
                    key = _key(other, family)
                    self.memory.progress[key] = decisions.blocked_with(self.memory.progress[key], answer, now)

    async def _verify(self, record: Record, family: Family, address: Address) -> None:
        shown = await self._authority.ask(record.name, family)
        key, now = _key(record, family), self._clock.time()
        before = self.memory.progress[key]
        doubt = shown.doubt(address)
        if not shown.by_server:
            self.memory.progress[key] = decisions.unlooked(before, now)
            return
        self.memory.progress[key] = decisions.looked(before, doubt, now)
        if doubt is None and before.verified is None:
            log(_log, "ddns_update_seen", name=record.name, family=family.value, address=str(address))

    def _progress(self, record: Record, family: Family) -> Progress:
        return self.memory.progress[_key(record, family)]

    def _decide(self, record: Record, family: Family, found: Mapping[Family, Found]) -> Decision:
        sends = self.memory.sends.get(record.limits_key(family), ())
        wanted = wanted_of(record, family, found)
        return decisions.decide(self._progress(record, family), record.rules, sends, wanted, self._clock.time())


def wanted_of(record: Record, family: Family, found: Mapping[Family, Found]) -> Wanted:
    """Return what ``record`` should lead to. A house without IPv6 is no fault, unless IPv4 leads nowhere either."""
    can_do_without = family is Family.IPV6 and not record.has_chosen_families and Family.IPV4 in record.families
    return replace(found[family].wanted, dispensable=can_do_without and not found[Family.IPV4].wanted.refused)


def _key(record: Record, family: Family) -> str:
    return f"{record.name}/{family.value}"


def _address(found: Found) -> Address:
    if found.value is None:
        msg = "decided to publish what was not found"
        raise AssertionError(msg)
    return found.value


def _log_answer(record: Record, family: Family, address: Address, answer: Answer) -> None:
    log(
        _log,
        "ddns_update_answered",
        level=logging.INFO if answer.kind in ACCEPTED else logging.WARNING,
        name=record.name,
        family=family.value,
        provider=record.provider_name,
        address=str(address),
        outcome=answer.kind.value,
        reason=answer.reason,
    )
