"""The console: all that user ``rescue`` can do. One verb of an ssh command line, or verbs typed at a prompt.

Exit codes: the verb's own, 0 done; 2 refused; 69 the helper does not answer.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import BinaryIO, Final, TextIO

from rescue import wire
from rescue.audit import Caller
from rescue.login import caller_of
from rescue.prompt import Prompt
from rescue.settings import Paths, Settings
from rescue.verbs import Request, Role, parse, verbs_of
from rescue.words import Refused, printable, split

REFUSED: Final = 2
INTERRUPTED: Final = 130
IDLE_S: Final = 900
"""A prompt that nobody has typed at for so long ends."""
_ANNOUNCE_S: Final = 3.0


@dataclass(slots=True)
class Console:
    """One login. ``ask`` sends a request to the helper and yields its lines, then its exit code."""

    settings: Settings
    caller: Caller
    ask: Callable[[bytes], Iterator[str | int]]
    given: BinaryIO
    out: TextIO
    is_terminal: bool = False

    def once(self, line: str) -> int:
        """Carry the one verb of ``line`` out."""
        try:
            request = parse(split(line), self.settings.host, self.caller.role)
        except Refused as refused:
            return self._refuse(line, str(refused))
        given = self.given.read(wire.INPUT_MAX_BYTES + 1) if request.verb.takes_input else b""
        if request.verb.changes and not request.is_confirmed and not (self.is_terminal and self._confirm(request)):
            self._say(f"{request.line} changes something: repeat with --yes")
            return REFUSED
        return self._do(request, given)

    def loop(self) -> int:
        """Carry out verb after verb, until ``exit`` or the end of what is typed."""
        with _alarm():
            prompt = Prompt(self.settings.host, self.caller.role, self.out, is_terminal=self.is_terminal)
            if self.is_terminal:
                self._say(f"{self.settings.host.value}: help lists what can be asked for")
            code = 0
            while True:
                try:
                    line = prompt.read(IDLE_S)
                except KeyboardInterrupt:
                    self._say("")
                    continue
                except (EOFError, TimeoutError):
                    return code
                if not line.strip():
                    continue
                if split_or_none(line) == ["exit"]:
                    return code
                try:
                    code = self.once(line)
                except KeyboardInterrupt:
                    self._say("\ninterrupted: what only looks has ended, what changes something goes on")
                    code = INTERRUPTED

    def _do(self, request: Request, given: bytes) -> int:
        if request.verb.is_local:
            return self._help(*request.arguments)
        code = wire.UNREACHABLE
        try:
            for said in self.ask(wire.encode(self.caller, request=request, given=given)):
                if isinstance(said, int):
                    code = said
                else:
                    self._say(said)
        except (OSError, ValueError, KeyError) as error:
            self._say(f"the helper does not answer: {error}")
        return code

    def _refuse(self, line: str, reason: str) -> int:
        self._say(f"refused: {reason}")
        try:
            for _said in self.ask(wire.encode(self.caller, refused=line[: wire.LINE_SHOWN_MAX])):
                pass
        except (OSError, ValueError, KeyError):
            pass  # sshd has logged who it was
        return REFUSED

    def _confirm(self, request: Request) -> bool:
        where = "" if request.host is self.settings.host else f" at the {request.host.value}"
        self.out.write(f"{request.line}{where}: {request.verb.help}. Do it? [yes/no] ")
        self.out.flush()
        try:
            return self.given.readline(16).strip() == b"yes"
        except KeyboardInterrupt:
            return False

    def _help(self, first: str = "all") -> int:
        host, role = self.settings.host, self.caller.role
        verbs = [verb for verb in verbs_of(host, role) if first in {"all", verb.words[0]}]
        for verb in verbs:
            self._say(f"  {verb.usage:<34} {verb.help}{' (asks first)' if verb.changes else ''}")
        if first == "all" and host is host.KEEP and role is Role.OWNER:
            self._say("  door VERB …                        the same verbs, at the door")
        if not verbs:
            self._say(f"no verb begins with {first}: help lists all")
        return 0 if verbs else REFUSED

    def _say(self, line: str) -> None:
        self.out.write(f"{'' if line == '' else printable(line)}\n")
        self.out.flush()


def split_or_none(line: str) -> list[str] | None:
    try:
        return split(line)
    except Refused:
        return None


@contextmanager
def _alarm() -> Iterator[None]:
    """Let SIGALRM raise TimeoutError, for the prompt."""

    def expire(_number: int, _frame: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, expire)
    try:
        yield
    finally:
        signal.signal(signal.SIGALRM, before)


def _announce(caller: Caller, ask: Callable[[bytes], Iterator[str | int]]) -> None:
    """Have a login to the prompt written down. Nobody waits for a helper that hangs."""

    def tell() -> None:
        with suppress(OSError, ValueError, KeyError):  # sshd has logged who it was
            list(ask(wire.login(caller)))

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    teller.join(_ANNOUNCE_S)


def run(settings: Settings, environment: Mapping[str, str], paths: Paths) -> int:
    """Be the console of this login."""

    def ask(line: bytes) -> Iterator[str | int]:
        return wire.ask(paths.socket, line)

    given = sys.stdin.buffer
    try:
        caller = caller_of(environment, paths.keys_file)
    except Refused as refused:
        sys.stdout.write(f"refused: {refused}\n")
        return REFUSED
    line = environment.get("SSH_ORIGINAL_COMMAND")
    if line is None:
        _announce(caller, ask)
    console = Console(settings, caller, ask, given, sys.stdout, is_terminal=sys.stdin.isatty())
    try:
        return console.loop() if line is None else console.once(line)
    except KeyboardInterrupt:
        return INTERRUPTED
