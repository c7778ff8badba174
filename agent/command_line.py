"""What the owner's commands have in common: how one is declared, how long it may take, and how it answers."""

from __future__ import annotations

import argparse
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from agent.settings import PREFIX, AgentSettings
from bridge.process.clock import SystemClock
from bridge.process.settings import Section, load
from bridge.process.terminal import shown

S = TypeVar("S", bound=Section)

Command = Callable[[S, argparse.Namespace], Awaitable[int]]
# what add_subparsers gives has no public name, and is generic in its stubs alone
if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001
else:
    Commands = argparse._SubParsersAction  # noqa: SLF001

CLOCK: Final = SystemClock()
COMMAND_S: Final = 30.0
"""How long a command may take on the store, seconds."""


class CommandError(Exception):
    """What the owner asked for cannot be done; the message is the line they see."""


def group(commands: Commands, name: str, help_: str) -> Commands:
    """Return where the commands go that begin with ``name``."""
    return commands.add_parser(name, help=help_, description=help_).add_subparsers(required=True, metavar="COMMAND")


def add(
    commands: Commands, name: str, command: Command[AgentSettings], *parents: argparse.ArgumentParser
) -> argparse.ArgumentParser:
    """Add a command, described by its docstring, and return its parser for what may be typed after it."""
    return add_for(AgentSettings, commands, name, command, *parents)


def add_for(
    model: type[S],
    commands: Commands,
    name: str,
    command: Command[S],
    *parents: argparse.ArgumentParser,
    environ: Mapping[str, str] | None = None,
) -> argparse.ArgumentParser:
    """Add a command that reads only ``model`` of the settings; ``environ`` is in place of the environment."""

    def start(options: argparse.Namespace) -> Awaitable[int]:
        return command(load(model, options.config, prefix=PREFIX, environ=environ), options)

    text = command.__doc__ or ""
    parser = commands.add_parser(
        name, help=text.split(".")[0].split(";")[0], description=text, parents=[_configured(), *parents]
    )
    parser.set_defaults(start=start)
    return parser


def _configured() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--config", type=Path, metavar="FILE", help="the settings file (TOML)")
    return parser


def listed() -> argparse.ArgumentParser:
    """Return a parent for a command that lists."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--json", action="store_true", help="as JSON")
    return parser


def time_with_zone(text: str) -> datetime:
    """Return an ISO 8601 time, for argparse. Raises ArgumentTypeError for what is none, or leaves its zone open."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        msg = f"{text} is no time, such as 2026-11-28T10:00:00+01:00"
        raise argparse.ArgumentTypeError(msg) from None
    if at.tzinfo is None:
        msg = "the time needs its zone, as in 2026-11-28T10:00:00+01:00 or …Z"
        raise argparse.ArgumentTypeError(msg)
    return at


def deadline() -> float:
    """Return until when a command that begins now may take."""
    return CLOCK.monotonic() + COMMAND_S


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - a command tells how it goes


def show(rows: Sequence[Mapping[str, object]], *, as_json: bool) -> None:
    """Say a list: a row a line, or all as JSON."""
    if as_json:
        say(json.dumps(rows, indent=2))
        return
    for row in rows:
        say(shown("  ".join(f"{value}" for value in row.values())))
    if not rows:
        say("none")
