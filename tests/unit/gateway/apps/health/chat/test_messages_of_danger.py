"""Messages with danger in them, or with what only sounds like it; ``messages/`` has them, a label and a message a line.

Written by strangers who saw the conventions and the development set alone: what is told and over, danger told beside a
question, pairs that differ by a few words, short and dictated ones. Each label was given twice, and those are left out
of which the second was not sure. What is in ``tuned.tsv`` was looked at when rules of danger were written, what is in
``unseen.tsv`` never was. None is learnt from.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Final

import pytest

from tests.understanding.asked import intent_of

_MESSAGES: Final = Path(__file__).with_name("messages")
_EMERGENCIES_SEEN: Final = {"tuned": 502, "unseen": 406}
"""Raise a number when it has risen; never lower one."""
_FALSE_ALARMS: Final = {"tuned": 13, "unseen": 74}
"""Lower a number when it has fallen."""


@pytest.mark.timeout(60)
@pytest.mark.parametrize("half", ["tuned", "unseen"])
def test_messages_are_told_from_danger_no_worse_than_before(half: str) -> None:
    counts: Counter[str] = Counter()
    for line in (_MESSAGES / f"{half}.tsv").read_text("utf-8").splitlines():
        wants, message = line.split("\t")
        is_alarm = intent_of(message) == "emergency"
        counts["emergencies seen"] += is_alarm and wants == "emergency"
        counts["false alarms"] += is_alarm and wants != "emergency"

    assert counts["emergencies seen"] >= _EMERGENCIES_SEEN[half]
    assert counts["false alarms"] <= _FALSE_ALARMS[half]
