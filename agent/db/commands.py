"""``python -m agent migrate``, and the store for the commands of others."""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from agent.command_line import CLOCK, CommandError, Commands, add, deadline, say
from agent.db.migrate import migrate
from agent.db.pools import Pool, PoolOptions
from agent.settings import AgentSettings


def add_commands(commands: Commands) -> None:
    add(commands, "migrate", migrate_store)


async def migrate_store(settings: AgentSettings, _options: argparse.Namespace) -> int:
    """Bring the store's tables to this version."""
    if settings.store.owner_dsn is None:
        msg = "store.owner_dsn is not set, and only the tables' owner can change them"
        raise CommandError(msg)
    applied = await migrate(settings.store.owner_dsn.get_secret_value(), agent_role=settings.store.agent_role)
    for migration in applied:
        say(f"applied {migration.number:04} {migration.name}")
    if not applied:
        say("the store is up to date")
    return 0


@asynccontextmanager
async def open_store(settings: AgentSettings, *, is_read_only: bool = False) -> AsyncIterator[Pool]:
    """Give the store, over one connection."""
    dsn = settings.store.dsn.get_secret_value()
    pool = Pool(PoolOptions("command", dsn, size=1, is_read_only=is_read_only), CLOCK)
    try:
        yield pool
    finally:
        await pool.close(deadline())
