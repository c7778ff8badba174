"""``python -m gateway ddns ports``: what can be typed. ``verbs`` does it."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_ports_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add ``ports`` to the commands of ``ddns``, and return its parser for what all of these take."""
    text = "say which ports the router maps to this host, and why not"
    parser = commands.add_parser("ports", help=text, description=text)
    parser.add_argument("--json", action="store_true", help="as JSON, as in the status file")
    parser.add_argument("--check", action="store_true", help="ask the router now, and map what is not mapped")
    parser.add_argument("--status", type=Path, metavar="FILE", help="what the service wrote (ddns.status_path)")
    return parser
