"""``python -m agent grants …``, ``sessions …`` and ``tokens …``: what accounts reach, and for how long."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from agent.accounts.commands import account, open_users
from agent.accounts.token_keys import TokenKeys
from agent.command_line import CLOCK, Commands, add, deadline, group, listed, say, show
from agent.settings import AgentSettings
from bridge.process.clock import utc


def add_commands(commands: Commands, apps: Sequence[str]) -> None:
    """Add them; a link is to one of ``apps``."""
    app = argparse.ArgumentParser(add_help=False)
    app.add_argument("--app", default="health", choices=apps, help="which app (default: health)")
    grants = group(commands, "grants", "whose records an account sees")
    grant = add(grants, "add", grants_add, account(), app)
    grant.add_argument("--person", help="the value of the mapping's person column; none where there is one person")
    add(grants, "remove", grants_remove, account(), app)
    add(grants, "list", grants_list, listed())

    end = add(group(commands, "sessions", "who is signed in"), "end", sessions_end)
    end.add_argument("--all", action="store_true", required=True, help="every one of them")

    add(group(commands, "tokens", "the keys that access tokens are signed with"), "rotate", tokens_rotate)


async def grants_add(settings: AgentSettings, options: argparse.Namespace) -> int:
    """Link an account to a person's records, in place of the link it had."""
    async with open_users(settings) as users:
        await users.add_grant(options.email, options.app, options.person, deadline=deadline())
    say(f"{options.email} sees {options.person or 'the one person there is'} in {options.app}")
    return 0


async def grants_remove(settings: AgentSettings, options: argparse.Namespace) -> int:
    """Take an account's link away."""
    async with open_users(settings) as users:
        await users.remove_grant(options.email, options.app, deadline=deadline())
    say(f"{options.email} sees nobody in {options.app}")
    return 0


async def grants_list(settings: AgentSettings, options: argparse.Namespace) -> int:
    """Show every link."""
    async with open_users(settings) as users:
        rows = [row.model_dump(mode="json") for row in await users.every_grant(deadline=deadline())]
    show(rows, as_json=options.json)
    return 0


async def sessions_end(settings: AgentSettings, _options: argparse.Namespace) -> int:
    """End every session, within a second, and every link that lies in a mailbox; everybody has to sign in again."""
    async with open_users(settings) as users:
        ended = await users.end_every_session(utc(CLOCK.time()), deadline=deadline())
    say(f"ended {ended} sessions")
    return 0


async def tokens_rotate(settings: AgentSettings, _options: argparse.Namespace) -> int:
    """Make a new signing key; a running agent takes it over, and tokens of the old one stay good."""
    keys = TokenKeys(settings.tokens)
    now = CLOCK.time()
    keys.load(now)
    say(f"made {keys.rotate(now).kid}, which signs in {settings.tokens.lead_s:.0f} s")
    return 0
