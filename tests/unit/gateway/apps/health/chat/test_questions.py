"""Questions and what each means; ``questions/`` has them, one JSON object a line.

Their writers did not see the rules; the one of ``everyday2`` had seen a part. Those of ``strangers``,
``emergencies2`` and ``lookalikes2`` were written by the one who wrote the last rules, each round before it was run, and
split by a seeded draw.

A file ``*-tuned`` was looked at when rules were written, a file ``*-unseen`` never is: nobody reads its failures. Their
shares are what the rules are worth on questions that nobody has foreseen; docs/chat.md says which were steered by.
Labels follow the conventions that the chat's design points to; a range counts as right when it is the same up to
tomorrow.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from gateway.apps.health.chat.symptoms import base_lexicon
from gateway.apps.health.chat.understand import Dialog, predict

FOLDER: Final = Path(__file__).with_name("questions")
RIGHT_AT_LEAST: Final = {
    "dialogs-tuned": 1.0, "dialogs-unseen": 0.88, "emergencies-tuned": 0.99, "emergencies-unseen": 0.79,
    "lookalikes-tuned": 0.93, "lookalikes-unseen": 0.80, "people-tuned": 0.98, "people-unseen": 0.83,
    "everyday-tuned": 0.99, "everyday-unseen": 0.92, "symptoms-tuned": 0.97, "symptoms-unseen": 0.82,
    "time-tuned": 1.0, "time-unseen": 0.93, "everyday2-tuned": 1.0, "everyday2-unseen": 0.95,
    "strangers-tuned": 0.97, "strangers-unseen": 0.81, "emergencies2-tuned": 1.0, "emergencies2-unseen": 0.88,
    "lookalikes2-tuned": 0.98, "lookalikes2-unseen": 0.82,
}  # fmt: skip
"""Raise a share when it has risen; never lower one."""
FALSE_ALARMS_AT_MOST: Final = {
    "dialogs-tuned": 0, "dialogs-unseen": 0, "everyday-tuned": 0, "everyday-unseen": 2,
    "everyday2-tuned": 0, "everyday2-unseen": 0, "lookalikes-tuned": 0, "lookalikes-unseen": 7, "people-tuned": 0,
    "people-unseen": 1, "symptoms-tuned": 0, "symptoms-unseen": 1, "time-tuned": 0, "time-unseen": 0,
    "strangers-tuned": 0, "strangers-unseen": 2, "lookalikes2-tuned": 0, "lookalikes2-unseen": 3,
}  # fmt: skip
"""Lower a number when it has fallen."""
_WITHOUT_SLOTS: Final = {"help", "greeting", "emergency", "out_of_scope"}


def is_right(dialog: dict[str, Any]) -> bool:
    expected = dialog["expected"]
    said = said_of(dialog)
    if said["intent"] != expected["intent"] or expected["intent"] in _WITHOUT_SLOTS:
        return bool(said["intent"] == expected["intent"])
    right_ranges = [set(ranges(expected, dialog["now"]))]
    right_ranges += [set(ranges(other, dialog["now"])) for other in expected.get("alt", ())]
    return (
        set(said["symptom"] or ()) == set(expected["symptom"] or ())
        and said["min_severity"] == expected["min_severity"]
        and set(ranges(said, dialog["now"])) in right_ranges
    )


def said_of(dialog: dict[str, Any]) -> dict[str, Any]:
    return predict(Dialog.model_validate(dialog), base_lexicon())[0].as_json()


def ranges(slots: dict[str, Any], now: str) -> Iterator[tuple[str | None, str | None]]:
    """Yield the period, and the second one of a comparison, ending tomorrow at the latest."""
    tomorrow = (date.fromisoformat(now[:10]) + timedelta(1)).isoformat()
    for start, end in ((slots["start"], slots["end"]), (slots.get("compare_start"), slots.get("compare_end"))):
        until = min(end or tomorrow, tomorrow)
        yield start, None if start is None and until == tomorrow else until


def dialogs_of(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (FOLDER / f"{name}.jsonl").read_text("utf-8").splitlines()]


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.jsonl")))
def test_share_of_questions_that_are_understood_does_not_fall(name: str) -> None:
    dialogs = dialogs_of(name)

    right = sum(map(is_right, dialogs))

    assert right / len(dialogs) >= RIGHT_AT_LEAST[name]


@pytest.mark.parametrize("name", sorted(FALSE_ALARMS_AT_MOST))
def test_number_of_false_alarms_does_not_rise(name: str) -> None:
    harmless = [dialog for dialog in dialogs_of(name) if dialog["expected"]["intent"] != "emergency"]

    alarms = sum(said_of(dialog)["intent"] == "emergency" for dialog in harmless)

    assert alarms <= FALSE_ALARMS_AT_MOST[name]
