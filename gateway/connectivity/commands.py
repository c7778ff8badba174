"""``python -m gateway monitor serve|status|check``: what can be typed. ``verbs`` does it."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    text = "watch the line and the keep"
    monitor = subparsers.add_parser("monitor", help=text, description=text)
    commands = monitor.add_subparsers(dest="monitor", required=True, metavar="COMMAND")
    for name, text in (
        ("serve", "watch until SIGTERM"),
        ("status", "print what the running monitor sees"),
        ("check", "look at every rung once, now; exit code 1 and the diagnosis where one is broken"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--config", type=Path, metavar="FILE", help="the settings file (TOML)")
        if name != "serve":
            command.add_argument("--json", action="store_true", help="print JSON")
