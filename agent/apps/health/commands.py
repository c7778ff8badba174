"""``python -m agent schema …``: the mapping, drafted and proved."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from agent.apps.health.schema import run_check, run_inspect
from agent.command_line import CommandError, Commands, add, group
from agent.settings import AgentSettings


def add_commands(commands: Commands) -> None:
    schema = group(commands, "schema", "the existing database's tables")
    inspect = add(schema, "inspect", schema_inspect)
    inspect.add_argument(
        "--table",
        default="",
        metavar="SCHEMA.NAME",
        help="the table or view with the records, where the guess is wrong",
    )
    check = add(schema, "check", schema_check)
    check.add_argument("--mapping", type=Path, metavar="FILE", help="another mapping than the settings name")


async def schema_inspect(settings: AgentSettings, options: argparse.Namespace) -> int:
    """Draft a mapping from what the existing database looks like; on standard output."""
    return await run_inspect(_source_dsn(settings), table=options.table, out=sys.stdout)


async def schema_check(settings: AgentSettings, options: argparse.Namespace) -> int:
    """Prove a mapping against the existing database, reading only."""
    return await run_check(_source_dsn(settings), options.mapping or settings.source.mapping, out=sys.stdout)


def _source_dsn(settings: AgentSettings) -> str:
    if settings.source.dsn is None:
        msg = "source.dsn is not set"
        raise CommandError(msg)
    return settings.source.dsn.get_secret_value()
