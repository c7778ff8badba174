"""``python -m gateway relay serve``: the process, as ``gateway-relay.service`` starts it."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
from typing import Final

from bridge.process import logs, notify
from bridge.process.clock import SystemClock
from bridge.process.logs import log
from bridge.process.settings import EXIT_CONFIG, SettingsError, load
from gateway.relay.relay import Relay
from gateway.settings import PREFIX, GatewaySettings

_log: Final = logging.getLogger(__name__)


def run(options: argparse.Namespace) -> int:
    """Carry out the verb, and return the exit code."""
    try:
        settings = load(GatewaySettings, options.config, prefix=PREFIX)
        if not settings.relay.clients or not settings.relay.allow:
            msg = "relay.clients and relay.allow: without both it would lead nobody anywhere"
            raise SettingsError(msg)  # noqa: TRY301 - one way out for what cannot be used
    except (SettingsError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_CONFIG
    logs.configure(host=settings.log.host, app="relay", level=settings.log.level)
    try:
        asyncio.run(_serve(Relay(settings.relay, SystemClock())))
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


async def _serve(relay: Relay) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    server = await relay.start()
    async with asyncio.TaskGroup() as tasks:
        beating = tasks.create_task(_beat(server))
        log(_log, "relay_started", port=server.sockets[0].getsockname()[1])
        notify.notify(notify.READY)
        await stopping.wait()
        notify.notify(notify.STOPPING)
        server.close()
        relay.cut()
        beating.cancel()


async def _beat(server: asyncio.Server) -> None:
    """Feed systemd's watchdog: this loop turns, and it listens. No server outside has a part in it."""
    interval_s = notify.watchdog_interval_s()
    while interval_s is not None and server.is_serving():
        notify.notify(notify.WATCHDOG)
        await asyncio.sleep(interval_s)
