"""``python -m gateway …``: the service on the RPI4, and what its owner does by hand.

Exit codes: 0 done; 1 it could not be done, with one line why; 78 (EX_CONFIG) the settings cannot be used.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import uvloop

from bridge.keys import KeysRefused
from bridge.process import logs
from bridge.process.clock import SystemClock
from bridge.process.settings import EXIT_CONFIG, SettingsError, load
from bridge.tls import TLSRefused
from gateway.alerts import commands as alerts
from gateway.app import Gateway
from gateway.apps.health.chat import understand
from gateway.settings import PREFIX, GatewaySettings
from gateway.web.assets import Assets
from gateway.web.listen import CannotListen


async def _serve(gateway: Gateway) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    await gateway.run(stopping)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m gateway", description="The door: what browsers talk to.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text in (
        ("serve", "serve browsers until SIGTERM"),
        ("check-config", "say whether the settings, keys and certificates can be used, and end"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--config", type=Path, metavar="FILE", help="the settings file (TOML)")
    text = "write style sheets, scripts and icons into a folder, under the names that pages ask for"
    assets = commands.add_parser("assets", help=text, description=text)
    assets.add_argument("folder", type=Path, metavar="DIR", help="where nginx serves /static from")
    text = "read questions (one JSON object a line) and write what was understood"
    commands.add_parser("understand", help=text, description=text)
    alerts.add_parser(commands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:  # noqa: PLR0911 - each command has its own way out
    options = _parser().parse_args(arguments)
    if options.command == "understand":
        understand.run(sys.stdin, sys.stdout, SystemClock())
        return 0
    if options.command == "assets":
        Assets().write_to(options.folder)
        return 0
    try:
        settings = load(GatewaySettings, options.config, prefix=PREFIX)
        if options.command == "alerts":
            return alerts.run(options, settings.alerts.revealed())
        logs.configure(host=settings.log.host, app="gateway", level=settings.log.level)
        gateway = Gateway(settings)
    except (SettingsError, KeysRefused, TLSRefused, OSError) as error:  # OSError: a web certificate that is no good
        print(error, file=sys.stderr)
        return EXIT_CONFIG
    if options.command == "check-config":
        print("The settings can be used.")
        return 0
    try:
        uvloop.run(_serve(gateway))
    except CannotListen as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
