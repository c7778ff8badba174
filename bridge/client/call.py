"""One call, in order: cache, single flight, breaker, pacing, deadline, signed exchange, retry.

The order and its reasons are in ``docs/architecture.md``, "A call"; every figure is a setting.
"""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol, TypeVar

from pydantic import BaseModel

from bridge.client import metrics
from bridge.client.breaker import Breaker, State, Verdict
from bridge.client.cache import Answer, Cache, Freshness, Hit, Key
from bridge.client.flight import Flights
from bridge.client.pacing import Pacing
from bridge.client.retry import Backoff, RetryBudget, RetryRule
from bridge.client.session import AnswerRefused, Message, SignedAnswer, SignedSession
from bridge.client.transport import ConnectFailed, Transport
from bridge.contracts.operation import CacheRule, Effect, Lane, Operation
from bridge.contracts.system import FeedEvent
from bridge.errors import AppError, Code, Outcome, Unavailable
from bridge.problem import error_from_problem
from bridge.process.clock import Clock
from bridge.process.logs import log

_log: Final = logging.getLogger(__name__)

P = TypeVar("P", bound=BaseModel)
R = TypeVar("R", bound=BaseModel)

_OK: Final = 200
_UNREACHABLE_RETRY_AFTER_S: Final = 2.0
_STALE_MARGIN_S: Final = 0.05
"""Who holds a stale answer stops waiting this long before the deadline, so that it still arrives in time."""

_STALE_MAY_SERVE: Final = frozenset(
    {
        Code.UNREACHABLE, Code.BREAKER_OPEN, Code.TIMEOUT, Code.OVERLOADED, Code.DRAINING, Code.DATABASE_UNAVAILABLE,
        Code.INTERNAL,
    }
)  # fmt: skip
"""Failures that say nothing about the answer or the caller's right to it."""

_AFTER_AUTHORIZATION: Final = frozenset({Code.DATABASE_UNAVAILABLE, Code.INTERNAL})
"""Those of them that the agent tells nobody but a caller whose token it has verified."""


_NOT_AT_ONCE: Final = frozenset({Code.TIMEOUT, Code.OVERLOADED, Code.DRAINING})
"""No time is left, or the agent asked to be left alone for longer than a back-off."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Whose call it is: the access token, and the part of a cache key that tells its holder from everybody else.

    ``scope`` is ``<user>.<session>.<token version>``; both are empty for anonymous and machine calls.
    """

    token: str = ""
    scope: str = ""


class CallContext(NamedTuple):
    """The request that a call serves. ``deadline`` is in seconds of the event loop's clock."""

    request_id: str
    traceparent: str
    deadline: float


class Reply(NamedTuple):
    """An answer as JSON bytes. ``as_of`` is the agent's Unix time (seconds) when it gave it, ``age_s`` since then.

    ``outcome`` is OK, CACHED or STALE; the user is told of the last. ``cache_status`` is an RFC 9211 value.
    """

    body: bytes
    outcome: Outcome
    as_of: float
    age_s: float
    next_cursor: str
    cache_status: str


class FeedState(Protocol):
    @property
    def is_fresh(self) -> bool:
        """Whether what is remembered may be given without asking."""


class BridgeClient:
    """Calls to the agent. A listener of the feed (``bridge.client.feed``), which ends what it remembers.

    ``tasks`` is where flights run; leave it only after the last call. ``transports``, ``breakers``: one for each lane.
    ``cache_rules`` overrides a contract's rule by operation name.
    """

    def __init__(
        self,
        *,
        session: SignedSession,
        transports: Mapping[Lane, Transport],
        breakers: Mapping[Lane, Breaker],
        pacing: Pacing,
        retry: RetryRule,
        cache: Cache,
        feed: FeedState,
        clock: Clock,
        tasks: asyncio.TaskGroup,
        rng: random.Random,
        cache_rules: Mapping[str, CacheRule] | None = None,
    ) -> None:
        self._session = session
        self._transports = transports
        self._breakers = breakers
        self._pacing = pacing
        self._backoff = Backoff(retry)
        self._budget = RetryBudget(retry)
        self._cache = cache
        self._feed = feed
        self._clock = clock
        self._flights: Flights[Reply] = Flights(tasks)
        self._rng = rng
        self._cache_rules = cache_rules or {}

    async def call(
        self,
        operation: Operation[P, R],
        params: P,
        *,
        credentials: Credentials,
        context: CallContext,
        idempotency_key: str = "",
    ) -> Reply:
        """Return the agent's answer to ``operation``, perhaps a remembered one.

        A write is sent with ``idempotency_key``, or a random one that all its attempts share. Raises AppError: what
        the agent refused it with, or Unavailable (``unreachable``, ``breaker_open``, ``timeout``), or Busy.
        """
        started = self._clock.monotonic()
        if operation.effect is Effect.WRITE and not operation.issues_tokens:
            idempotency_key = idempotency_key or secrets.token_urlsafe(16)
        call = _Call(
            operation,
            params.__pydantic_serializer__.to_json(params),
            credentials,
            context,
            idempotency_key,
            min(context.deadline, asyncio.get_running_loop().time() + operation.deadline_ms / 1000),
        )
        # an answer that belongs to nobody is kept for nobody
        rule = self._cache_rules.get(operation.name, operation.cache) if credentials.scope else None
        try:
            reply = await (self._ask(call) if rule is None else self._remember_or_ask(call, rule))
        except AppError as error:
            metrics.request_duration_s(operation.name, error.code.outcome).observe(self._clock.monotonic() - started)
            raise
        metrics.request_duration_s(operation.name, reply.outcome).observe(self._clock.monotonic() - started)
        return reply

    @property
    def in_flight(self) -> int:
        """How many questions for remembered answers are on their way."""
        return len(self._flights)

    @property
    def breaker_states(self) -> Mapping[Lane, State]:
        """How each lane's breaker stood at its last call."""
        return {lane: breaker.state for lane, breaker in self._breakers.items()}

    @property
    def cache_bytes(self) -> int:
        return self._cache.size_bytes

    @property
    def cache_entries(self) -> int:
        return len(self._cache)

    async def close(self) -> None:
        """Give up what is on its way and close every connection."""
        self._flights.cancel()
        for transport in self._transports.values():
            await transport.close()

    def close_idle(self) -> None:
        """Close connections that were idle for long. Call it now and then."""
        for transport in self._transports.values():
            transport.close_idle()

    # a listener of the feed

    def on_feed_event(self, event: FeedEvent) -> None:
        if event.tags:
            self._cache.invalidate_tags(event.tags)
        if event.users:
            self._cache.invalidate_users(event.users)
        if event.sessions:
            self._cache.invalidate_sessions(event.sessions)

    def on_feed_gap(self) -> None:
        self._cache.distrust()
        for breaker in self._breakers.values():
            breaker.probe_soon(self._clock.monotonic())

    # cache and single flight

    async def _remember_or_ask(self, call: _Call, rule: CacheRule) -> Reply:
        key = Key(call.credentials.scope, call.operation.name, call.body)
        hit = self._cache.lookup(key, self._clock.monotonic())
        if hit is None:
            return await self._ask_together(key, call, rule, call.deadline)
        if hit.freshness is not Freshness.STALE_IF_ERROR and self._feed.is_fresh:
            if hit.freshness is Freshness.REVALIDATE and not hit.is_held:
                self._flights.start_in_background(
                    (key, self._cache.generation), lambda: self._ask_and_keep(key, call, rule)
                )
            metrics.cache_requests(hit.freshness.value).inc()
            return _remembered_reply(hit, rule, Outcome.CACHED)
        # the feed came back, but not what it would have said meanwhile: is this person still let in?
        is_doubtful = self._feed.is_fresh and not hit.is_trusted
        if is_doubtful or not hit.is_held:
            try:
                return await self._ask_together(key, call, rule, call.deadline - _STALE_MARGIN_S)
            except AppError as error:
                if error.code not in _STALE_MAY_SERVE:
                    self._cache.discard(key)
                    raise
                if is_doubtful and error.code not in _AFTER_AUTHORIZATION:
                    raise
                self._cache.hold_origin(key, self._clock.monotonic())
        metrics.cache_requests("stale").inc()
        return _remembered_reply(hit, rule, Outcome.STALE)

    async def _ask_together(self, key: Key, call: _Call, rule: CacheRule, deadline: float) -> Reply:
        flight = (key, self._cache.generation)
        metrics.cache_requests("shared" if flight in self._flights else "miss").inc()
        return await self._flights.share(flight, lambda: self._ask_and_keep(key, call, rule), deadline)

    async def _ask_and_keep(self, key: Key, call: _Call, rule: CacheRule) -> Reply:
        fetch = self._cache.begin(self._clock.monotonic())
        reply = await self._ask(call)
        self._cache.store(key, Answer(reply.body, reply.next_cursor, reply.as_of), rule, fetch)
        metrics.CACHE_BYTES.set(self._cache.size_bytes)
        return reply

    # retry

    async def _ask(self, call: _Call) -> Reply:
        loop_time = asyncio.get_running_loop().time
        self._budget.count_call(self._clock.monotonic())
        attempt = 0
        while True:
            attempt += 1
            try:
                answer = await self._attempt(call)
            except _AttemptFailed as failure:
                delay_s = self._backoff.delay_s(attempt, self._rng) if failure.may_retry else None
                if delay_s is None or loop_time() + delay_s >= call.deadline or not self._may_spend():
                    raise failure.error from failure.error.__cause__
                await asyncio.sleep(delay_s)
            else:
                if answer.audit_head:  # into the journal here, where nobody who can cut the trail gets to
                    log(_log, "audit_head_seen", request_id=call.context.request_id, head=answer.audit_head)
                return Reply(answer.body, Outcome.OK, answer.created, 0.0, answer.next_cursor, "drawbridge; fwd=miss")
            finally:
                if call.operation.invalidates:  # failed or not: a write whose answer was lost may have been applied
                    self._cache.invalidate_tags(call.operation.invalidates)

    def _may_spend(self) -> bool:
        if self._budget.spend(self._clock.monotonic()):
            metrics.RETRIES.inc()
            return True
        metrics.RETRY_BUDGET_EXHAUSTED.inc()
        return False

    # breaker and pacing, then the exchange by its deadline

    async def _attempt(self, call: _Call) -> SignedAnswer:
        """Ask once. Raises _AttemptFailed where it says something of the agent, other AppErrors where it does not."""
        lane = call.operation.lane
        breaker = self._breakers[lane]
        loop_time = asyncio.get_running_loop().time
        with breaker.acquire(self._clock.monotonic()) as permit:
            if permit.is_probe:
                metrics.breaker_probes(lane).inc()
            await self._pacing.turn(call.deadline)
            started = loop_time()
            verdict, failure = Verdict.SUCCESS, None
            answer: SignedAnswer | None = None
            try:
                answer = await self._exchange(call, call.deadline - started)
            except _AttemptFailed as raised:
                verdict, failure = raised.verdict, raised
            duration_s = loop_time() - started
            is_slow = breaker.rule.is_slow(duration_s, call.operation.deadline_ms / 1000)
            permit.record(verdict, self._clock.monotonic(), is_slow=is_slow)
        if answer is not None:
            return answer
        assert failure is not None  # noqa: S101 - an attempt that gave no answer failed
        self._report(call, failure, duration_s)
        raise failure

    async def _exchange(self, call: _Call, remaining_s: float) -> SignedAnswer:
        """Return the agent's result, by the deadline. Raises AppError for what is the caller's own doing."""
        try:
            async with asyncio.timeout_at(call.deadline):
                answer = await self._session.exchange(
                    self._transports[call.operation.lane], call.message(deadline_ms=max(1, int(remaining_s * 1000)))
                )
        except TimeoutError:
            # who came with little time left has no complaint about the agent
            had_time = remaining_s * 1000 >= call.operation.deadline_ms / 2
            verdict = Verdict.FAILURE if had_time else Verdict.NEUTRAL
            raise _AttemptFailed(Unavailable(Code.TIMEOUT, retry_after_s=1.0), verdict, may_retry=False) from None
        except ConnectionError as cause:  # connect failed or lost, protocol broken, answer refused
            error = Unavailable(Code.UNREACHABLE, retry_after_s=_UNREACHABLE_RETRY_AFTER_S)
            error.__cause__ = cause
            may_retry = call.operation.is_idempotent or isinstance(cause, ConnectFailed)
            raise _AttemptFailed(error, Verdict.UNREACHABLE, may_retry=may_retry) from cause
        if answer.status == _OK:
            return answer
        refusal = error_from_problem(answer.body) or AppError(Code.INTERNAL)
        if _is_failure(refusal):
            may_retry = call.operation.is_idempotent and refusal.code not in _NOT_AT_ONCE
            raise _AttemptFailed(refusal, Verdict.FAILURE, may_retry=may_retry)
        raise refusal

    def _report(self, call: _Call, failure: _AttemptFailed, duration_s: float) -> None:
        cause = failure.error.__cause__
        log(
            _log,
            "bridge_attempt_failed",
            level=logging.WARNING,
            request_id=call.context.request_id,
            operation=call.operation.name,
            duration_ms=round(duration_s * 1000, 2),
            outcome=failure.error.code.outcome.value,
            error_code=failure.error.code.wire,
            step=cause.step.value if isinstance(cause, AnswerRefused) else None,
            cause=f"{type(cause).__name__}: {cause}" if cause else None,
        )


class _Call(NamedTuple):
    """One call on its way; ``deadline`` (event loop's clock) is the nearer of the request's and the operation's."""

    operation: Operation[Any, Any]
    body: bytes
    credentials: Credentials
    context: CallContext
    idempotency_key: str
    deadline: float

    def message(self, deadline_ms: int) -> Message:
        return Message(
            operation=self.operation.name,
            body=self.body,
            authorization=f"Bearer {self.credentials.token}" if self.credentials.token else "",
            deadline_ms=deadline_ms,
            idempotency_key=self.idempotency_key,
            traceparent=self.context.traceparent,
        )


class _AttemptFailed(Exception):
    """The agent could not be asked, or could not answer."""

    def __init__(self, error: AppError, verdict: Verdict, *, may_retry: bool) -> None:
        super().__init__(error)
        self.error = error
        self.verdict = verdict
        self.may_retry = may_retry


def _is_failure(refusal: AppError) -> bool:
    """Tell a failing agent from a caller's mistake (4xx), and from one that is well: it reads from a full disk, say."""
    is_well = refusal.code in {Code.APP_DISABLED, Code.PROVIDER_UNAVAILABLE, Code.STORAGE_FULL}
    return refusal.code.status >= Code.INTERNAL.status and not is_well


def _remembered_reply(hit: Hit, rule: CacheRule, outcome: Outcome) -> Reply:
    ttl_s = int(rule.fresh_s - hit.age_s)
    return Reply(
        hit.answer.body, outcome, hit.answer.as_of, hit.age_s, hit.answer.next_cursor, f"drawbridge; hit; ttl={ttl_s}"
    )
