"""Run a keeper with the settings of the first argument until SIGTERM; after each round, a line of what it knows."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from typing import Any

from bridge.process.clock import SystemClock
from gateway.ddns.mapping.keeper import Keeper
from gateway.ddns.mapping.start import keeper
from gateway.settings.ddns import Mapping


async def main(settings: Mapping) -> None:
    made: list[Keeper] = []

    def changed() -> None:
        router = made[0].router
        known: dict[str, Any] = {"mappings": [status.as_json() for status in made[0].statuses()]}
        known["router"] = [str(router.external_ipv4()), router.method, router.reason]
        print(json.dumps(known), flush=True)  # noqa: T201 - that is what it is for

    made.append(keeper(settings, SystemClock(), changed=changed))
    running = asyncio.current_task()
    assert running is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await made[0].run()


if __name__ == "__main__":
    asyncio.run(main(Mapping.model_validate(json.loads(sys.argv[1]))))
