"""Every command tells what it takes, and explains an argument that is none."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest

import agent.__main__
import bridge.__main__
import demo.__main__
import gateway.__main__
import rescue.bans.__main__
import rescue.changes.__main__

PARSERS: Final[dict[str, Callable[[], argparse.ArgumentParser]]] = {
    "agent": agent.__main__._parser,
    "bridge": bridge.__main__._parser,
    "demo": demo.__main__._parser,
    "gateway": gateway.__main__._parser,
    "rescue.bans": rescue.bans.__main__._parser,
    "rescue.changes": rescue.changes.__main__._parser,
}
STANDARD: Final = {int, float, str, Path, UUID, None}
"""argparse names these as people do: invalid int value."""


def commands(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from commands(inner)


@pytest.mark.parametrize("module", PARSERS)
def test_argument_is_explained_in_words_when_it_is_none(module: str) -> None:
    for parser in commands(PARSERS[module]()):
        for action in parser._actions:
            if action.type not in STANDARD:
                read: Any = action.type
                with pytest.raises(argparse.ArgumentTypeError):  # of a ValueError people see our function's name
                    read("no such thing")


@pytest.mark.parametrize("module", PARSERS)
def test_help_says_what_each_command_and_option_is_for(module: str) -> None:
    assert PARSERS[module]().description
    for parser in commands(PARSERS[module]()):
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                told = {choice.dest for choice in action._choices_actions if choice.help}
                assert told == action.choices.keys(), parser.prog
            else:
                assert action.help, (parser.prog, action.dest)


def test_option_is_heard_before_and_after_the_command_when_the_ban_helper_takes_it() -> None:
    parser = PARSERS["rescue.bans"]()
    assert parser.parse_args(["--group=some", "serve"]).group == "some"
    assert parser.parse_args(["serve", "--group=some"]).group == "some"
    assert parser.parse_args(["serve"]).group == parser.parse_args([]).group == "drawbridge-bans"
