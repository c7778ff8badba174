"""The cache against examples, and against a model with all the memory in the world."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from bridge.client.cache import Answer, Cache, Fetch, Freshness, Hit, Key
from bridge.contracts.operation import CacheRule

RULE = CacheRule(frozenset({"health.records"}), fresh_s=5.0, stale_while_revalidate_s=30.0, stale_if_error_s=100.0)
KEY = Key("anna.s1.1", "health.symptoms.list", b"{}")
BEN = Key("ben.s2.1", "health.symptoms.list", b"{}")
ANSWER = Answer(b'{"items":[]}', "", 1_700_000_000.0)


def answer_of(text: str) -> Answer:
    return Answer(text.encode(), "", 0.0)


def filled(*keys: Key, now: float = 0.0) -> Cache:
    cache = Cache()
    for key in keys:
        assert cache.store(key, ANSWER, RULE, cache.begin(now))
    return cache


# ---------------------------------------------------------------------------------------------------------- its life


@pytest.mark.parametrize(
    ("age_s", "freshness"),
    [
        (0.0, Freshness.FRESH),
        (4.99, Freshness.FRESH),
        (5.0, Freshness.REVALIDATE),
        (34.99, Freshness.REVALIDATE),
        (35.0, Freshness.STALE_IF_ERROR),
        (134.99, Freshness.STALE_IF_ERROR),
    ],
)
def test_cache_says_what_may_be_done_with_an_answer_when_it_has_aged(age_s: float, freshness: Freshness) -> None:
    hit = filled(KEY, now=1000.0).lookup(KEY, 1000.0 + age_s)

    assert hit is not None
    assert (hit.answer, hit.freshness, hit.is_held) == (ANSWER, freshness, False)
    assert hit.age_s == pytest.approx(age_s)


def test_cache_forgets_an_answer_when_its_rule_has_run_out() -> None:
    cache = filled(KEY)

    assert cache.lookup(KEY, 135.0) is None
    assert len(cache) == 0
    assert cache.size_bytes == 0


def test_cache_counts_an_answers_age_from_when_it_was_asked_for() -> None:
    cache = Cache()
    fetch = cache.begin(10.0)  # and the answer took four seconds
    cache.store(KEY, ANSWER, RULE, fetch)

    hit = cache.lookup(KEY, 14.0)
    assert hit is not None
    assert hit.age_s == pytest.approx(4.0)


@pytest.mark.parametrize(
    "other",
    [
        Key("ben.s1.1", KEY.operation, KEY.params),
        Key("anna.s2.1", KEY.operation, KEY.params),
        Key("anna.s1.2", KEY.operation, KEY.params),
        Key("", KEY.operation, KEY.params),
        Key(KEY.scope, "health.symptoms.stats", KEY.params),
        Key(KEY.scope, KEY.operation, b'{"limit":1}'),
    ],
)
def test_cache_gives_nothing_when_user_session_version_operation_or_parameters_differ(other: Key) -> None:
    assert filled(KEY).lookup(other, 0.0) is None


def test_cache_keeps_the_newer_answer_when_an_older_one_comes_in_late() -> None:
    cache = Cache()
    older, newer = cache.begin(1.0), cache.begin(2.0)

    assert cache.store(KEY, answer_of("newer"), RULE, newer)
    assert not cache.store(KEY, answer_of("older"), RULE, older)
    hit = cache.lookup(KEY, 2.0)
    assert hit is not None
    assert hit.answer == answer_of("newer")


# ------------------------------------------------------------------------------------------------------ invalidation


@pytest.mark.parametrize(
    ("invalidate", "survivors"),
    [
        (lambda cache: cache.invalidate_tags({"health.records"}), set()),
        (lambda cache: cache.invalidate_tags({"tasks"}), {KEY, BEN}),
        (lambda cache: cache.invalidate_users(["anna"]), {BEN}),
        (lambda cache: cache.invalidate_users(["nobody", "ben"]), {KEY}),
        (lambda cache: cache.invalidate_sessions(["s2"]), {KEY}),
        (lambda cache: cache.invalidate_sessions(["anna"]), {KEY, BEN}),
        (lambda cache: cache.discard(KEY), {BEN}),
        (lambda cache: cache.discard(Key("", "unknown", b"")), {KEY, BEN}),
    ],
)
def test_cache_forgets_what_was_invalidated_and_nothing_else(invalidate: object, survivors: set[Key]) -> None:
    cache = filled(KEY, BEN)

    assert callable(invalidate)
    invalidate(cache)

    assert {key for key in (KEY, BEN) if cache.lookup(key, 0.0)} == survivors


@pytest.mark.parametrize(
    "invalidate",
    [
        lambda cache: cache.invalidate_tags({"health.records"}),
        lambda cache: cache.invalidate_users(["anna"]),
        lambda cache: cache.invalidate_sessions(["s1"]),
        lambda cache: cache.distrust(),
    ],
)
def test_cache_refuses_an_answer_when_it_was_asked_for_before_an_invalidation(invalidate: object) -> None:
    cache = Cache()
    fetch = cache.begin(0.0)
    assert callable(invalidate)
    invalidate(cache)

    assert not cache.store(KEY, ANSWER, RULE, fetch)
    assert cache.lookup(KEY, 0.0) is None
    assert cache.store(KEY, ANSWER, RULE, cache.begin(0.0))


@pytest.mark.parametrize("age_s", [0.0, 20.0, 100.0])
def test_cache_gives_what_it_knew_only_in_case_of_error_when_it_was_distrusted(age_s: float) -> None:
    cache = filled(KEY)
    cache.distrust()
    cache.store(BEN, ANSWER, RULE, cache.begin(0.0))

    known, learned = cache.lookup(KEY, age_s), cache.lookup(BEN, 0.0)
    assert known is not None
    assert known.freshness is Freshness.STALE_IF_ERROR
    assert learned is not None
    assert learned.freshness is Freshness.FRESH


# ----------------------------------------------------------------------------------------------------------- holding


@pytest.mark.parametrize("asked_at", [1.0, 10.0, 50.0])
def test_cache_says_not_to_ask_for_two_seconds_when_the_agent_failed(asked_at: float) -> None:
    cache = filled(KEY, BEN)
    cache.hold_origin(KEY, asked_at)

    held, unheld = cache.lookup(KEY, asked_at + 1.99), cache.lookup(BEN, asked_at)
    later = cache.lookup(KEY, asked_at + 2)
    assert held is not None
    assert held.is_held
    assert unheld is not None
    assert not unheld.is_held
    assert later is not None
    assert not later.is_held


def test_cache_holds_nothing_when_it_has_nothing_to_give() -> None:
    cache = Cache()
    cache.hold_origin(KEY, 0.0)

    assert cache._entries.held_until == {}


def test_cache_asks_again_when_a_held_answer_was_replaced() -> None:
    cache = filled(KEY)
    cache.hold_origin(KEY, 10.0)
    cache.store(KEY, ANSWER, CacheRule(RULE.tags, fresh_s=0.0), cache.begin(10.0))

    hit = cache.lookup(KEY, 10.5)
    assert hit is not None
    assert not hit.is_held


# ------------------------------------------------------------------------------------------------------------ memory


@pytest.mark.story("health/US-BE-45.3")
def test_cache_drops_what_was_used_least_recently_when_it_is_full() -> None:
    cache = Cache(bytes_max=40_000)
    keys = [Key("anna.s1.1", "o", b"%d" % number) for number in range(5)]
    for key in keys[:3]:
        cache.store(key, Answer(bytes(10_000), "", 0.0), RULE, cache.begin(0.0))
    cache.lookup(keys[0], 0.0)
    cache.store(keys[3], Answer(bytes(10_000), "", 0.0), RULE, cache.begin(0.0))

    assert [cache.lookup(key, 0.0) is not None for key in keys] == [True, False, True, True, False]
    assert cache.size_bytes <= 40_000


@pytest.mark.parametrize("cache", [Cache(entry_bytes_max=10_000), Cache(bytes_max=10_000)])
@pytest.mark.parametrize(("params", "body"), [(b"{}", bytes(10_000)), (bytes(10_000), b"{}")])
def test_cache_refuses_an_answer_when_it_would_push_out_too_much(cache: Cache, params: bytes, body: bytes) -> None:
    assert not cache.store(KEY._replace(params=params), Answer(body, "", 0.0), RULE, cache.begin(0.0))
    assert cache.size_bytes == 0


@pytest.mark.story("health/US-BE-45.3")
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 9_000)), max_size=60))
def test_cache_stays_within_its_bytes_and_keeps_no_index_of_what_is_gone(stores: list[tuple[int, int]]) -> None:
    cache = Cache(bytes_max=30_000)
    for number, size in stores:
        key = Key(f"u{number % 3}.s{number % 7}.1", "o", b"%d" % number)
        cache.store(key, Answer(bytes(size), "", 0.0), RULE, cache.begin(0.0))
        cache.hold_origin(key, 0.0)
        assert cache.size_bytes <= 30_000

    entries = cache._entries
    indexed = set().union(*entries.keys_by_mark.values())
    assert indexed == set(entries.held_until) == set(entries)
    assert all(entries.keys_by_mark.values())
    cache.invalidate_tags(RULE.tags)
    assert (len(cache), cache.size_bytes, entries.keys_by_mark, entries.held_until) == (0, 0, {}, {})


# --------------------------------------------------------------------------------------------------- against a model

_USERS, _SESSIONS, _TAGS = ("anna", "ben"), ("s1", "s2", "s3"), ("records", "names")
_KEYS = tuple(Key(f"{user}.{session}.1", "list", b"{}") for user, session in product(_USERS, _SESSIONS))
_keys = st.sampled_from(_KEYS)
_rules = st.builds(
    CacheRule,
    st.sets(st.sampled_from(_TAGS), min_size=1).map(frozenset),
    st.sampled_from([0.0, 5.0]),
    st.sampled_from([0.0, 30.0]),
    st.sampled_from([0.0, 60.0]),
)


@dataclass
class Known:
    """One answer that may be given, and what about it is no longer so."""

    text: str
    rule: CacheRule
    asked_at: float
    is_distrusted: bool = False
    held_until: float = -1.0


@dataclass
class Flight:
    key: Key
    rule: CacheRule
    fetch: Fetch
    text: str
    is_spoilt: bool = False


@dataclass
class Model:
    known: dict[Key, Known] = field(default_factory=dict)
    flights: list[Flight] = field(default_factory=list)

    def forget(self, user: str = "", session: str = "", tag: str = "") -> None:
        for key, known in list(self.known.items()):
            parts = key.scope.split(".")
            if parts[0] == user or parts[1] == session or tag in known.rule.tags:
                del self.known[key]
        self.spoil()

    def spoil(self) -> None:
        for flight in self.flights:
            flight.is_spoilt = True


class CacheAgainstModel(RuleBasedStateMachine):
    flights: Bundle[Flight] = Bundle("flights")

    def __init__(self) -> None:
        super().__init__()
        self.cache = Cache()
        self.model = Model()
        self.now = 0.0
        self.count = 0

    @rule(quarters=st.one_of(st.integers(0, 24), st.integers(0, 400)))
    def pass_time(self, quarters: int) -> None:
        self.now += quarters / 4

    @rule(target=flights, key=_keys, cache_rule=_rules)
    def ask(self, key: Key, cache_rule: CacheRule) -> Flight:
        self.count += 1
        flight = Flight(key, cache_rule, self.cache.begin(self.now), f"answer {self.count}")
        self.model.flights.append(flight)
        return flight

    @rule(flight=consumes(flights))
    def answer(self, flight: Flight) -> None:
        previous = self.model.known.get(flight.key)
        is_late = previous is not None and previous.asked_at > flight.fetch.asked_at
        is_kept = self.cache.store(flight.key, answer_of(flight.text), flight.rule, flight.fetch)
        assert is_kept is (not flight.is_spoilt and not is_late)
        if is_kept:
            self.model.known[flight.key] = Known(flight.text, flight.rule, flight.fetch.asked_at)

    @rule(key=_keys)
    def fail(self, key: Key) -> None:
        self.cache.hold_origin(key, self.now)
        if key in self.model.known:
            self.model.known[key].held_until = self.now + 2.0

    @rule(user=st.sampled_from(_USERS))
    def change_user(self, user: str) -> None:
        self.cache.invalidate_users([user])
        self.model.forget(user=user)

    @rule(session=st.sampled_from(_SESSIONS))
    def end_session(self, session: str) -> None:
        self.cache.invalidate_sessions([session])
        self.model.forget(session=session)

    @rule(tag=st.sampled_from(_TAGS))
    def write(self, tag: str) -> None:
        self.cache.invalidate_tags([tag])
        self.model.forget(tag=tag)

    @rule()
    def miss_events(self) -> None:
        self.cache.distrust()
        self.model.spoil()
        for known in self.model.known.values():
            known.is_distrusted = True

    @rule(key=_keys)
    def refuse(self, key: Key) -> None:
        self.cache.discard(key)
        self.model.known.pop(key, None)

    @invariant()
    def gives_what_it_may(self) -> None:
        for key in _KEYS:
            self._look(key)

    def _look(self, key: Key) -> None:
        hit = self.cache.lookup(key, self.now)
        known = self.model.known.get(key)
        if known is None or (freshness := _freshness(known, self.now)) is None:
            self.model.known.pop(key, None)
            assert hit is None
            return
        is_held = self.now < known.held_until
        expected = Hit(answer_of(known.text), freshness, self.now - known.asked_at, is_held, not known.is_distrusted)
        assert hit == expected

    @invariant()
    def has_an_index_of_what_it_has(self) -> None:
        entries = self.cache._entries
        assert set().union(*entries.keys_by_mark.values()) == set(entries)
        assert set(entries.held_until) <= set(entries)


def _freshness(known: Known, now: float) -> Freshness | None:
    age_s, rule = now - known.asked_at, known.rule
    spans = (
        (Freshness.FRESH, rule.fresh_s),
        (Freshness.REVALIDATE, rule.stale_while_revalidate_s),
        (Freshness.STALE_IF_ERROR, rule.stale_if_error_s),
    )
    for freshness, span_s in spans:
        if age_s < span_s:
            return Freshness.STALE_IF_ERROR if known.is_distrusted else freshness
        age_s -= span_s
    return None


# up to 4,000 steps of nothing but computing, which took 9 s where others compute too
TestCacheAgainstModel = pytest.mark.timeout(30)(CacheAgainstModel.TestCase)
TestCacheAgainstModel.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
