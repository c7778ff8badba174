"""The prompt: completion of the fixed list, and no history, for what is typed here is nobody's to read later."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from typing import TextIO

from rescue.settings import Host
from rescue.verbs import Role, verbs_of
from rescue.words import LINE_MAX

try:
    import readline
except ImportError:  # a Python without it: no completion
    readline = None  # type: ignore[assignment]


def completions(words: Sequence[str], host: Host, role: Role) -> list[str]:
    """Return what the last of ``words`` may become; the last is '' where a new one begins."""
    *before, start = words
    if host is Host.KEEP and role is Role.OWNER and before[:1] == ["door"]:
        return completions(words[1:], Host.DOOR, role)
    found = {"door"} if host is Host.KEEP and role is Role.OWNER and not before else set()
    for verb in verbs_of(host, role):
        place = len(before)
        if place < len(verb.words):
            if list(verb.words[:place]) == before:
                found.add(verb.words[place])
        elif before[: len(verb.words)] == list(verb.words) and place - len(verb.words) < len(verb.arguments):
            found |= {*verb.arguments[place - len(verb.words)].kind_at(host).choices}
    return sorted(one for one in found if one.startswith(start))


class Prompt:
    def __init__(self, host: Host, role: Role, out: TextIO, *, is_terminal: bool) -> None:
        self._text = f"rescue {host.value}> " if is_terminal else ""
        self._is_terminal = is_terminal
        self._out = out
        self._host = host
        self._role = role
        if is_terminal and readline is not None:
            readline.set_auto_history(False)
            readline.set_completer_delims(" ")
            readline.set_completer(self._complete)
            readline.parse_and_bind("set enable-bracketed-paste off")
            readline.parse_and_bind("tab: complete")

    def read(self, idle_s: int) -> str:
        """Return the next line. Raises EOFError at the end, TimeoutError after ``idle_s``, KeyboardInterrupt."""
        signal.alarm(idle_s)
        try:
            if self._is_terminal:
                return input(self._text)
            line = whole = sys.stdin.buffer.readline(LINE_MAX + 2)
            while whole and not whole.endswith(b"\n"):  # the rest of a line that is too long is no line of its own
                whole = sys.stdin.buffer.readline(LINE_MAX)
        finally:
            signal.alarm(0)
        if not line:
            raise EOFError
        return line.decode("utf-8", "replace").rstrip("\r\n")

    def _complete(self, _text: str, state: int) -> str | None:
        words = readline.get_line_buffer()[: readline.get_endidx()].split(" ")
        words = [word for word in words[:-1] if word] + words[-1:]
        found = completions(words, self._host, self._role)
        return f"{found[state]} " if state < len(found) else None
