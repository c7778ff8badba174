"""``python -m gateway alerts list|test``: what can be typed. ``verbs`` does it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

STATUS: Final = Path("/run/drawbridge/monitor/status.json")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    text = "what an administrator was told, and whether it would arrive"
    parser = subparsers.add_parser("alerts", help=text, description=text)
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    text = "list the newest alerts, and when each channel took them"
    listing = actions.add_parser("list", help=text, description=text)
    listing.add_argument("--json", action="store_true", help="as JSON, whole")
    listing.add_argument("--status", type=Path, default=STATUS, metavar="FILE", help="the monitor's status file")
    text = "send a test message now, and print each channel's answer"
    test = actions.add_parser("test", help=text, description=text)
    test.add_argument("--channel", choices=("email", "webhook"), help="this channel alone")
    for one in (listing, test):
        one.add_argument("--config", type=Path, metavar="FILE", help="the settings file (TOML)")
