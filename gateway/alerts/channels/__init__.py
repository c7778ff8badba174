"""The ways to an administrator, one file each. A channel sends words, now, or says why it could not."""

from __future__ import annotations

from typing import Protocol

from gateway.alerts.report import one_line
from gateway.alerts.wording import Words

TRY_S = 30.0
"""One try takes no longer."""
_REASON_MAX = 300


class NotSent(Exception):
    """Not sent this time: it may be tried again, in ``wait_s`` at the earliest if the receiver says so."""

    def __init__(self, reason: str, *, wait_s: float | None = None) -> None:
        super().__init__(one_line(reason.strip(), _REASON_MAX))
        self.wait_s = wait_s

    @property
    def reason(self) -> str:
        return str(self.args[0])


class Refused(NotSent):
    """The receiver will never take this message: something has to be put right first; ``advice`` says what."""

    def __init__(self, reason: str, advice: str = "") -> None:
        super().__init__(reason)
        self.advice = advice


class Channel(Protocol):
    """One way. ``send`` blocks for at most :data:`TRY_S`, so it runs in a thread."""

    @property
    def name(self) -> str: ...

    def send(self, words: Words) -> str:
        """Send, and return what the receiver said. Raises :class:`NotSent`, :class:`Refused`."""
        ...


def without(secret: str, text: str) -> str:
    """Return ``text`` without the secret, should a receiver have quoted it."""
    return text.replace(secret, "…") if secret else text
