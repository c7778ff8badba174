"""``python -m agent audit …``, for the owner."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path

import asyncpg

from agent.audit.heads import HeadKey, genuine
from agent.audit.reading import Reader
from agent.audit.verify import LINKS, TrailBroken, verify
from agent.command_line import CLOCK, Commands, add, deadline, group, listed, say, time_with_zone
from agent.db.commands import open_store
from agent.settings import AgentSettings
from bridge.contracts.audit import AuditEntry, ListEntries
from bridge.heads import SignedHead, find_heads
from bridge.process.terminal import shown


def add_commands(commands: Commands) -> None:
    trail = group(commands, "audit", "the audit trail: who did what")
    add(trail, "verify", audit_verify).add_argument(
        "--witness", action="append", default=[], metavar="FILE",
        help="heads that were kept elsewhere, such as the door's journal; - for standard input; may be repeated",
    )  # fmt: skip
    listing = add(trail, "list", audit_list, listed())
    listing.add_argument("--since", type=time_with_zone, metavar="TIME", help="from then on (ISO 8601)")
    listing.add_argument("--until", type=time_with_zone, metavar="TIME", help="before then (ISO 8601)")
    listing.add_argument("--user", metavar="EMAIL", help="done by this account")
    listing.add_argument("--action", metavar="NAME", help="what was done, such as accounts.sign_in")
    listing.add_argument("--entity-type", metavar="TYPE", help="what it was done to, such as account")
    listing.add_argument("--entity-id", metavar="ID", help="and which one")
    listing.add_argument("--limit", type=int, default=50, choices=range(1, 201), metavar="N", help="default: 50")
    add(trail, "show", audit_show).add_argument("number", type=int, help="the entry's number")


async def audit_verify(settings: AgentSettings, options: argparse.Namespace) -> int:
    """Compute every hash of the audit trail again; 1 when it is not what was written, or lacks what was witnessed."""
    key = HeadKey.read_or_make(settings.tokens.keys_dir)
    witnessed, others = genuine(key, _heads_in(options.witness))
    async with open_store(settings, is_read_only=True) as pool:

        async def fetch(after: int, count: int) -> Sequence[asyncpg.Record]:
            return await pool.fetch(LINKS, after, count, deadline=deadline())

        try:
            found = await verify(fetch, witnessed)
        except TrailBroken as broken:
            print(f"the audit trail is BROKEN: {broken}", file=sys.stderr)  # noqa: T201 - the command's answer
            return 1
    say(f"{found.head.number:,} entries hold, {found.erased:,} payloads were erased")
    if options.witness:
        newest = max((head.number for head in witnessed), default=0)
        say(f"{len(witnessed):,} witnessed heads are in it, up to entry {newest}")
    if others:
        say(f"{others:,} heads were not signed with this keep's key, {key.key_id}, and were not compared")
    if found.head.number:
        say(f"the newest, to keep elsewhere: {key.sign(found.head, created=int(CLOCK.time()))}")
    return 0


async def audit_list(settings: AgentSettings, options: argparse.Namespace) -> int:
    """Show the newest entries that match; every condition may be left out."""
    async with open_store(settings, is_read_only=True) as pool:
        user_id = None
        if options.user is not None:
            user_id = await Reader(pool).account(options.user, deadline=deadline())
            if user_id is None:
                print(f"there is no account for {options.user}", file=sys.stderr)  # noqa: T201 - the command's answer
                return 1
        asked = ListEntries(
            start=options.since, end=options.until, user_id=user_id, entity_type=options.entity_type,
            entity_id=options.entity_id, action=options.action, limit=options.limit,
        )  # fmt: skip
        page = await Reader(pool).page(asked, deadline=deadline())
    if options.json:
        say(json.dumps([entry.model_dump(mode="json") for entry in page.entries], indent=2))
        return 0
    for entry in page.entries:
        say(shown(_line(entry)))
    if not page.entries:
        say("none")
    return 0


async def audit_show(settings: AgentSettings, options: argparse.Namespace) -> int:
    """Show one entry with all it has, as JSON; 1 where there is none of that number."""
    async with open_store(settings, is_read_only=True) as pool:
        entry = await Reader(pool).one(options.number, deadline=deadline())
    if entry is None:
        print(f"there is no entry {options.number}", file=sys.stderr)  # noqa: T201 - the command's answer
        return 1
    say(json.dumps(entry.model_dump(mode="json"), indent=2))  # no terminal is told what moves its cursor
    return 0


def _heads_in(files: Sequence[str]) -> Iterator[SignedHead]:
    for name in files:
        with nullcontext(sys.stdin) if name == "-" else Path(name).open(encoding="utf-8", errors="replace") as file:
            for line in file:
                yield from find_heads(line)


def _line(entry: AuditEntry) -> str:
    who = entry.user_email or (str(entry.user_id) if entry.user_id else entry.actor)
    refused = " REFUSED" if entry.outcome == "refused" else ""
    what = f"{entry.entity_type} {entry.entity_id}".rstrip()
    return f"{entry.number}  {entry.timestamp:%Y-%m-%d %H:%M:%S}Z  {who}  {entry.action}{refused}  {what}"
