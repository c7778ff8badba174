"""``python -m gateway …``: the service on the RPI4, and what its owner does by hand.

Exit codes: 0 done; 1 it could not be done, with one line why; 78 (EX_CONFIG) the settings cannot be used.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from gateway.alerts import commands as alerts
from gateway.connectivity import commands as monitor
from gateway.ddns import commands as ddns
from gateway.relay import commands as relay
from gateway.status import commands as status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m gateway", description="The door: what browsers talk to.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text in (
        ("serve", "serve browsers until SIGTERM"),
        ("check-config", "say whether the settings, keys and certificates can be used, and end"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--config", type=Path, metavar="FILE", help="the settings file (TOML)")
        if name == "check-config":
            command.add_argument("--settings-only", action="store_true", help="not the keys and certificates they name")
    text = "write style sheets, scripts and icons into a folder, under the names that pages ask for"
    assets = commands.add_parser("assets", help=text, description=text)
    assets.add_argument("folder", type=Path, metavar="DIR", help="where nginx serves /static from")
    text = "read questions (one JSON object a line) and write what was understood"
    commands.add_parser("understand", help=text, description=text)
    alerts.add_parser(commands)
    monitor.add_parser(commands)
    ddns.add_parser(commands)
    relay.add_parser(commands)
    status.add_parser(commands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    match options.command:
        case status.COMMAND:
            return status.run(options)
        case "ddns":
            return ddns.run(options)
        case "relay":
            return relay.run(options)
        case "monitor" | "alerts":
            from gateway import watching  # noqa: PLC0415 - each command pays for what it imports, in time and memory

            return watching.run(options)
        case _:
            from gateway import service  # noqa: PLC0415 - most of a second, two on a Pi, that a look need not wait for

            return service.run(options)


if __name__ == "__main__":
    sys.exit(main())
