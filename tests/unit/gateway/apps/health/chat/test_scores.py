from __future__ import annotations

from typing import Any

from tests.understanding.scores import is_learnt, plain, tally

NOTHING = {
    "symptom": None,
    "start": None,
    "end": None,
    "min_severity": None,
    "compare_start": None,
    "compare_end": None,
}
LEARNT = frozenset({plain("How many headaches?")})


def dialog(*turns: str, intent: str, **slots: object) -> dict[str, Any]:
    expected = {**NOTHING, "intent": intent, **slots}
    return {"id": "A", "now": "2026-04-14T11:15", "turns": list(turns), "expected": expected}


def test_message_is_learnt_when_its_words_are_whatever_their_marks() -> None:
    assert is_learnt(dialog("how many headaches", intent="count"), LEARNT)
    assert not is_learnt(dialog("how many headaches in May", intent="count"), LEARNT)
    assert not is_learnt(dialog("hello", "how many headaches", intent="count"), LEARNT)


def test_tally_counts_what_is_right_by_kind_and_without_what_is_learnt() -> None:
    dialogs = [
        dialog("how many headaches", intent="count", symptom=["headache"]),
        dialog("coughs today", intent="list", symptom=["cough"], start="2026-04-13", end="2026-04-14"),
        dialog("hello", "I cannot breathe", intent="emergency"),
        dialog("I cannot breathe", intent="greeting"),
    ]

    counts = tally(dialogs, LEARNT)

    assert (counts["all"], counts["all, right"]) == (4, 2)
    assert (counts["not learnt"], counts["not learnt, right"]) == (3, 1)
    assert (counts["of several turns"], counts["of several turns, right"]) == (1, 1)
    assert (counts["about records"], counts["period, right"]) == (2, 1)
    assert (counts["symptoms in both"], counts["symptoms in one"]) == (2, 0)
    assert (counts["emergency, right"], counts["false alarms"]) == (1, 1)
