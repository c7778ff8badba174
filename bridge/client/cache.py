"""Answers that may be given again, in a bounded number of bytes.

Pure: the caller passes ``now`` (seconds, monotonic). Single flight, and whether the feed is fresh, are the caller's::

    hit = cache.lookup(key, now)                 # None: ask the agent
    fetch = cache.begin(now)                     # before asking
    cache.store(key, answer, rule, fetch)        # after; refused if anything was invalidated in between

An answer's life, from the moment it was asked for (RFC 5861 names the last two)::

    ├─ FRESH ─┼─ REVALIDATE ─┼─ STALE_IF_ERROR ─┤ forgotten
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple

from cachetools import LRUCache

from bridge.contracts.operation import CacheRule

_ENTRY_OVERHEAD_BYTES: Final = 1_500  # what an entry costs beside its bytes, measured with tracemalloc (CPython 3.11)


class Key(NamedTuple):
    """Who asked what. ``scope`` is ``<user>.<session>.<token version>``, or empty where the answer is everybody's.

    ``params`` are the parameters as sent. A tuple, because it is hashed on every call.
    """

    scope: str
    operation: str
    params: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What the agent said. ``as_of`` is its Unix time (seconds) when it did."""

    body: bytes
    next_cursor: str
    as_of: float


@dataclass(frozen=True, slots=True)
class Entry:
    """An answer, what to, the rule it lives by, when it was asked for (monotonic seconds), and in which generation."""

    key: Key
    answer: Answer
    rule: CacheRule
    asked_at: float
    generation: int

    @property
    def size_bytes(self) -> int:
        return _ENTRY_OVERHEAD_BYTES + len(self.answer.body) + len(self.key.params)

    @property
    def marks(self) -> Iterator[str]:
        """Everything that may invalidate this entry."""
        user, _, session = self.key.scope.rpartition(".")[0].partition(".")
        yield f"user.{user}"
        yield f"session.{session}"
        for tag in self.rule.tags:
            yield f"tag.{tag}"


class Freshness(Enum):
    """What may be done with an answer: give it, give it and fetch a new one, give it if the agent cannot answer."""

    FRESH = "fresh"
    REVALIDATE = "revalidate"
    STALE_IF_ERROR = "stale_if_error"


class Hit(NamedTuple):
    """``is_held``: the agent failed on this very question moments ago; give the answer and do not ask again yet.

    ``is_trusted``: no invalidation of it can have been missed.
    """

    answer: Answer
    freshness: Freshness
    age_s: float
    is_held: bool
    is_trusted: bool


class Fetch(NamedTuple):
    """A question on its way to the agent: when it was asked, and in which generation of the cache."""

    asked_at: float
    generation: int


class Cache:
    """The cache of one process.

    An entry never outlives its rule, and is given to nobody after what it rests on was invalidated, not even when its
    answer was on its way at that time. ``entry_bytes_max``: a bigger answer is not kept, lest it push out all others.
    """

    def __init__(
        self, *, bytes_max: int = 16 * 2**20, entry_bytes_max: int = 2**20, origin_hold_s: float = 2.0
    ) -> None:
        self._entry_bytes_max = min(entry_bytes_max, bytes_max)
        self._origin_hold_s = origin_hold_s
        self._entries = _Entries(bytes_max)
        self._trusted_from = 0
        self.generation = 0
        """Grows with every invalidation. Calls may share one flight only within one generation."""

    @property
    def size_bytes(self) -> int:
        return int(self._entries.currsize)

    def __len__(self) -> int:
        return len(self._entries)

    def lookup(self, key: Key, now: float) -> Hit | None:
        """Return what is known under ``key``, or None."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        age_s = now - entry.asked_at
        rule = entry.rule
        is_held = now < self._entries.held_until.get(key, now)
        is_trusted = entry.generation >= self._trusted_from
        if age_s < rule.fresh_s and is_trusted:
            return Hit(entry.answer, Freshness.FRESH, age_s, is_held, is_trusted)
        revalidate_until_s = rule.fresh_s + rule.stale_while_revalidate_s
        if age_s < revalidate_until_s and is_trusted:
            return Hit(entry.answer, Freshness.REVALIDATE, age_s, is_held, is_trusted)
        if age_s < revalidate_until_s + rule.stale_if_error_s:
            return Hit(entry.answer, Freshness.STALE_IF_ERROR, age_s, is_held, is_trusted)
        del self._entries[key]
        return None

    def begin(self, now: float) -> Fetch:
        """Note that a question is about to be asked, for :meth:`store`."""
        return Fetch(now, self.generation)

    def store(self, key: Key, answer: Answer, rule: CacheRule, fetch: Fetch) -> bool:
        """Keep ``answer``, and return whether it was kept.

        Any invalidation since ``fetch`` refuses it. Whose it was is not looked at: that would need a memory of
        invalidations, to save one question to the agent. An older answer never replaces a newer one.
        """
        entry = Entry(key, answer, rule, fetch.asked_at, fetch.generation)
        if fetch.generation != self.generation or entry.size_bytes > self._entry_bytes_max:
            return False
        previous = self._entries.get(key)
        if previous is not None and previous.asked_at > fetch.asked_at:
            return False
        self._entries.put(entry)
        return True

    def hold_origin(self, key: Key, now: float) -> None:
        """Note that the agent failed on ``key``: for ``origin_hold_s`` what is known is given without asking."""
        if key in self._entries:
            self._entries.held_until[key] = now + self._origin_hold_s

    def discard(self, key: Key) -> None:
        """Forget one entry: the agent said that this caller may not have it, or that there is no such thing."""
        self._entries.pop(key, None)

    def invalidate_tags(self, tags: Iterable[str]) -> None:
        """Forget every answer whose rule has one of ``tags``."""
        self._invalidate(f"tag.{tag}" for tag in tags)

    def invalidate_users(self, users: Iterable[str]) -> None:
        """Forget every answer given to one of ``users`` (ids as in the scope)."""
        self._invalidate(f"user.{user}" for user in users)

    def invalidate_sessions(self, sessions: Iterable[str]) -> None:
        """Forget every answer given to one of ``sessions`` (ids as in the scope)."""
        self._invalidate(f"session.{session}" for session in sessions)

    def distrust(self) -> None:
        """Give what is known by now only if the agent cannot answer: invalidations may have been missed."""
        self.generation += 1
        self._trusted_from = self.generation

    def _invalidate(self, marks: Iterable[str]) -> None:
        self.generation += 1
        for mark in marks:
            for key in tuple(self._entries.keys_by_mark.get(mark, ())):
                del self._entries[key]


class _Entries(LRUCache[Key, Entry]):
    """Entries, least recently used first out, and what hangs on them: an index by mark, and holds.

    Both live and die with their entry, whatever ends it: eviction, expiry, invalidation.
    """

    def __init__(self, bytes_max: int) -> None:
        super().__init__(bytes_max, getsizeof=lambda entry: entry.size_bytes)
        self.keys_by_mark: dict[str, set[Key]] = {}
        self.held_until: dict[Key, float] = {}

    def put(self, entry: Entry) -> None:
        self.pop(entry.key, None)
        self[entry.key] = entry
        for mark in entry.marks:
            self.keys_by_mark.setdefault(mark, set()).add(entry.key)

    def __delitem__(self, key: Key) -> None:
        for mark in self[key].marks:
            keys = self.keys_by_mark[mark]
            keys.remove(key)
            if not keys:
                del self.keys_by_mark[mark]
        self.held_until.pop(key, None)
        super().__delitem__(key)
