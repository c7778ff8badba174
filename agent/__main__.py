"""``python -m agent …``: the service on the RPI3, and what its owner does by hand.

Exit codes: 0 done; 1 it could not be done, with one line why; 78 (EX_CONFIG) the settings cannot be used.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import getpass
import json
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from textwrap import indent
from typing import Final, TypeVar
from uuid import UUID, uuid4
from zoneinfo import available_timezones

import asyncpg
import uvloop
from pydantic import ValidationError

from agent.accounts import commands as accounts
from agent.accounts.commands import COMMAND_S, open_users
from agent.accounts.token_keys import TokenKeys, TokenKeysError
from agent.accounts.users import NewUser
from agent.app import Agent
from agent.apps import APPS
from agent.apps.health.schema import run_check, run_inspect
from agent.audit import commands as audit
from agent.audit.heads import HeadKeyError
from agent.backup import commands as backup
from agent.backup.errors import BackupError
from agent.db.migrate import MigrationError, migrate
from agent.db.pools import Pool, PoolOptions
from agent.identity import UNITS
from agent.mail.outbox import Outbox
from agent.mail.seal import MailKeyError
from agent.mail.upkeep import Upkeep
from agent.mail.wording import Template
from agent.settings import PREFIX, AgentSettings, BackupSettings
from bridge.contracts.operation import Role
from bridge.errors import AppError
from bridge.keys import KeysRefused, KeyStore
from bridge.process import logs
from bridge.process.clock import SystemClock, utc
from bridge.process.settings import EXIT_CONFIG, Section, SettingsError, load
from bridge.process.terminal import shown
from bridge.tls import ReloadingServerTLS, TLSRefused

_LOOK_S: Final = 0.2
"""The wait between two looks at what another process is doing."""

_CLOCK: Final = SystemClock()

S = TypeVar("S", bound=Section)

Command = Callable[[S, argparse.Namespace], Awaitable[int]]


class CommandError(Exception):
    """What the owner asked for cannot be done; the message is the line they see."""


async def serve(settings: AgentSettings, _options: argparse.Namespace) -> int:
    """Run the service until SIGTERM or SIGINT; SIGHUP makes it look at its keys and certificates at once."""
    _refuse_without_secrets(settings)
    logs.configure(host=settings.log.host, app="agent", level=settings.log.level)
    agent = Agent(settings)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    loop.add_signal_handler(signal.SIGHUP, agent.reload)
    await agent.serve(stopping)
    return 0


async def check_config(settings: AgentSettings, _options: argparse.Namespace) -> int:
    """Say whether the settings, and the keys and certificates they name, can be used."""
    _refuse_without_secrets(settings)
    KeyStore(settings.bridge.keys_dir)
    ReloadingServerTLS(settings.bridge.tls_dir, UNITS)
    if settings.source.dsn is None:
        print("source.dsn is not set: the health app will be off")
    print("the settings can be used")
    return 0


async def migrate_store(settings: AgentSettings, _options: argparse.Namespace) -> int:
    """Bring the store's tables to this version."""
    if settings.store.owner_dsn is None:
        msg = "store.owner_dsn is not set, and only the tables' owner can change them"
        raise CommandError(msg)
    applied = await migrate(settings.store.owner_dsn.get_secret_value(), agent_role=settings.store.agent_role)
    for migration in applied:
        print(f"applied {migration.number:04} {migration.name}")
    if not applied:
        print("the store is up to date")
    return 0


async def schema_inspect(settings: AgentSettings, options: argparse.Namespace) -> int:
    """Draft a mapping from what the existing database looks like; on standard output."""
    return await run_inspect(_source_dsn(settings), table=options.table, out=sys.stdout)


async def schema_check(settings: AgentSettings, options: argparse.Namespace) -> int:
    """Prove a mapping against the existing database, reading only."""
    return await run_check(_source_dsn(settings), options.mapping or settings.source.mapping, out=sys.stdout)


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
        await users.add(user, password, deadline=_deadline())
    print(f"added {user.email} ({user.role})")
    return 0


async def users_list(settings: AgentSettings, options: argparse.Namespace) -> int:
    """Show every account."""
    async with open_users(settings) as users:
        rows = [row.model_dump(mode="json") for row in await users.everyone(deadline=_deadline())]
    _show(rows, as_json=options.json)
    return 0


async def users_invitations(settings: AgentSettings, options: argparse.Namespace) -> int:
    """Show who was invited and has not made their account yet; never the links."""
    async with open_users(settings) as users:
        rows = [row.model_dump(mode="json") for row in await users.invitations(deadline=_deadline())]
    _show(rows, as_json=options.json)
    return 0


async def users_feedback(settings: AgentSettings, options: argparse.Namespace) -> int:
    """Show what people wrote to the owner; the newest first."""
    async with open_users(settings) as users:
        entries = await users.feedback(deadline=_deadline())
    if options.json:
        _show([entry.model_dump(mode="json") for entry in entries], as_json=True)
        return 0
    for entry in entries:
        head = f"{entry.created_at:%Y-%m-%d %H:%M} UTC  {entry.email}  {entry.topic}"
        print(shown(f"{head}\n{indent(entry.message, '    ')}"))
    if not entries:
        print("none")
    return 0


async def users_disable(settings: AgentSettings, options: argparse.Namespace) -> int:
    """Disable an account; its sessions end within a second."""
    async with open_users(settings) as users:
        await users.set_active(options.email, is_active=False, deadline=_deadline())
    print(f"disabled {options.email}")
    return 0


async def users_enable(settings: AgentSettings, options: argparse.Namespace) -> int:
    """Enable an account again."""
    async with open_users(settings) as users:
        await users.set_active(options.email, is_active=True, deadline=_deadline())
    print(f"enabled {options.email}")
    return 0


async def users_password(settings: AgentSettings, options: argparse.Namespace) -> int:
    """Give an account a new password; its sessions end within a second."""
    password = _password(options)
    async with open_users(settings) as users:
        await users.set_password(options.email, password, deadline=_deadline())
    print(f"changed the password of {options.email}")
    return 0


async def grants_add(settings: AgentSettings, options: argparse.Namespace) -> int:
    """Link an account to a person's records, in place of the link it had."""
    async with open_users(settings) as users:
        await users.add_grant(options.email, options.app, options.person, deadline=_deadline())
    print(f"{options.email} sees {options.person or 'the one person there is'} in {options.app}")
    return 0


async def grants_remove(settings: AgentSettings, options: argparse.Namespace) -> int:
    """Take an account's link away."""
    async with open_users(settings) as users:
        await users.remove_grant(options.email, options.app, deadline=_deadline())
    print(f"{options.email} sees nobody in {options.app}")
    return 0


async def grants_list(settings: AgentSettings, options: argparse.Namespace) -> int:
    """Show every link."""
    async with open_users(settings) as users:
        rows = [row.model_dump(mode="json") for row in await users.every_grant(deadline=_deadline())]
    _show(rows, as_json=options.json)
    return 0


async def sessions_end(settings: AgentSettings, _options: argparse.Namespace) -> int:
    """End every session, within a second, and every link that lies in a mailbox; everybody has to sign in again."""
    async with open_users(settings) as users:
        ended = await users.end_every_session(utc(_CLOCK.time()), deadline=_deadline())
    print(f"ended {ended} sessions")
    return 0


async def tokens_rotate(settings: AgentSettings, _options: argparse.Namespace) -> int:
    """Make a new signing key; a running agent takes it over, and tokens of the old one stay good."""
    keys = TokenKeys(settings.tokens)
    now = _CLOCK.time()
    keys.load(now)
    print(f"made {keys.rotate(now).kid}, which signs in {settings.tokens.lead_s:.0f} s")
    return 0


async def mail_list(settings: AgentSettings, options: argparse.Namespace) -> int:
    """Show the mails that wait or are parked, oldest first; never what they say."""
    async with _store(settings) as pool:
        rows = await Upkeep(pool).mails(is_all=options.all, deadline=_deadline())
    _show([row.model_dump(mode="json") for row in rows], as_json=options.json)
    return 0


async def mail_retry(settings: AgentSettings, options: argparse.Namespace) -> int:
    """Try parked mails anew; a running agent does within a second."""
    async with _store(settings) as pool:
        count = await Upkeep(pool).retry(_mails(options), utc(_CLOCK.time()), deadline=_deadline())
    print(f"{count} mails are tried anew")
    return 0 if count or options.all else 1


async def mail_drop(settings: AgentSettings, options: argparse.Namespace) -> int:
    """Never send mails that wait or are parked, and erase what they say."""
    async with _store(settings) as pool:
        count = await Upkeep(pool).drop(_mails(options), utc(_CLOCK.time()), deadline=_deadline())
    print(f"{count} mails were dropped")
    return 0 if count or options.all else 1


async def mail_test(settings: AgentSettings, options: argparse.Namespace) -> int:
    """Send a test mail by the running agent, and say what the mail server said."""
    outbox = Outbox(settings.mail, _CLOCK)
    if not outbox.is_on:
        msg = "mail.host is not set: no mail is sent"
        raise CommandError(msg)
    cause = f"test {uuid4()}"
    async with _store(settings) as pool:
        async with pool.transaction(_deadline()) as transaction:
            await outbox.enqueue(transaction, Template.TEST, to=options.email, language="en", values={}, cause=cause)
        state, tries, reason = "waiting", 0, ""
        with suppress(TimeoutError):
            async with asyncio.timeout(options.wait):
                while state in {"waiting", "sending"} and tries == 0:
                    await asyncio.sleep(_LOOK_S)
                    state, tries, reason = await Upkeep(pool).progress(cause, deadline=_deadline())
    print(f"{state}: {reason or 'nothing was heard of the mail server; see the log of the agent'}")
    return 0 if state == "sent" else 1


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    start: Callable[[argparse.Namespace], Awaitable[int]] = options.start
    try:
        return uvloop.run(start(options))  # type: ignore[arg-type]
    except (SettingsError, KeysRefused, TLSRefused, TokenKeysError, MailKeyError, HeadKeyError) as error:
        print(error, file=sys.stderr)
        return EXIT_CONFIG
    except AppError as error:
        print(_explain(error), file=sys.stderr)
    except ValidationError as error:
        print(
            "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()), file=sys.stderr
        )
    except (CommandError, BackupError, MigrationError, OSError, TimeoutError, asyncpg.PostgresError) as error:
        print(str(error) or error.__class__.__name__, file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--config", type=Path, metavar="FILE", help="the settings file (TOML)")
    listed = argparse.ArgumentParser(add_help=False)
    listed.add_argument("--json", action="store_true", help="as JSON")
    account = argparse.ArgumentParser(add_help=False)
    account.add_argument("email", help="the account's e-mail address")
    secret = argparse.ArgumentParser(add_help=False)
    secret.add_argument("--password-file", type=Path, metavar="FILE", help="read the password from the first line")
    app = argparse.ArgumentParser(add_help=False)
    app.add_argument("--app", default="health", choices=APPS, help="which app (default: health)")

    parser = argparse.ArgumentParser(
        prog="python -m agent", description="The agent: the service, and its owner's commands."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add(commands, "serve", serve, common)
    _add(commands, "migrate", migrate_store, common)
    _add(commands, "check-config", check_config, common)

    schema = _group(commands, "schema", "the existing database's tables")
    inspect = _add(schema, "inspect", schema_inspect, common)
    inspect.add_argument(
        "--table",
        default="",
        metavar="SCHEMA.NAME",
        help="the table or view with the records, where the guess is wrong",
    )
    check = _add(schema, "check", schema_check, common)
    check.add_argument("--mapping", type=Path, metavar="FILE", help="another mapping than the settings name")

    _add_users(_group(commands, "users", "accounts"), common, account, secret, listed)

    grants = _group(commands, "grants", "whose records an account sees")
    grant = _add(grants, "add", grants_add, common, account, app)
    grant.add_argument("--person", help="the value of the mapping's person column; none where there is one person")
    _add(grants, "remove", grants_remove, common, account, app)
    _add(grants, "list", grants_list, common, listed)

    sessions = _group(commands, "sessions", "who is signed in")
    end = _add(sessions, "end", sessions_end, common)
    end.add_argument("--all", action="store_true", required=True, help="every one of them")

    tokens = _group(commands, "tokens", "the keys that access tokens are signed with")
    _add(tokens, "rotate", tokens_rotate, common)

    trail = _group(commands, "audit", "the audit trail: who did what")
    audit.add_arguments(
        _add(trail, "verify", audit.audit_verify, common),
        _add(trail, "list", audit.audit_list, common, listed),
        _add(trail, "show", audit.audit_show, common),
    )

    _add_mail(_group(commands, "mail", "the mails that people are sent"), common, listed)
    _add_backup(_group(commands, "backup", "backups of the databases"), common, listed)
    return parser


def _add_users(users: _Commands[argparse.ArgumentParser], *parents: argparse.ArgumentParser) -> None:
    common, account, secret, listed = parents
    add = _add(users, "add", users_add, common, account, secret)
    add.add_argument("--name", default="", help="the person's name (default: the e-mail address)")
    add.add_argument("--role", default=Role.VIEWER, type=Role, choices=list(Role), help="default: viewer")
    add.add_argument("--time-zone", default="UTC", metavar="ZONE", help="an IANA time zone (default: UTC)")
    _add(users, "list", users_list, common, listed)
    accounts.add_invitation(_add(users, "invite", accounts.users_invite, common))
    _add(users, "invitations", users_invitations, common, listed)
    _add(users, "feedback", users_feedback, common, listed)
    _add(users, "withdraw", accounts.users_withdraw, common, account)
    _add(users, "disable", users_disable, common, account)
    _add(users, "enable", users_enable, common, account)
    _add(users, "password", users_password, common, account, secret)
    accounts.add_role(_add(users, "role", accounts.users_role, common, account))
    _add(users, "unlock", accounts.users_unlock, common, account)
    _add(users, "sign-out", accounts.users_sign_out, common, account)
    _add(users, "delete", accounts.users_delete, common, account)


def _add_mail(commands: _Commands[argparse.ArgumentParser], *parents: argparse.ArgumentParser) -> None:
    common, listed = parents
    which = argparse.ArgumentParser(add_help=False)
    mails = which.add_mutually_exclusive_group(required=True)
    mails.add_argument("ids", nargs="*", type=UUID, default=[], metavar="ID", help="which, as the list names them")
    mails.add_argument("--all", action="store_true", help="every parked one")
    add = _add(commands, "list", mail_list, common, listed)
    add.add_argument("--all", action="store_true", help="those that were sent or dropped too")
    try_ = _add(commands, "test", mail_test, common)
    try_.add_argument("email", help="to whom")
    try_.add_argument("--wait", type=float, default=20.0, metavar="S", help="how long to wait for it (default: 20)")
    _add(commands, "retry", mail_retry, common, which)
    _add(commands, "drop", mail_drop, common, which)


def _add_backup(commands: _Commands[argparse.ArgumentParser], *parents: argparse.ArgumentParser) -> None:
    common, listed = parents
    place = argparse.ArgumentParser(add_help=False)
    place.add_argument("--from", dest="url", default="", metavar="URL", help="another place than backup.target")
    choice = argparse.ArgumentParser(add_help=False)
    choice.add_argument("--at", type=backup.time_with_zone, metavar="TIME", help="as it was then (ISO 8601)")
    choice.add_argument(
        "--system", default="", metavar="NUMBER", help="the cluster, where there are backups of several"
    )
    choice.add_argument("--base", default="", metavar="ID", help="not the newest backup, but this one")
    choice.add_argument("--despite-gap", action="store_true", help="up to where WAL is missing or damaged")

    add = functools.partial(_add_for, BackupSettings, commands)
    add("now", backup.backup_now, common)
    add("drill", backup.backup_drill, common)
    add("witness", backup.backup_witness, common).add_argument(
        "--anew", action="store_true", help="check nothing: an earlier state was restored"
    )
    add("list", backup.backup_list, common, listed, place)
    add("status", backup.backup_status, common, listed)
    restore = add("restore", backup.backup_restore, common, place, choice)
    restore.add_argument("--yes", action="store_true", help="do not ask")
    add("rebuild", backup.backup_rebuild, common, place, choice)


_Commands = argparse._SubParsersAction  # noqa: SLF001 - argparse has no public name for what add_subparsers gives


def _group(commands: _Commands[argparse.ArgumentParser], name: str, help_: str) -> _Commands[argparse.ArgumentParser]:
    return commands.add_parser(name, help=help_, description=help_).add_subparsers(required=True, metavar="COMMAND")


def _add(
    commands: _Commands[argparse.ArgumentParser],
    name: str,
    command: Command[AgentSettings],
    *parents: argparse.ArgumentParser,
) -> argparse.ArgumentParser:
    return _add_for(AgentSettings, commands, name, command, *parents)


def _add_for(
    model: type[S],
    commands: _Commands[argparse.ArgumentParser],
    name: str,
    command: Command[S],
    *parents: argparse.ArgumentParser,
) -> argparse.ArgumentParser:
    def start(options: argparse.Namespace) -> Awaitable[int]:
        environ: dict[str, str] | None = (
            {} if model is BackupSettings else None
        )  # what PostgreSQL starts sees the file alone
        return command(load(model, options.config, prefix=PREFIX, environ=environ), options)

    text = command.__doc__ or ""
    parser = commands.add_parser(name, help=text.split(".")[0].split(";")[0], description=text, parents=list(parents))
    parser.set_defaults(start=start)
    return parser


@asynccontextmanager
async def _store(settings: AgentSettings) -> AsyncIterator[Pool]:
    pool = Pool(PoolOptions("command", settings.store.dsn.get_secret_value(), size=1), _CLOCK)
    try:
        yield pool
    finally:
        await pool.close(_deadline())


def _mails(options: argparse.Namespace) -> list[UUID] | None:
    return None if options.all else options.ids


def _refuse_without_secrets(settings: AgentSettings) -> None:
    if lines := settings.mail.lacks():
        raise SettingsError("\n".join(lines))


def _source_dsn(settings: AgentSettings) -> str:
    if settings.source.dsn is None:
        msg = "source.dsn is not set"
        raise CommandError(msg)
    return settings.source.dsn.get_secret_value()


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


def _show(rows: list[dict[str, object]], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    for row in rows:
        print(shown("  ".join(f"{value}" for value in row.values())))
    if not rows:
        print("none")


def _explain(error: AppError) -> str:
    problems = "; ".join(f"{field.name} {field.message}" for field in error.fields)
    cause = error.__cause__ if error.__cause__ is not error else None
    return problems or (f"{error.public_message}: {cause}" if cause else error.public_message)


def _deadline() -> float:
    return _CLOCK.monotonic() + COMMAND_S


if __name__ == "__main__":
    sys.exit(main())
