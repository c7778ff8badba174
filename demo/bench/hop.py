"""What the bridge adds: one caller, one call at a time, through the bridge and straight to PostgreSQL by turns.

Call by call: PostgreSQL answers the same query half as fast after a millisecond of something else, so each way must
find it as the other does.

A process of its own (``python -m demo.bench.hop``): what it needs as JSON on standard input, a result on standard
output. Each call of the bridge is whole: pacing, breaker, signatures, mTLS, the agent's checks; only the gateway's
cache and its web side are left out.
"""

from __future__ import annotations

import asyncio
import json
import random
import secrets
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import uvloop
from pydantic import TypeAdapter

from bridge.client.breaker import Breaker, BreakerRule
from bridge.client.cache import Cache
from bridge.client.call import BridgeClient, CallContext, Credentials
from bridge.client.pacing import Pacing, PacingRule
from bridge.client.retry import RetryRule
from bridge.client.session import SignedSession
from bridge.client.transport import Endpoint, Transport
from bridge.contracts.health import LIST, ListSymptoms
from bridge.contracts.operation import CacheRule, Lane
from bridge.keys import KeyStore
from bridge.process.clock import SystemClock
from bridge.tls import ReloadingClientTLS
from demo.bench import floors
from demo.bench.load import Latencies
from demo.databases import MAPPING

_WARM_CALLS: Final = 100
_CALLS: Final = 2_000
_DEADLINE_S: Final = 2.0
_SERVER_NAME: Final = "agent.drawbridge.internal"


@dataclass(frozen=True, slots=True)
class Setting:
    host: str
    port: int
    gateway_folder: Path
    token: str
    dsn: str
    person: str


@dataclass(frozen=True, slots=True)
class Hop:
    """The two ways to the same answer."""

    direct: Latencies
    bridge: Latencies

    @property
    def added_p50_ms(self) -> float:
        return round(self.bridge.p50_ms - self.direct.p50_ms, 3)


class _AlwaysFresh:
    is_fresh = True


def _client(setting: Setting, tasks: asyncio.TaskGroup, clock: SystemClock) -> BridgeClient:
    keys, tls = KeyStore(setting.gateway_folder / "keys"), ReloadingClientTLS(setting.gateway_folder / "tls")
    endpoint = Endpoint(setting.host, setting.port, _SERVER_NAME)
    rng = random.Random()
    return BridgeClient(
        session=SignedSession(authority=_SERVER_NAME, keys=keys, clock=clock),
        transports={lane: Transport(endpoint, tls) for lane in Lane},
        breakers={lane: Breaker(BreakerRule(), rng=rng) for lane in Lane},
        pacing=Pacing(PacingRule(calls_per_s=100_000, burst=10_000), clock),
        retry=RetryRule(),
        cache=Cache(),
        feed=_AlwaysFresh(),
        clock=clock,
        tasks=tasks,
        rng=rng,
        cache_rules={
            LIST.name: CacheRule(frozenset(), fresh_s=0.0, stale_while_revalidate_s=0.0, stale_if_error_s=0.0)
        },
    )


async def measure(setting: Setting) -> Hop:
    clock = SystemClock()
    loop = asyncio.get_running_loop()
    connection = await floors.connect(setting.dsn)
    statement = await floors.page_statement(connection, MAPPING)
    credentials = Credentials(setting.token, "bench")
    params = ListSymptoms(limit=floors.LIMIT)
    times: dict[str, list[float]] = {"direct": [], "bridge": []}
    async with asyncio.TaskGroup() as tasks:
        client = _client(setting, tasks, clock)

        async def through_bridge() -> None:
            trace = secrets.token_hex(16)
            context = CallContext(trace, f"00-{trace}-{trace[:16]}-00", loop.time() + _DEADLINE_S)
            await client.call(LIST, params, credentials=credentials, context=context)

        async def straight() -> None:
            await floors.page(statement, setting.person)

        for number in range(_WARM_CALLS + _CALLS):
            for name, call in (("direct", straight), ("bridge", through_bridge)):
                started = clock.monotonic()
                await call()
                if number >= _WARM_CALLS:
                    times[name].append(clock.monotonic() - started)
        await client.close()
    await connection.close()
    return Hop(Latencies.of(times["direct"]), Latencies.of(times["bridge"]))


def main() -> int:
    setting = TypeAdapter(Setting).validate_json(sys.stdin.read())
    sys.stdout.write(json.dumps(asdict(uvloop.run(measure(setting)))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
