"""How fast the audit trail is verified: every hash, and every payload's digest, of a hundred thousand entries."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

import asyncpg

from agent.audit import LINKS, verify
from agent.db.pools import Pool, PoolOptions
from agent.db.queries import Parameter, Query
from bridge.process.clock import SystemClock
from demo.bench.stage import Stage

ENTRIES: Final = 100_000
_ROUNDS: Final = 5
_AT_ONCE: Final = 2_000
"""Entries of one statement: the agent's role has no time for more."""
_STATEMENT_S: Final = 120.0

_FILL: Final = Query(
    "bench.fill",
    """
    INSERT INTO audit (at, actor, user_id, session_id, operation, outcome, entity, entity_id, subject_id, request_id,
                       payload_digest, salt, payload)
    SELECT now(), 'user', id, id, 'accounts.sign_in', 'done', 'session', id::text, id, md5(payload),
           sha256(salt || convert_to(payload, 'UTF8')), salt, payload
    FROM (
        SELECT gen_random_uuid() AS id, sha256(convert_to(number::text, 'UTF8')) AS salt,
               json_build_object('new', json_build_object('address', number))::text AS payload
        FROM generate_series(1, $1::bigint) AS number
    ) AS made
    """,
    "Some sign-ins.",
    (Parameter("count", "bigint"),),
)


@dataclass(frozen=True, slots=True)
class Trail:
    """Entries verified in a second: the median of some rounds, the least and the most."""

    entries: int
    per_s: float
    least_per_s: float
    most_per_s: float


def trail(stage: Stage, say: Callable[[str], None]) -> Trail:
    """Fill the store's trail and verify it, in this process, as ``agent audit verify`` does."""
    say(f"verifying {ENTRIES:,} audit entries")
    stage.stop(stage.gateway("gateway", {}))  # which is ready once the store has its tables
    return asyncio.run(_measure(stage.logins.agent))


async def _measure(dsn: str) -> Trail:
    clock = SystemClock()
    pool = Pool(PoolOptions("bench", dsn, size=1, slow_query_ms=60_000), clock)

    async def fetch(after: int, count: int) -> Sequence[asyncpg.Record]:
        return await pool.fetch(LINKS, after, count, deadline=clock.monotonic() + _STATEMENT_S)

    try:
        for _ in range((await verify(fetch)).head.number, ENTRIES, _AT_ONCE):
            await pool.execute(_FILL, _AT_ONCE, deadline=clock.monotonic() + _STATEMENT_S)
        found = (await verify(fetch)).head.number
        rates = []
        for _ in range(_ROUNDS):
            started = clock.monotonic()
            await verify(fetch)
            rates.append(found / (clock.monotonic() - started))
    finally:
        await pool.close(clock.monotonic() + _STATEMENT_S)
    return Trail(found, round(median(rates)), round(min(rates)), round(max(rates)))
