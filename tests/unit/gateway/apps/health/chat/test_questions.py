"""Questions by people who did not see the rules, and what each means; ``questions/`` has them, one JSON object a line.

A file ``*-tuned`` was looked at when rules were written, a file ``*-unseen`` never is: nobody reads its failures. Their
shares are what the rules are worth on questions that nobody has foreseen. Labels follow the conventions that the chat's
design points to; a range counts as right when it is the same up to tomorrow.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from gateway.apps.health.chat.symptoms import base_lexicon
from gateway.apps.health.chat.understand import Dialog, understand

FOLDER: Final = Path(__file__).with_name("questions")
RIGHT_AT_LEAST: Final = {"time-tuned": 1.0, "time-unseen": 0.82}
"""Raise a share when it has risen; never lower one."""
_WITHOUT_SLOTS: Final = {"help", "greeting", "emergency", "out_of_scope"}


def is_right(dialog: dict[str, Any]) -> bool:
    expected, lexicon = dialog["expected"], base_lexicon()
    frame, _ = understand(Dialog.model_validate(dialog), lexicon)
    said = frame.as_json()
    if said["intent"] != expected["intent"] or expected["intent"] in _WITHOUT_SLOTS:
        return bool(said["intent"] == expected["intent"])
    symptoms = {lexicon.broadest(symptom) for symptom in frame.symptoms}
    right_ranges = [set(ranges(expected, dialog["now"]))]
    right_ranges += [set(ranges(other, dialog["now"])) for other in expected.get("alt", ())]
    return (
        symptoms == set(expected["symptom"] or ())
        and said["min_severity"] == expected["min_severity"]
        and set(ranges(said, dialog["now"])) in right_ranges
    )


def ranges(slots: dict[str, Any], now: str) -> Iterator[tuple[str | None, str | None]]:
    """Yield the period, and the second one of a comparison, ending tomorrow at the latest."""
    tomorrow = (date.fromisoformat(now[:10]) + timedelta(1)).isoformat()
    for start, end in ((slots["start"], slots["end"]), (slots.get("compare_start"), slots.get("compare_end"))):
        until = min(end or tomorrow, tomorrow)
        yield start, None if start is None and until == tomorrow else until


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.jsonl")))
def test_share_of_questions_that_are_understood_does_not_fall(name: str) -> None:
    dialogs = [json.loads(line) for line in (FOLDER / f"{name}.jsonl").read_text("utf-8").splitlines()]

    right = sum(map(is_right, dialogs))

    assert right / len(dialogs) >= RIGHT_AT_LEAST[name]
