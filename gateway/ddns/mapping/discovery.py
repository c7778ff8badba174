"""Which of the protocols a router speaks."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gateway.ddns.mapping.method import Failed, Method

GRACE_S: Final = 4.0
"""How long a better protocol is waited for when a lesser one has answered: PCP asks its second time after 3 s."""
PATIENCE_S: Final = 16.0
"""How long any is waited for: six tries of NAT-PMP. Whoever gives up sooner than the RFCs asks again sooner, too."""


@dataclass(frozen=True, slots=True)
class Found:
    """The methods that the router speaks, in the order given, and why not the others."""

    methods: tuple[Method, ...]
    reasons: tuple[str, ...]


async def discover(methods: Sequence[Method], *, grace_s: float = GRACE_S, patience_s: float = PATIENCE_S) -> Found:
    """Probe all at once; return after ``grace_s`` who has answered, or the first who does after that."""
    async with asyncio.TaskGroup() as group:
        probes = {group.create_task(_probe(method)): method for method in methods}
        done, pending = await asyncio.wait(probes, timeout=grace_s) if probes else (set(), set())
        if pending and not any(probe.result() is None for probe in done):
            await _first(pending, patience_s - grace_s)
        for probe in pending:
            probe.cancel()
    outcomes = {method: "no answer" if probe.cancelled() else probe.result() for probe, method in probes.items()}
    return Found(
        tuple(method for method, reason in outcomes.items() if reason is None),
        tuple(f"{method.name}: {reason}" for method, reason in outcomes.items() if reason is not None),
    )


async def _first(pending: set[asyncio.Task[str | None]], timeout_s: float) -> None:
    """Return when one has answered, all have failed, or the time is over."""
    loop = asyncio.get_running_loop()
    ends = loop.time() + timeout_s
    waiting = set(pending)
    while waiting and (left_s := ends - loop.time()) > 0:
        done, waiting = await asyncio.wait(waiting, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
        if any(probe.result() is None for probe in done):
            return


async def _probe(method: Method) -> str | None:
    """Return None when the router answers, else why it cannot be used."""
    try:
        await method.probe()
    except Failed as failed:
        return str(failed)
    return None
