"""``python -m agent mail …``: the outbox, for the owner."""

from __future__ import annotations

import argparse
import asyncio
from contextlib import suppress
from typing import Final
from uuid import UUID, uuid4

from agent.command_line import CLOCK, CommandError, Commands, add, deadline, group, listed, say, show
from agent.db.commands import open_store
from agent.mail.outbox import Outbox
from agent.mail.upkeep import Upkeep
from agent.mail.wording import Template
from agent.settings import AgentSettings
from bridge.process.clock import utc

_LOOK_S: Final = 0.2
"""The wait between two looks at what the running agent is doing."""


def add_commands(commands: Commands) -> None:
    mail = group(commands, "mail", "the mails that people are sent")
    which = argparse.ArgumentParser(add_help=False)
    mails = which.add_mutually_exclusive_group(required=True)
    mails.add_argument("ids", nargs="*", type=UUID, default=[], metavar="ID", help="which, as the list names them")
    mails.add_argument("--all", action="store_true", help="every parked one")
    listing = add(mail, "list", mail_list, listed())
    listing.add_argument("--all", action="store_true", help="those that were sent or dropped too")
    trying = add(mail, "test", mail_test)
    trying.add_argument("email", help="to whom")
    trying.add_argument("--wait", type=float, default=20.0, metavar="S", help="how long to wait for it (default: 20)")
    add(mail, "retry", mail_retry, which)
    add(mail, "drop", mail_drop, which)


async def mail_list(settings: AgentSettings, options: argparse.Namespace) -> int:
    """Show the mails that wait or are parked, oldest first; never what they say."""
    async with open_store(settings) as pool:
        rows = await Upkeep(pool).mails(is_all=options.all, deadline=deadline())
    show([row.model_dump(mode="json") for row in rows], as_json=options.json)
    return 0


async def mail_retry(settings: AgentSettings, options: argparse.Namespace) -> int:
    """Try parked mails anew; a running agent does within a second."""
    async with open_store(settings) as pool:
        count = await Upkeep(pool).retry(_mails(options), utc(CLOCK.time()), deadline=deadline())
    say(f"{count} mails are tried anew")
    return 0 if count or options.all else 1


async def mail_drop(settings: AgentSettings, options: argparse.Namespace) -> int:
    """Never send mails that wait or are parked, and erase what they say."""
    async with open_store(settings) as pool:
        count = await Upkeep(pool).drop(_mails(options), utc(CLOCK.time()), deadline=deadline())
    say(f"{count} mails were dropped")
    return 0 if count or options.all else 1


async def mail_test(settings: AgentSettings, options: argparse.Namespace) -> int:
    """Send a test mail by the running agent, and say what the mail server said."""
    outbox = Outbox(settings.mail, CLOCK)
    if not outbox.is_on:
        msg = "mail.host is not set: no mail is sent"
        raise CommandError(msg)
    cause = f"test {uuid4()}"
    async with open_store(settings) as pool:
        async with pool.transaction(deadline()) as transaction:
            await outbox.enqueue(transaction, Template.TEST, to=options.email, language="en", values={}, cause=cause)
        state, tries, reason = "waiting", 0, ""
        with suppress(TimeoutError):
            async with asyncio.timeout(options.wait):
                while state in {"waiting", "sending"} and tries == 0:
                    await asyncio.sleep(_LOOK_S)
                    state, tries, reason = await Upkeep(pool).progress(cause, deadline=deadline())
    say(f"{state}: {reason or 'nothing was heard of the mail server; see the log of the agent'}")
    return 0 if state == "sent" else 1


def _mails(options: argparse.Namespace) -> list[UUID] | None:
    return None if options.all else options.ids
