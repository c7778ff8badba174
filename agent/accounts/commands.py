"""``python -m agent users …``: the accounts, for the owner at the keep."""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from textwrap import indent
from zoneinfo import available_timezones

from agent.accounts.letters import Letters
from agent.accounts.passwords import Passwords
from agent.accounts.users import NewUser, Users
from agent.command_line import CLOCK, CommandError, Commands, add, deadline, group, listed, say, show
from agent.db.commands import open_store
from agent.mail.outbox import Outbox
from agent.settings import AgentSettings
from bridge.contracts.joining import Invite
from bridge.contracts.operation import Role
from bridge.process.terminal import shown


def add_commands(commands: Commands) -> None:
    users = group(commands, "users", "accounts")
    secret = argparse.ArgumentParser(add_help=False)
    secret.add_argument("--password-file", type=Path, metavar="FILE", help="read the password from the first line")
    adding = add(users, "add", users_add, account(), secret)
    adding.add_argument("--name", default="", help="the person's name (default: the e-mail address)")
    adding.add_argument("--role", default=Role.VIEWER, type=_role, choices=list(Role), help="default: viewer")
    adding.add_argument("--time-zone", default="UTC", metavar="ZONE", help="an IANA time zone (default: UTC)")
    add(users, "list", users_list, listed())
    inviting = add(users, "invite", users_invite)
    inviting.add_argument("email", help="where the link is mailed to")
    inviting.add_argument("--name", required=True, help="the person's name")
    inviting.add_argument("--role", default=Role.VIEWER, type=_role, choices=list(Role), help="default: viewer")
    inviting.add_argument("--language", default="en", metavar="LANGUAGE", help="of mails (default: en)")
    inviting.add_argument("--time-zone", default="UTC", metavar="ZONE", help="an IANA time zone (default: UTC)")
    add(users, "invitations", users_invitations, listed())
    add(users, "feedback", users_feedback, listed())
    add(users, "resend", users_resend, account())
    add(users, "withdraw", users_withdraw, account())
    add(users, "disable", users_disable, account())
    add(users, "enable", users_enable, account())
    add(users, "password", users_password, account(), secret)
    role = add(users, "role", users_role, account())
    role.add_argument("role", type=_role, choices=list(Role), help="the role it gets")
    add(users, "unlock", users_unlock, account())
    add(users, "sign-out", users_sign_out, account())
    add(users, "unlink", users_unlink, account())
    add(users, "delete", users_delete, account())


def account() -> argparse.ArgumentParser:
    """Return a parent for a command about one account."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("email", help="the account's e-mail address")
    return parser


@asynccontextmanager
async def open_users(settings: AgentSettings) -> AsyncIterator[Users]:
    """Give the accounts of the store, over one connection."""
    passwords = Passwords(settings.passwords)
    try:
        async with open_store(settings) as pool:
            yield Users(pool, passwords, CLOCK)
    finally:
        passwords.close()


async def users_add(settings: AgentSettings, options: argparse.Namespace) -> int:
    """Create an account. Its password comes from --password-file, a terminal's prompt, or standard input."""
    if options.time_zone not in available_timezones():
        msg = f"{options.time_zone} is no IANA time zone such as Europe/London"
        raise CommandError(msg)
    user = NewUser(
        email=options.email, name=options.name or options.email, role=options.role, time_zone=options.time_zone
    )
    password = _password(options)
    async with open_users(settings) as users:
        await users.add(user, password, deadline=deadline())
    say(f"added {user.email} ({user.role})")
    return 0


async def users_list(settings: AgentSettings, options: argparse.Namespace) -> int:
    """Show every account."""
    async with open_users(settings) as users:
        rows = [row.model_dump(mode="json") for row in await users.everyone(deadline=deadline())]
    show(rows, as_json=options.json)
    return 0


async def users_invitations(settings: AgentSettings, options: argparse.Namespace) -> int:
    """Show who was invited and has not made their account yet; never the links."""
    async with open_users(settings) as users:
        rows = [row.model_dump(mode="json") for row in await users.invitations(deadline=deadline())]
    show(rows, as_json=options.json)
    return 0


async def users_feedback(settings: AgentSettings, options: argparse.Namespace) -> int:
    """Show what people wrote to the owner; the newest first."""
    async with open_users(settings) as users:
        entries = await users.feedback(deadline=deadline())
    if options.json:
        show([entry.model_dump(mode="json") for entry in entries], as_json=True)
        return 0
    for entry in entries:
        head = f"{entry.created_at:%Y-%m-%d %H:%M} UTC  {entry.email}  {entry.topic}"
        say(shown(f"{head}\n{indent(entry.message, '    ')}"))
    if not entries:
        say("none")
    return 0


async def users_disable(settings: AgentSettings, options: argparse.Namespace) -> int:
    """Disable an account; its sessions end within a second."""
    async with open_users(settings) as users:
        await users.set_active(options.email, is_active=False, deadline=deadline())
    say(f"disabled {options.email}")
    return 0


async def users_enable(settings: AgentSettings, options: argparse.Namespace) -> int:
    """Enable an account again."""
    async with open_users(settings) as users:
        await users.set_active(options.email, is_active=True, deadline=deadline())
    say(f"enabled {options.email}")
    return 0


async def users_password(settings: AgentSettings, options: argparse.Namespace) -> int:
    """Give an account a new password; its sessions end within a second."""
    password = _password(options)
    async with open_users(settings) as users:
        await users.set_password(options.email, password, deadline=deadline())
    say(f"changed the password of {options.email}")
    return 0


def _role(text: str) -> Role:
    try:
        return Role(text)
    except ValueError:
        msg = f"{text} is none of {', '.join(Role)}"
        raise argparse.ArgumentTypeError(msg) from None


async def users_role(settings: AgentSettings, options: argparse.Namespace) -> int:
    """Give an account another role; its access tokens end within a second, its sessions go on with the new one."""
    async with open_users(settings) as users:
        await users.set_role(options.email, options.role, deadline=deadline())
    say(f"{options.email} is {options.role}")
    return 0


async def users_unlock(settings: AgentSettings, options: argparse.Namespace) -> int:
    """Forget the sign-ins and mails that were counted for an account, so that its owner need not wait."""
    async with open_users(settings) as users:
        await users.unlock(options.email, deadline=deadline())
    say(f"unlocked {options.email}")
    return 0


async def users_sign_out(settings: AgentSettings, options: argparse.Namespace) -> int:
    """Sign an account out everywhere, within a second."""
    async with open_users(settings) as users:
        ended = await users.sign_out(options.email, deadline=deadline())
    say(f"ended {ended} sessions of {options.email}")
    return 0


async def users_unlink(settings: AgentSettings, options: argparse.Namespace) -> int:
    """Forget as whom an account signs in through the sign-in service: who comes with its address is linked anew."""
    async with open_users(settings) as users:
        count = await users.unlink(options.email, deadline=deadline())
    say(f"unlinked {options.email} from {count} {'person' if count == 1 else 'people'} of a sign-in service")
    return 0


async def users_delete(settings: AgentSettings, options: argparse.Namespace) -> int:
    """Delete an account with all that the store has of it; the audit trail keeps what was done."""
    async with open_users(settings) as users:
        await users.delete(options.email, deadline=deadline())
    say(f"deleted {options.email}")
    return 0


async def users_invite(settings: AgentSettings, options: argparse.Namespace) -> int:
    """Mail somebody a link with which they make their account; an earlier one to them is no longer good."""
    given = {"email": options.email, "name": options.name, "role": options.role}
    params = Invite.model_validate({**given, "language": options.language, "time_zone": options.time_zone})
    hours = settings.joining.invitation_hours
    async with open_users(settings) as users:
        expires_at = await users.invite(params, _letters(settings), hours, deadline=deadline())
    say(f"invited {params.email} ({params.role}), until {expires_at:%Y-%m-%d %H:%M} UTC")
    return 0


async def users_resend(settings: AgentSettings, options: argparse.Namespace) -> int:
    """Mail the invitation to an address again; its earlier link is no longer good."""
    hours = settings.joining.invitation_hours
    async with open_users(settings) as users:
        expires_at = await users.resend(options.email, _letters(settings), hours, deadline=deadline())
    say(f"mailed the invitation of {options.email} again, until {expires_at:%Y-%m-%d %H:%M} UTC")
    return 0


async def users_withdraw(settings: AgentSettings, options: argparse.Namespace) -> int:
    """Withdraw the invitation to an address; its link is no longer good."""
    async with open_users(settings) as users:
        await users.withdraw(options.email, _letters(settings), deadline=deadline())
    say(f"withdrew the invitation of {options.email}")
    return 0


def _letters(settings: AgentSettings) -> Letters:
    return Letters(Outbox(settings.mail, CLOCK))


def _password(options: argparse.Namespace) -> str:
    """Return the password; never from the command line, where every user of the machine could see it."""
    if options.password_file is not None:
        text: str = options.password_file.read_text("utf-8")
    elif sys.stdin.isatty():
        text = getpass.getpass("Password: ")
        if getpass.getpass("Again: ") != text:
            msg = "the two passwords differ"
            raise CommandError(msg)
    else:
        text = sys.stdin.read()
    return text.partition("\n")[0].removesuffix("\r")
