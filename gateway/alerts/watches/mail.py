"""Whether people get the mail that the keep sends them: reset links, confirmations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from gateway.alerts.watches.condition import Condition, Watch
from gateway.alerts.watches.facts import Facts
from gateway.alerts.watches.settings import Settings

_LATE_S: Final = 1800.0
"""Later than this is later than a mail that is tried again in its usual way."""
_HOW: Final = "sudo drawbridge mail list, at the keep, says why"


def _look(facts: Facts, settings: Settings) -> Iterator[Condition]:
    del settings
    mail = facts.keep.mail if facts.keep is not None else None
    if mail is None:
        return
    if mail.parked:
        what = "A mail" if mail.parked == 1 else f"{mail.parked} mails"
        yield Condition("mail.parked", "warning", f"{what} could not be sent", f"{_HOW}, and retries or drops", "keep")
    if mail.oldest is not None and facts.now - mail.oldest > _LATE_S:
        what = "A mail has" if mail.waiting == 1 else f"{mail.waiting} mails have"
        summary = f"{what} been waiting for {(facts.now - mail.oldest) / 60:.0f} min"
        yield Condition("mail.waiting", "warning", summary, _HOW, "keep")


def _knows(facts: Facts, cause: str) -> bool:
    del cause
    return facts.keep is not None and facts.keep.mail is not None


WATCH: Final = Watch(("mail.parked", "mail.waiting"), _look, _knows)
