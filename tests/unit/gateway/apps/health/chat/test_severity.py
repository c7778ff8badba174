from __future__ import annotations

import pytest

from gateway.apps.health.chat.normalise import words_of
from gateway.apps.health.chat.severity import ANY_SEVERITY, AT_MOST, counts, find_adjective, find_greatest, find_numeric


@pytest.mark.parametrize(
    ("text", "least"),
    [
        ("headaches scoring at least 6", 6),
        ("filter to 7 and up", 7),
        ("rated 8 or more", 8),
        ("severity over 5", 6),
        ("above 7/10", 8),
        ("7+", 7),
        ("coughs worse than six", 7),
        ("rated 7.5 or more", 8),
        ("of at least 6.5", 7),
        ("over 6.5", 7),
        ("nothing below 4", 4),
        ("no milder than a 7", 7),
        ("nothing gentler than 4 please", 4),
        ("the ones not weaker than 5", 5),
        ("no less severe than 6", 6),
        ("never lower than 3", 3),
        ("none of those under 8", 8),
        ("nothing short of 6", 6),
        ("6, nothing lower", 6),
        ("a 7 and none milder", 7),
        ("leaving out whatever was weaker than 4", 4),
        ("nothing over 7, was there?", 8),
        ("was there nothing above 5", 6),
        ("nothing over 7", None),
        ("no worse than 4", None),
        ("none stronger than 4", None),
        ("without those above 6", None),
        ("hide everything beyond 8", None),
        ("no milder than last week", None),
        ("no less than 3 days", None),
        ("6 or stronger", 6),
        ("min 5", 5),
        ("7 at the very least", 7),
        ("more severe than 6", 7),
        ("how many of them reached 8", 8),
        ("the ones that hit a 9", 9),
        ("nights that hit 6 am", None),
        ("a minimum of 3 days", None),
        ("only 6s and above", 6),
        ("from 5 up", 5),
        ("minimum severity 3", 3),
        ("rated 8 or 10", 8),
        ("scores of 7, 8, 9 or 10", 7),
        ("the 9 to 10 May", None),
        ("from 5 to 10 March", None),
        ("no more than 4", None),
        ("not over 5", None),
        ("more than 10", None),
        ("on a scale of 1 to 10, how bad", None),
        ("on a scale from 1 to 10 at least 6", 6),
        ("over 3 weeks", None),
        ("at least 5 times", None),
        ("headaches in March", None),
    ],
)
def test_least_severity_is_read_when_a_number_says_it(text: str, least: int | None) -> None:
    assert find_numeric(words_of(text))[0] == least


@pytest.mark.parametrize(
    ("skeleton", "least"),
    [
        ("severe <symptom> <time>", 7),
        ("only the bad ones", 7),
        ("really bad <symptom>", 7),
        ("moderate or worse", 4),
        ("anything terrible <time>", 7),
        ("every severe complaint <time>", 7),
        ("show severe <symptom> <time>", 7),
        ("was bad <symptom> worse <time>", 7),
        ("almost severe <symptom>", 7),
        ("also terrible <symptom>", 7),
        ("how many of them were really bad", 7),
        ("how many <symptom> were severe <time>", 7),
        ("how many of my <symptom> felt awful", 7),
        ("were any of those serious", 7),
        ("which nights were terrible", 7),
        ("only where it was bad", 7),
        ("were they bad", None),
        ("how many were too bad to work", None),
        ("how many of those were not bad", None),
        ("as bad <symptom>", None),
        ("not so bad <symptom>", None),
        ("how bad was <symptom>", None),
        ("how severe <symptom>", None),
        ("the most severe <symptom>", None),
    ],
)
def test_least_severity_is_read_when_an_adjective_says_it(skeleton: str, least: int | None) -> None:
    assert find_adjective(skeleton)[0] == least


def test_number_is_no_severity_when_it_counts_a_symptom() -> None:
    assert counts(words_of("weeks with more than 3 headaches"), [5])
    assert counts(words_of("days of fewer than 2 headaches"), [5])
    assert not counts(words_of("headaches of more than 3"), [0])


@pytest.mark.parametrize(
    "text",
    ["drop the severity filter", "whatever it was, regardless of severity", "and the mild ones too", "of any severity"],
)
def test_severity_is_taken_back_when_all_are_wanted(text: str) -> None:
    assert ANY_SEVERITY in find_numeric(words_of(text))[1]


@pytest.mark.parametrize(
    ("skeleton", "is_said"),
    [
        ("<symptom> under 3", True),
        ("<symptom> of 4 or less", True),
        ("nothing over 7", True),
        ("milder than 4", True),
        ("leave out those above 6", True),
        ("only mild <symptom>", True),
        ("<symptom> for under 3 weeks", False),
        ("mild to severe <symptom>", False),
        ("<symptom> <time>", False),
    ],
)
def test_greatest_severity_is_noticed_when_it_is_said(skeleton: str, is_said: bool) -> None:
    assert find_greatest(skeleton)[0] is is_said


def test_greatest_severity_is_a_slot_when_a_number_says_it() -> None:
    assert find_greatest("<symptom> of no more than 4 <time>") == (True, f"<symptom> {AT_MOST} <time>")
    assert find_greatest("only mild <symptom>") == (True, "only mild <symptom>")
