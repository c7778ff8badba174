"""``python -m gateway ddns serve|status|update|check|ports``: what can be typed. ``verbs`` does it."""

from __future__ import annotations

import argparse
from pathlib import Path

from gateway.ddns.mapping.commands import add_ports_parser


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``ddns`` and its verbs to ``subparsers``."""
    text = "keep public names at this box's address"
    verbs = subparsers.add_parser("ddns", help=text, description=text).add_subparsers(
        dest="verb", required=True, metavar="VERB"
    )
    config = argparse.ArgumentParser(add_help=False)
    config.add_argument("--config", type=Path, metavar="FILE", help="the settings file (TOML)")
    text = "update the names until SIGTERM"
    verbs.add_parser("serve", parents=[config], help=text, description=text)
    text = "print how addresses and names stand"
    status = verbs.add_parser("status", parents=[config], help=text, description=text)
    status.add_argument("--json", action="store_true", help="print the snapshot as it is")
    text = "have the running service update a name at once, or all that are not blocked"
    update = verbs.add_parser("update", parents=[config], help=text, description=text)
    update.add_argument("name", nargs="?", metavar="NAME", help="the name, which may be blocked")
    update.add_argument("--yes", action="store_true", help="do not ask before a blocked name is tried again")
    text = "say whether everything that an update needs is there; changes nothing"
    verbs.add_parser("check", parents=[config], help=text, description=text)
    ports = add_ports_parser(verbs)
    ports.add_argument("--config", type=Path, metavar="FILE", help="the settings file (TOML)")


def run(options: argparse.Namespace) -> int:
    """Carry out the verb, and return the exit code."""
    from gateway.ddns import verbs  # noqa: PLC0415 - pyroute2 and dnspython take 20 MB, which no other command shall pay

    return verbs.run(options)
