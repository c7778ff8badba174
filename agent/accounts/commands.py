"""``python -m agent users …`` for what an administrator can do on the website too, for the owner at the keep."""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from agent.accounts.letters import Letters
from agent.accounts.passwords import Passwords
from agent.accounts.users import Users
from agent.db.pools import Pool, PoolOptions
from agent.mail.outbox import Outbox
from agent.settings import AgentSettings
from bridge.contracts.joining import Invite
from bridge.contracts.operation import Role
from bridge.process.clock import SystemClock

COMMAND_S: Final = 30.0
"""How long a command may take on the store, seconds."""

_CLOCK: Final = SystemClock()


def deadline() -> float:
    """Return until when a command that begins now may take."""
    return _CLOCK.monotonic() + COMMAND_S


@asynccontextmanager
async def open_users(settings: AgentSettings) -> AsyncIterator[Users]:
    """Give the accounts of the store, over one connection."""
    pool = Pool(PoolOptions("command", settings.store.dsn.get_secret_value(), size=1), _CLOCK)
    passwords = Passwords(settings.passwords)
    try:
        yield Users(pool, passwords, _CLOCK)
    finally:
        passwords.close()
        await pool.close(deadline())


async def users_role(settings: AgentSettings, options: argparse.Namespace) -> int:
    """Give an account another role; its access tokens end within a second, its sessions go on with the new one."""
    async with open_users(settings) as users:
        await users.set_role(options.email, options.role, deadline=deadline())
    _say(f"{options.email} is {options.role}")
    return 0


async def users_unlock(settings: AgentSettings, options: argparse.Namespace) -> int:
    """Forget the sign-ins and mails that were counted for an account, so that its owner need not wait."""
    async with open_users(settings) as users:
        await users.unlock(options.email, deadline=deadline())
    _say(f"unlocked {options.email}")
    return 0


async def users_sign_out(settings: AgentSettings, options: argparse.Namespace) -> int:
    """Sign an account out everywhere, within a second."""
    async with open_users(settings) as users:
        ended = await users.sign_out(options.email, deadline=deadline())
    _say(f"ended {ended} sessions of {options.email}")
    return 0


async def users_delete(settings: AgentSettings, options: argparse.Namespace) -> int:
    """Delete an account with all that the store has of it; the audit trail keeps what was done."""
    async with open_users(settings) as users:
        await users.delete(options.email, deadline=deadline())
    _say(f"deleted {options.email}")
    return 0


async def users_invite(settings: AgentSettings, options: argparse.Namespace) -> int:
    """Mail somebody a link with which they make their account; an earlier one to them is no longer good."""
    given = {"email": options.email, "name": options.name, "role": options.role}
    params = Invite.model_validate({**given, "language": options.language, "time_zone": options.time_zone})
    hours = settings.joining.invitation_hours
    async with open_users(settings) as users:
        expires_at = await users.invite(params, _letters(settings), hours, deadline=deadline())
    _say(f"invited {params.email} ({params.role}), until {expires_at:%Y-%m-%d %H:%M} UTC")
    return 0


async def users_withdraw(settings: AgentSettings, options: argparse.Namespace) -> int:
    """Withdraw the invitation to an address; its link is no longer good."""
    async with open_users(settings) as users:
        await users.withdraw(options.email, _letters(settings), deadline=deadline())
    _say(f"withdrew the invitation of {options.email}")
    return 0


def add_invitation(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of :func:`users_invite`."""
    parser.add_argument("email", help="where the link is mailed to")
    parser.add_argument("--name", required=True, help="the person's name")
    parser.add_argument("--role", default=Role.VIEWER, type=Role, choices=list(Role), help="default: viewer")
    parser.add_argument("--language", default="en", metavar="LANGUAGE", help="of mails (default: en)")
    parser.add_argument("--time-zone", default="UTC", metavar="ZONE", help="an IANA time zone (default: UTC)")


def add_role(parser: argparse.ArgumentParser) -> None:
    """Add the argument of :func:`users_role`."""
    parser.add_argument("role", type=Role, choices=list(Role), help="the role it gets")


def _letters(settings: AgentSettings) -> Letters:
    return Letters(Outbox(settings.mail, _CLOCK))


def _say(line: str) -> None:
    print(line)  # noqa: T201 - a command tells how it went
