"""Dialogs of the questions that the chat is scored by, and whether what was understood is right.

``tests/unit/gateway/apps/health/chat/questions`` has them, one JSON object a line; its test says who wrote them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

from gateway.apps.health.chat.symptoms import base_lexicon
from gateway.apps.health.chat.understand import Dialog, predict

FOLDER: Final = Path(__file__).parents[1] / "unit/gateway/apps/health/chat/questions"
WITHOUT_SLOTS: Final = {"help", "greeting", "emergency", "out_of_scope"}


def is_right(dialog: dict[str, Any], said: dict[str, Any]) -> bool:
    """Tell whether ``said_of(dialog)`` is what it means; a range counts when it is the same up to tomorrow."""
    expected = dialog["expected"]
    if said["intent"] != expected["intent"] or expected["intent"] in WITHOUT_SLOTS:
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
