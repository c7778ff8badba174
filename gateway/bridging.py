"""The gateway's end of the bridge, made of its settings: connections, feed, calls, a certificate that renews."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Final

from bridge.client import metrics
from bridge.client.breaker import Breaker, BreakerRule, Change, State
from bridge.client.cache import Cache
from bridge.client.call import BridgeClient
from bridge.client.feed import Feed, FeedListener
from bridge.client.pacing import Pacing, PacingRule
from bridge.client.renewal import RenewalCalls
from bridge.client.retry import RetryRule
from bridge.client.session import SignedSession
from bridge.client.transport import Endpoint, Transport
from bridge.contracts import health as health_contract
from bridge.contracts.operation import CacheRule, Lane
from bridge.pki import Renewal
from bridge.process.clock import Clock
from bridge.process.logs import log
from bridge.tls import ReloadingClientTLS
from gateway.settings import Bridge
from gateway.settings import Cache as CacheSettings

_log: Final = logging.getLogger(__name__)

_SIDE_POOL: Final = 2
"""Connections of the lanes that carry few calls; one of the machine lane is the feed."""


def transports_of(bridge: Bridge, tls: ReloadingClientTLS) -> dict[Lane, Transport]:
    """Return the connections of each lane."""
    endpoint = Endpoint(bridge.host, bridge.port, bridge.server_name)
    return {
        lane: Transport(
            endpoint,
            tls,
            size=bridge.pool_size if lane is Lane.DATA else _SIDE_POOL,
            keepalive_s=bridge.keepalive_s,
            connect_timeout_s=bridge.connect_timeout_s,
            on_connect=lambda reason: metrics.connections(reason).inc(),
        )
        for lane in Lane
    }


def feed_of(
    bridge: Bridge, session: SignedSession, transport: Transport, clock: Clock, listeners: list[FeedListener]
) -> Feed:
    """Return the feed, which tells ``listeners``; more may be added to that list."""
    figures = bridge.feed
    return Feed(
        session=session,
        transport=transport,
        clock=clock,
        listeners=listeners,
        fresh_s=figures.fresh_s,
        silence_max_s=figures.silence_max_s,
        retry_s=figures.retry_s,
        retry_max_s=figures.retry_max_s,
    )


def client_of(
    bridge: Bridge,
    session: SignedSession,
    transports: Mapping[Lane, Transport],
    feed: Feed,
    *,
    clock: Clock,
    tasks: asyncio.TaskGroup,
) -> BridgeClient:
    """Return the client that calls the agent; its flights are ``tasks``."""
    rng = random.Random()  # noqa: S311 - jitter, no secret
    rule = BreakerRule(**bridge.breaker.model_dump())
    return BridgeClient(
        session=session,
        transports=transports,
        breakers={
            lane: Breaker(rule, rng=rng, listeners=(metrics.breaker_listener(lane), _breaker_logger(lane)))
            for lane in Lane
        },
        pacing=Pacing(PacingRule(**bridge.pacing.model_dump()), clock),
        retry=RetryRule(**bridge.retry.model_dump()),
        cache=Cache(bytes_max=bridge.cache.bytes_max, origin_hold_s=bridge.cache.origin_hold_s),
        feed=feed,
        clock=clock,
        tasks=tasks,
        rng=rng,
        cache_rules=dict(cache_rules(bridge.cache)),
    )


def renewal_of(bridge: Bridge, session: SignedSession, tls: ReloadingClientTLS, clock: Clock) -> Renewal:
    """Return what renews this unit's certificate for as long as it runs."""
    ports = [port for port in (bridge.port, bridge.renewal_port) if port is not None]
    endpoints = [Endpoint(bridge.host, port, bridge.server_name) for port in ports]
    calls = RenewalCalls(session, tls, endpoints, clock)
    due = timedelta(days=bridge.renew_due_days)
    return Renewal(bridge.tls_dir, calls.sign, now=calls.now, check_s=bridge.renew_check_s, due=due)


def cache_rules(figures: CacheSettings) -> Iterator[tuple[str, CacheRule]]:
    """Yield how long each operation's answers are kept, by the operation's name."""
    for operation, times in (
        (health_contract.LIST, figures.symptoms_list),
        (health_contract.NAMES, figures.symptoms_names),
        (health_contract.STATS, figures.symptoms_stats),
    ):
        yield operation.name, CacheRule(operation.cache.tags if operation.cache else frozenset(), **times.model_dump())


def _breaker_logger(lane: Lane) -> Callable[[Change], None]:
    def on_change(change: Change) -> None:
        log(
            _log,
            "breaker_changed",
            level=logging.INFO if change.after is State.CLOSED else logging.WARNING,
            lane=lane.value,
            before=change.before.value,
            after=change.after.value,
            calls=change.counters.calls,
            failed=change.counters.failed,
            unreachable=change.counters.unreachable,
            slow=change.counters.slow,
            open_s=round(change.open_s, 3),
        )

    return on_change
