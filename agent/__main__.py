"""``python -m agent …``: the service on the RPI3, and what its owner does by hand.

Exit codes: 0 done; 1 it could not be done, with one line why; 78 (EX_CONFIG) the settings cannot be used.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence

import asyncpg
import uvloop
from pydantic import ValidationError

from agent.accounts import access_commands as access
from agent.accounts import commands as accounts
from agent.accounts.token_keys import TokenKeysError
from agent.app import Agent
from agent.apps import APPS
from agent.apps.health import commands as health
from agent.audit import commands as audit
from agent.audit.heads import HeadKeyError
from agent.backup import commands as backup
from agent.backup.errors import BackupError
from agent.command_line import CommandError, add
from agent.db import commands as database
from agent.db.migrate import MigrationError
from agent.identity import UNITS
from agent.mail import commands as mail
from agent.mail.seal import MailKeyError
from agent.settings import AgentSettings
from bridge.errors import AppError
from bridge.invalid import wrong_fields
from bridge.keys import KeysRefused, KeyStore
from bridge.process import logs
from bridge.process.settings import EXIT_CONFIG, SettingsError
from bridge.tls import ReloadingServerTLS, TLSRefused


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


async def check_config(settings: AgentSettings, options: argparse.Namespace) -> int:
    """Say whether the settings, and the keys and certificates they name, can be used."""
    if not options.settings_only:
        _refuse_without_secrets(settings)
        KeyStore(settings.bridge.keys_dir)
        ReloadingServerTLS(settings.bridge.tls_dir, UNITS)
        if settings.source.dsn is None:
            print("source.dsn is not set: the health app will be off")
    print("the settings can be used")
    return 0


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
        print("; ".join(f"{name}: {what}" for name, what in wrong_fields(error)), file=sys.stderr)
    except (CommandError, BackupError, MigrationError, OSError, TimeoutError, asyncpg.PostgresError) as error:
        print(str(error) or error.__class__.__name__, file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m agent", description="The agent: the service, and its owner's commands."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    add(commands, "serve", serve)
    database.add_commands(commands)
    add(commands, "check-config", check_config).add_argument(
        "--settings-only", action="store_true", help="not the secrets, keys and certificates they name"
    )
    health.add_commands(commands)
    accounts.add_commands(commands)
    access.add_commands(commands, APPS)
    audit.add_commands(commands)
    mail.add_commands(commands)
    backup.add_commands(commands)
    return parser


def _refuse_without_secrets(settings: AgentSettings) -> None:
    if lines := settings.mail.lacks():
        raise SettingsError("\n".join(lines))


def _explain(error: AppError) -> str:
    problems = "; ".join(f"{field.name} {field.message}" for field in error.fields)
    cause = error.__cause__ if error.__cause__ is not error else None
    return problems or (f"{error.public_message}: {cause}" if cause else error.public_message)


if __name__ == "__main__":
    sys.exit(main())
