"""The console without sshd: what it sends to the helper, and what it shows."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator

import pytest

from rescue.__main__ import main
from rescue.audit import Caller
from rescue.console import INTERRUPTED, REFUSED, Console, run
from rescue.settings import Host, Paths, Settings
from rescue.verbs import Role
from rescue.wire import UNREACHABLE

Ask = Callable[[bytes], Iterator[str | int]]


class Person:
    """Somebody at a console whose helper answers ``answers``."""

    def __init__(self, *answers: str | int, typed: bytes = b"", is_terminal: bool = False) -> None:
        self.sent: list[dict[str, object]] = []
        self.out = io.StringIO()
        self._answers = answers
        self.console = Console(
            Settings(Host.KEEP, "10.77.0.4"), Caller(Role.OWNER), self._ask, io.BytesIO(typed), self.out, is_terminal
        )

    def _ask(self, line: bytes) -> Iterator[str | int]:
        self.sent.append(json.loads(line))
        yield from self._answers

    @property
    def shown(self) -> list[str]:
        return self.out.getvalue().splitlines()


def test_console_shows_what_the_helper_says_when_a_verb_is_done() -> None:
    person = Person("one", "two\x07", 3)
    assert person.console.once("logs agent") == 3
    assert person.shown == ["one", "two\N{REPLACEMENT CHARACTER}"]
    assert person.sent[0]["words"] == ["logs", "agent", "50"]


def test_console_says_so_when_the_helper_does_not_answer() -> None:
    def refuse(_line: bytes) -> Iterator[str | int]:
        raise ConnectionRefusedError(111, "Connection refused")

    person = Person()
    person.console.ask = refuse
    assert person.console.once("status") == UNREACHABLE
    assert person.shown == ["the helper does not answer: [Errno 111] Connection refused"]
    assert person.console.once("bogus") == REFUSED


def test_console_asks_at_a_terminal_when_something_would_change() -> None:
    person = Person(0, typed=b"no\nyes\n", is_terminal=True)
    assert person.console.once("door restart gateway@1") == REFUSED
    assert person.console.once("door restart gateway@1") == 0
    assert "restart gateway@1 at the door: restart a unit. Do it? [yes/no]" in person.out.getvalue()
    assert [sent["host"] for sent in person.sent] == ["door"]


def test_help_lists_the_verbs_of_this_host_when_asked() -> None:
    person = Person()
    assert person.console.once("help") == 0
    assert any(line.startswith("  lock-door ") and line.endswith("(asks first)") for line in person.shown)
    assert "  bans add ADDRESS [MINUTES]         ban an address (asks first)" in person.shown
    assert not any(line.startswith("  admit") for line in person.shown)
    assert person.console.once("help bans") == 0
    assert person.console.once("help nothing") == REFUSED
    assert person.shown[-1] == "no verb begins with nothing: help lists all"
    assert person.sent == []


def test_loop_ends_with_the_last_verbs_code_when_told_to_exit(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str | type[BaseException]] = [KeyboardInterrupt, "", "logs agent", "exit", "status"]

    def read(_prompt: object, _idle_s: int) -> str:
        line = lines.pop(0)
        if isinstance(line, str):
            return line
        raise line

    monkeypatch.setattr("rescue.prompt.Prompt.read", read)
    person = Person(4)
    assert person.console.loop() == 4
    assert lines == ["status"]


@pytest.mark.parametrize("end", [EOFError, TimeoutError])
def test_loop_ends_when_nobody_types_any_more(monkeypatch: pytest.MonkeyPatch, end: type[BaseException]) -> None:
    def read(_prompt: object, _idle_s: int) -> str:
        raise end

    monkeypatch.setattr("rescue.prompt.Prompt.read", read)
    assert Person().console.loop() == 0


def test_loop_goes_on_when_a_verb_is_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = iter(["logs agent", "exit"])
    monkeypatch.setattr("rescue.prompt.Prompt.read", lambda _prompt, _idle_s: next(lines))

    def interrupt(_line: bytes) -> Iterator[str | int]:
        raise KeyboardInterrupt

    person = Person()
    person.console.ask = interrupt
    assert person.console.loop() == INTERRUPTED


def test_run_refuses_when_sshd_does_not_say_who_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(Settings(Host.KEEP, "10.77.0.4"), {"SSH_ORIGINAL_COMMAND": "status"}, Paths()) == REFUSED
    assert capsys.readouterr().out == "refused: sshd does not say which key this login used\n"


def test_help_is_printed_when_this_is_no_host_of_the_appliance(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("drawbridge-rescue …, or python -m rescue …")
    assert "rotate-keys" in shown
    assert "`" not in shown


def test_help_names_no_door_when_the_key_may_not_ask_it() -> None:
    person = Person()
    assert person.console.once("help") == 0
    assert any(line.startswith("  door VERB …") for line in person.shown)
    machine = Person()
    machine.console.caller = Caller(Role.SELFTEST)
    assert machine.console.once("help") == 0
    assert not any(line.startswith("  door VERB …") for line in machine.shown)
