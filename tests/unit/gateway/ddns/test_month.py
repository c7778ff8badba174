"""A simulated month with each provider, on a line that flaps and a provider that fails: no rule of theirs is broken.

Most of it is one name in one family; with deSEC, whose limits are the account's, two names in both, over restarts.
"""

from __future__ import annotations

import heapq
import random
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import pytest

from gateway.ddns import decisions, updater
from gateway.ddns.addresses.choice import Found
from gateway.ddns.addresses.scope import Scope
from gateway.ddns.answers import ACCEPTED, FINAL, Answer, Kind
from gateway.ddns.authority import Authority, Shown
from gateway.ddns.decisions import Action, Progress, Rules, Wanted
from gateway.ddns.families import Address, Family, family_of
from gateway.ddns.providers import cloudflare, desec, duckdns, dyndns2, rfc2136
from gateway.ddns.records import Record
from gateway.ddns.state import Memory, memory_from_json, memory_to_json
from gateway.ddns.updater import Updater
from tests.clocks import TurnedClock

MONTH_S = 31 * 86_400.0
START = 1_780_000_000.0
CHECK_S = 300.0


@dataclass
class Sent:
    at: float
    address: str
    kind: Kind


@dataclass
class History:
    """What a provider saw, and what it has published."""

    sent: list[Sent] = field(default_factory=list)
    published: str | None = None
    behind_s: float = 0.0
    """The longest time for which another address than ours was published."""

    def gaps(self) -> Iterator[tuple[Sent, Sent]]:
        yield from zip(self.sent, self.sent[1:], strict=False)

    def densest(self, window_s: float) -> int:
        return densest([sent.at for sent in self.sent], window_s)


def densest(times: Sequence[float], window_s: float) -> int:
    """Return the most of ``times``, which are in order, that any window of that length holds."""
    return max((bisect_left(times, first + window_s) - n for n, first in enumerate(times)), default=0)


def flaps(rng: random.Random) -> Iterator[tuple[float, IPv4Address]]:
    """Yield the times at which the address changes: a new one a day, an hour of flapping, three days of silence."""
    at = START
    while True:
        at += rng.choice([86_400.0, 3 * 86_400.0, 7200.0])
        for _ in range(rng.choice([1, 1, 200])):
            at += rng.uniform(3, 60)
            yield at, IPv4Address(f"192.88.98.{rng.randint(1, 3)}")


def live(rules: Rules, rng: random.Random, answer: Callable[[History, str, float], Answer]) -> History:
    """Let a month pass."""
    history, progress, sends = History(), Progress("print"), tuple[float, ...]()
    changes = flaps(rng)
    now, (change_at, change), address = START, next(changes), IPv4Address("192.88.98.1")
    right_at = now
    while now < START + MONTH_S:
        sends = decisions.settled_sends(sends, rules, now)
        decision = decisions.decide(progress, rules, sends, Wanted(address), now)
        if decision.action is Action.SEND:
            sends += (now,)
            given = answer(history, str(address), now)
            history.sent.append(Sent(now, str(address), given.kind))
            progress = decisions.learned(progress, given, address, now)
            if given.kind in ACCEPTED:
                history.published = str(address)
            continue
        if decision.action is Action.VERIFY:
            progress = decisions.looked(progress, None, now)
            continue
        right_at = now if history.published == str(address) else right_at
        history.behind_s = max(history.behind_s, now - right_at)
        soonest = min(now + CHECK_S, change_at, decision.next_at or now + CHECK_S)
        now = max(soonest, now + 0.1)
        if now >= change_at:
            address, (change_at, change) = change, next(changes)
    return history


def failing(rng: random.Random, *, final: Kind | None = None) -> Callable[[History, str, float], Answer]:
    """Answer as a provider does that has trouble now and then, and says ``final`` once after ten days."""

    def answer(history: History, address: str, now: float) -> Answer:
        if final is not None and now > START + 10 * 86_400:
            return Answer(final, "")
        if rng.random() < 0.1:
            kind = rng.choice([Kind.TROUBLE, Kind.RATE_LIMITED, Kind.UNREACHABLE])
            return Answer(kind, "", retry_after_s=rng.choice([None, 600.0]))
        return Answer(Kind.UNCHANGED if history.published == address else Kind.UPDATED, "")

    return answer


PROVIDERS = {
    "dyndns2": dyndns2.RULES,
    "duckdns": duckdns.RULES,
    "desec": desec.RULES,
    "cloudflare": cloudflare.RULES,
    "rfc2136": rfc2136.RULES,
}
each_provider = pytest.mark.parametrize("name", sorted(PROVIDERS))
seeds = pytest.mark.parametrize("seed", [1, 2])


@cache
def bad_month(name: str, seed: int) -> History:
    rng = random.Random(seed)
    return live(PROVIDERS[name], rng, failing(rng))


@each_provider
@seeds
def test_unchanged_address_is_sent_to_keep_the_name_alone_when_the_line_flaps(name: str, seed: int) -> None:
    history = bad_month(name, seed)

    published: tuple[float, str] | None = None
    for sent in history.sent:
        if published is not None and sent.address == published[1]:
            assert name != "desec", "deSEC's terms: only when there is something to update"
            assert sent.at - published[0] >= 25 * 86_400
        if sent.kind in ACCEPTED:
            published = (sent.at, sent.address)
    assert len(history.sent) > 20


@each_provider
@seeds
def test_half_an_hour_passes_after_trouble_when_the_line_flaps(name: str, seed: int) -> None:
    history = bad_month(name, seed)

    waits = [later.at - earlier.at for earlier, later in history.gaps() if earlier.kind is Kind.TROUBLE]
    assert waits
    assert min(waits) >= 1800
    limited = [later.at - earlier.at for earlier, later in history.gaps() if earlier.kind is Kind.RATE_LIMITED]
    assert min(limited, default=300) >= 300


@each_provider
@pytest.mark.parametrize("final", sorted(FINAL))
def test_nothing_more_is_sent_after_a_final_answer_when_the_line_flaps(name: str, final: Kind) -> None:
    rng = random.Random(3)
    history = live(PROVIDERS[name], rng, failing(rng, final=final))

    assert [sent.kind for sent in history.sent].count(final) == 1
    assert history.sent[-1].kind is final


@pytest.mark.parametrize(
    ("name", "window_s", "most"),
    [
        ("dyndns2", 60, 1),
        ("dyndns2", 3600, 10),
        ("duckdns", 3600, 12),
        ("desec", 60, 1),
        ("desec", 86_400, 2000),
        ("cloudflare", 300, 240),
        ("rfc2136", 3600, 120),
    ],
)
def test_published_rate_is_kept_when_the_line_flaps(name: str, window_s: float, most: int) -> None:
    """The windows are those of the documentation; Cloudflare counts requests, of which an update has up to five."""
    history = bad_month(name, 1)

    assert 0 < history.densest(window_s) <= most


@each_provider
def test_address_is_published_within_the_limits_when_the_line_flaps_and_the_provider_works(name: str) -> None:
    rng = random.Random(5)
    history = live(PROVIDERS[name], rng, lambda *_: Answer(Kind.UPDATED, ""))

    assert 0 < history.behind_s <= 3600 + CHECK_S


NAMES = ("a.dedyn.io", "b.dedyn.io")
LOOK_S = 3600.0


class Account(Authority):
    """deSEC's account of two names, and its name servers: what it was sent, and what it shows."""

    rules = desec.RULES

    def __init__(self, clock: TurnedClock) -> None:
        super().__init__()
        self._clock = clock
        self._rng = random.Random(11)
        self._shown: dict[tuple[str, Family], Address] = {}
        self.sent: list[float] = []
        self.changed: Counter[tuple[str, Family]] = Counter()
        self.unchanged = 0

    async def update(self, name: str, addresses: Mapping[Family, Address]) -> Answer:
        self.sent.append(self._clock.time())
        self.unchanged += sum(self._shown.get((name, family)) == address for family, address in addresses.items())
        if self._rng.random() < 0.1:
            return Answer(self._rng.choice([Kind.TROUBLE, Kind.RATE_LIMITED]), "", retry_after_s=60.0)
        for family, address in addresses.items():
            self._shown[name, family] = address
            self.changed[name, family] += 1
        return Answer(Kind.UPDATED, "")

    async def ask(self, name: str, family: Family) -> Shown:
        return Shown({"ns": frozenset({str(self._shown[name, family])})})


def changes() -> Iterator[tuple[float, Address]]:
    """Yield when an address of either family changes, the families apart from each other."""
    ipv4: Iterator[tuple[float, Address]] = flaps(random.Random(8))
    ipv6 = ((at, IPv6Address(f"2a00::{int(address) & 0xFF}")) for at, address in flaps(random.Random(9)))
    yield from heapq.merge(ipv4, ipv6, key=lambda change: change[0])


async def test_account_is_asked_once_a_minute_for_changes_alone_when_both_families_of_two_names_flap_over_restarts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """deSEC: https://desec.readthedocs.io/en/latest/rate-limits.html; its terms: only what there is to update."""
    monkeypatch.setattr(updater, "save_memory", lambda *_, **__: b"")  # that each change is saved, test_service.py says
    clock, rng, coming, restarts = TurnedClock(START), random.Random(10), changes(), 0
    account = Account(clock)
    records = [Record(name, tuple(Family), "desec", account, "print", "account") for name in NAMES]
    running = Updater(records, Memory(), folder=tmp_path, authority=account, clock=clock)
    found: dict[Family, Address] = {Family.IPV4: IPv4Address("192.88.98.1"), Family.IPV6: IPv6Address("2a00::1")}
    change_at, change = next(coming)
    while clock.time() < START + MONTH_S:
        states = await running.step(
            {family: Found(family, address, "interface", Scope.PUBLIC, "") for family, address in found.items()}
        )
        due = [one.decision.next_at for one in states if one.decision.next_at is not None]
        now = clock.time()
        clock.advance(max(min(now + LOOK_S, change_at, *due) - now, 0.1))
        if clock.time() >= change_at:
            found[family_of(change)] = change
            change_at, change = next(coming)
        if rng.random() < 0.01:
            saved = memory_from_json(memory_to_json(running.memory))
            running = Updater(records, saved, folder=tmp_path, authority=account, clock=clock)
            restarts += 1

    assert restarts > 20
    assert account.unchanged == 0
    assert densest(account.sent, 60) == 1
    assert densest(account.sent, 86_400) <= 300, "deSEC allows 2,000, other requests included"
    assert len(account.changed) == 4
    assert min(account.changed.values()) > 20
