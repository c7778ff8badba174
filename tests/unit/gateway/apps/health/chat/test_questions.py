"""Questions and what each means; ``questions/`` has them, one JSON object a line.

Their writers did not see the rules; the one of ``everyday2`` had seen a part. Those of ``strangers``,
``emergencies2`` and ``lookalikes2`` were written by the one who wrote the last rules, each round before it was run,
and split by a seeded draw. Nine later ones (``comparisons``, ``several_symptoms``, ``everyday3`` and ``4``,
``borders``, ``danger``, ``symptoms2``, ``time2``, ``dialogs2``) are by strangers who saw the conventions and the
development set alone; ``time3``, ``everyday5``, ``emergencies3`` and ``lookalikes3`` were written by one who then
mended the grammar of time, before grammar and rules were read. ``everyday6`` has two writers, who saw the conventions
and the development set alone and write no rules: one of edgy voices, tuned, and one of a clinic's log, unseen.
``everyday7`` has three of the same kind: of young people and of dialects and late English, both tuned, and one unseen.
``everyday8`` has thirteen of the same kind: eight who were sent after what is hard, tuned, and five who write as all
people do, unseen.
``everyday9`` is by one more, and was first run when all of these had been tuned.
``everyday10`` has twelve of the same kind: nine tuned after first sight, and three unseen, two of which had been named
as the ones that decide before any was run, and were run once, when all rules had been written.

A file ``*-tuned`` was looked at when rules were written, a file ``*-unseen`` never is: nobody reads its failures. Their
shares are what the rules are worth on questions that nobody has foreseen; docs/chat.md says which were steered by.
Labels follow the conventions that the chat's design points to; a range counts as right when it is the same up to
tomorrow.

Beside the share of each set, what is right in all sets of a half together is held, and how many emergencies a set
misses: a dialog that one set loses is not made good by one that another finds, and least of all one of danger.
"""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import Final

import pytest

from tests.understanding.dialogs import FOLDER, dialogs_of
from tests.understanding.scores import EVERYDAY, tally

_SETS: Final = sorted(path.stem for path in FOLDER.glob("*.jsonl"))
RIGHT_AT_LEAST: Final = {
    "borders-tuned": 1.0, "borders-unseen": 0.97, "comparisons-tuned": 0.96, "comparisons-unseen": 0.96,
    "danger-tuned": 0.99, "danger-unseen": 0.89, "dialogs-tuned": 1.0, "dialogs-unseen": 0.91, "dialogs2-tuned": 0.95,
    "dialogs2-unseen": 0.96, "emergencies-tuned": 1.0, "emergencies-unseen": 0.87, "emergencies2-tuned": 1.0,
    "emergencies2-unseen": 0.96, "everyday-tuned": 1.0, "everyday-unseen": 0.98, "everyday2-tuned": 1.0,
    "everyday2-unseen": 0.96, "everyday3-tuned": 1.0, "everyday3-unseen": 0.98, "everyday4-tuned": 0.99,
    "everyday4-unseen": 0.98, "lookalikes-tuned": 0.98, "lookalikes-unseen": 0.91, "lookalikes2-tuned": 1.0,
    "lookalikes2-unseen": 0.9, "people-tuned": 0.99, "people-unseen": 0.93, "several_symptoms-tuned": 0.98,
    "several_symptoms-unseen": 0.89, "strangers-tuned": 0.99, "strangers-unseen": 0.89, "symptoms-tuned": 0.98,
    "symptoms-unseen": 0.9, "symptoms2-tuned": 0.97, "symptoms2-unseen": 0.97, "time-tuned": 1.0, "time-unseen":
    1.0, "time2-tuned": 0.99, "time2-unseen": 0.99, "time3-tuned": 0.98, "time3-unseen": 0.98,
    "emergencies3-tuned": 0.92, "emergencies3-unseen": 0.96, "everyday5-tuned": 0.98, "everyday5-unseen": 0.98,
    "lookalikes3-tuned": 0.89, "lookalikes3-unseen": 0.76, "everyday6-tuned": 1.0, "everyday6-unseen": 0.99,
    "everyday7-tuned": 0.99, "everyday7-unseen": 0.97, "everyday8-tuned": 1.0,
    "everyday8-unseen": 0.98, "everyday9-unseen": 0.97, "everyday10-tuned": 0.99, "everyday10-unseen": 0.99,
}  # fmt: skip
"""Raise a share when it has risen; never lower one."""
FALSE_ALARMS_AT_MOST: Final = {
    "borders-tuned": 0, "borders-unseen": 0, "comparisons-tuned": 0, "comparisons-unseen": 0, "danger-tuned": 3,
    "danger-unseen": 6, "dialogs-tuned": 0, "dialogs-unseen": 0, "dialogs2-tuned": 0, "dialogs2-unseen": 0,
    "everyday-tuned": 0, "everyday-unseen": 0, "everyday2-tuned": 0, "everyday2-unseen": 0, "everyday3-tuned": 0,
    "everyday3-unseen": 0, "everyday4-tuned": 0, "everyday4-unseen": 0, "lookalikes-tuned": 0, "lookalikes-unseen": 2,
    "lookalikes2-tuned": 0, "lookalikes2-unseen": 1, "people-tuned": 0, "people-unseen": 0, "several_symptoms-tuned":
    0, "several_symptoms-unseen": 0, "strangers-tuned": 0, "strangers-unseen": 2, "symptoms-tuned": 0,
    "symptoms-unseen": 0, "symptoms2-tuned": 0, "symptoms2-unseen": 0, "time-tuned": 0, "time-unseen": 0,
    "time2-tuned": 0, "time2-unseen": 0, "time3-tuned": 0, "time3-unseen": 0,
    "everyday5-tuned": 0, "everyday5-unseen": 1, "lookalikes3-tuned": 1, "lookalikes3-unseen": 3,
    "everyday6-tuned": 0, "everyday6-unseen": 0, "everyday7-tuned": 0, "everyday7-unseen": 1,
    "everyday8-tuned": 0, "everyday8-unseen": 1, "everyday9-unseen": 0, "everyday10-tuned": 0,
    "everyday10-unseen": 0,
}  # fmt: skip
"""Lower a number when it has fallen."""
_EMERGENCIES_MISSED_AT_MOST: Final = {
    "danger-unseen": 17, "emergencies-unseen": 13, "emergencies2-unseen": 3, "emergencies3-tuned": 10,
    "emergencies3-unseen": 5,
}  # fmt: skip
"""In the other sets none. Lower a number when it has fallen."""
_AT_LEAST: Final = {
    "tuned": {
        "all, right": 8816, "of several turns, right": 2391, "period, right": 6311, "symptoms in both": 5993,
        "out_of_scope, right": 1134, "emergency, right": 1038,
    },
    "unseen": {
        "all, right": 5559, "of several turns, right": 1376, "period, right": 3897, "symptoms in both": 3612,
        "out_of_scope, right": 764, "emergency, right": 705,
    },
}  # fmt: skip
"""Of all sets of a half, by the kinds of ``tally``. Raise a number when it has risen."""
_AT_MOST: Final = {
    "tuned": {"symptoms in one": 37, "turned away": 9, "false alarms": 4},
    "unseen": {"symptoms in one": 74, "turned away": 23, "false alarms": 17},
}
"""The same of what should be few: 4, 3 and 1 of the unseen are everyday 7's. Lower a number when it has fallen."""


@cache
def counted(name: str) -> Counter[str]:
    return tally(dialogs_of(name), frozenset())


@pytest.mark.timeout(60)  # the largest set takes some seconds of processor
@pytest.mark.parametrize("name", _SETS)
def test_share_of_questions_that_are_understood_does_not_fall(name: str) -> None:
    counts = counted(name)

    assert counts["all, right"] / counts["all"] >= RIGHT_AT_LEAST[name]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", sorted(FALSE_ALARMS_AT_MOST))
def test_number_of_false_alarms_does_not_rise(name: str) -> None:
    assert counted(name)["false alarms"] <= FALSE_ALARMS_AT_MOST[name]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", _SETS)
def test_number_of_emergencies_that_are_missed_does_not_rise(name: str) -> None:
    counts = counted(name)

    assert counts["emergency"] - counts["emergency, right"] <= _EMERGENCIES_MISSED_AT_MOST.get(name, 0)


@pytest.mark.timeout(180)  # of all sets, where no other test has counted them before
@pytest.mark.parametrize("half", sorted(_AT_LEAST))
def test_what_is_right_in_all_sets_together_does_not_fall(half: str) -> None:
    whole = sum((counted(name) for name in _SETS if name.endswith(f"-{half}")), Counter[str]())

    assert {kind: whole[kind] for kind, least in _AT_LEAST[half].items() if whole[kind] < least} == {}
    assert {kind: whole[kind] for kind, most in _AT_MOST[half].items() if whole[kind] > most} == {}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("names", [EVERYDAY, ("everyday10",)])
def test_unseen_everyday_questions_meet_the_goals(names: tuple[str, ...]) -> None:
    whole = sum((counted(f"{name}-unseen") for name in names), Counter[str]())
    both, one = whole["symptoms in both"], whole["symptoms in one"]

    assert whole["all, right"] >= 0.97 * whole["all"]
    assert whole["of several turns, right"] >= 0.95 * whole["of several turns"]
    assert whole["period, right"] >= 0.99 * whole["about records"]
    assert 2 * both >= 0.98 * (2 * both + one)
    assert whole["out_of_scope, right"] >= 0.97 * whole["out_of_scope"]
    assert whole["turned away"] <= 0.01 * whole["about records"]
    assert (whole["emergency, right"], whole["false alarms"]) == (whole["emergency"], 0)
