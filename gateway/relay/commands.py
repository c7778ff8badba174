"""``python -m gateway relay serve``: what can be typed. ``verbs`` does it."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``relay`` and its verb to ``subparsers``."""
    text = "lead the keep to the servers that it may speak to"
    verbs = subparsers.add_parser("relay", help=text, description=text).add_subparsers(
        dest="verb", required=True, metavar="VERB"
    )
    text = "do so until SIGTERM"
    serve = verbs.add_parser("serve", help=text, description=text)
    serve.add_argument("--config", type=Path, metavar="FILE", help="the settings file (TOML)")


def run(options: argparse.Namespace) -> int:
    """Carry out the verb, and return the exit code."""
    from gateway.relay import verbs  # noqa: PLC0415 - other commands need not pay for asyncio and pydantic

    return verbs.run(options)
