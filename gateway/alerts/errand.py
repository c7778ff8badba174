"""A channel as the monitor has it: a program is sent with the message, and says what became of it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from gateway.alerts.channels import TRY_S, Channel, NotSent, Refused
from gateway.alerts.settings import Email, Settings, Webhook
from gateway.alerts.wording import Words

_PROGRAM: Final = (sys.executable, "-m", "gateway.alerts.sending")
_WITHIN_S: Final = TRY_S + 15.0
"""A try, and the program's start on a busy machine."""


def errands(settings: Settings) -> list[Channel]:
    """Return the configured ways to the administrator, without the journal."""
    ways: Sequence[tuple[str, Email | Webhook | None]] = (("email", settings.email), ("webhook", settings.webhook))
    return [Errand(name, one) for name, one in ways if one is not None]


class Errand:
    """Sends over the channel ``name`` in a process of its own (:mod:`gateway.alerts.sending`)."""

    def __init__(
        self,
        name: str,
        settings: Email | Webhook,
        *,
        program: Sequence[str] = _PROGRAM,
        within_s: float = _WITHIN_S,
    ) -> None:
        self.name = name
        self._settings = settings
        self._program = program
        self._within_s = within_s

    def send(self, words: Words) -> str:
        errand = {"channel": self.name, "settings": asdict(self._settings), "words": asdict(words)}
        answer = self._run(json.dumps(errand).encode())
        if "said" in answer:
            return str(answer["said"])
        if "refused" in answer:
            raise Refused(answer["reason"], answer["advice"])
        raise NotSent(answer["reason"], wait_s=answer["wait_s"])

    def _run(self, errand: bytes) -> dict[str, Any]:
        """Return the program's answer; the errand goes through a pipe, for everybody sees arguments."""
        try:
            done = subprocess.run(  # noqa: S603 - a program of ours
                self._program, input=errand, stdout=subprocess.PIPE, timeout=self._within_s, check=False
            )
        except subprocess.TimeoutExpired:
            msg = "it took too long"
            raise NotSent(msg) from None
        except OSError as error:
            raise NotSent(error.strerror or type(error).__name__) from error
        try:
            answer: dict[str, Any] = json.loads(done.stdout)
        except ValueError:
            msg = f"the program that sends ended with {done.returncode}"
            raise NotSent(msg) from None
        return answer
