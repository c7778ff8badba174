"""systemd's units, by systemctl."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rescue.commands import Commands, Finished

_PREFIX: Final = ("systemctl", "--no-pager", "--no-ask-password")
_PROPERTIES: Final = ("Id", "LoadState", "ActiveState", "SubState", "Result", "NRestarts", "ActiveEnterTimestamp")


class SystemCtl:
    """``prefix`` is how to call it: elsewhere than on a booted host, something that stands in for it."""

    def __init__(self, commands: Commands, prefix: Sequence[str] = _PREFIX) -> None:
        self._commands = commands
        self._prefix = tuple(prefix)

    def run(self, *arguments: str, timeout_s: float = 90.0) -> int:
        """Run a command, saying what it prints."""
        return self._commands.run(*self._prefix, *arguments, timeout_s=timeout_s)

    def capture(self, *arguments: str, timeout_s: float = 90.0) -> Finished:
        return self._commands.capture(*self._prefix, *arguments, timeout_s=timeout_s)

    def is_active(self, *units: str) -> bool:
        """Whether every one of ``units`` is active."""
        answer = self.capture("is-active", "--", *units, timeout_s=10)
        return answer.out.split() == ["active"] * len(units)

    def properties(self, *units: str) -> list[dict[str, str]]:
        """Return what there is to say of each of ``units``, in their order."""
        show = self.capture("show", f"--property={','.join(_PROPERTIES)}", "--", *units, timeout_s=10)
        blocks = (block for block in show.out.split("\n\n") if block.strip())
        return [dict(line.partition("=")[::2] for line in block.splitlines() if "=" in line) for block in blocks]
