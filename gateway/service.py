"""The commands of ``python -m gateway`` that need the whole service: serve, check-config, assets, understand."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys

import uvloop

from bridge.keys import KeysRefused
from bridge.process import logs
from bridge.process.clock import SystemClock
from bridge.process.settings import EXIT_CONFIG, SettingsError, load
from bridge.tls import TLSRefused
from gateway.apps.health.chat import understand
from gateway.serving import Gateway
from gateway.settings import PREFIX, GatewaySettings
from gateway.web.assets import Assets
from gateway.web.listen import CannotListen


def run(options: argparse.Namespace) -> int:
    """Carry out the command, and return the exit code."""
    match options.command:
        case "understand":
            understand.run(sys.stdin, sys.stdout, SystemClock())
            return 0
        case "assets":
            Assets().write_to(options.folder)
            return 0
        case _:
            return _serve_or_check(options)


def _serve_or_check(options: argparse.Namespace) -> int:
    try:
        settings = load(GatewaySettings, options.config, prefix=PREFIX)
        if options.command == "check-config" and options.settings_only:
            sys.stdout.write("The settings can be used.\n")
            return 0
        logs.configure(host=settings.log.host, app="gateway", level=settings.log.level)
        gateway = Gateway(settings)
        gateway.check()
    except (SettingsError, KeysRefused, TLSRefused, OSError) as error:  # OSError: a web certificate that is no good
        sys.stderr.write(f"{error}\n")
        return EXIT_CONFIG
    if options.command == "check-config":
        sys.stdout.write("The settings can be used.\n")
        return 0
    try:
        uvloop.run(_serve(gateway))
    except CannotListen as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


async def _serve(gateway: Gateway) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    await gateway.run(stopping)
