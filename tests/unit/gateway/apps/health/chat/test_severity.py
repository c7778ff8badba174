from __future__ import annotations

import pytest

from gateway.apps.health.chat.normalise import words_of
from gateway.apps.health.chat.severity import find_adjective, find_numeric


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
        ("more than 10", None),
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
        ("how bad was <symptom>", None),
        ("how severe <symptom>", None),
        ("the most severe <symptom>", None),
    ],
)
def test_least_severity_is_read_when_an_adjective_says_it(skeleton: str, least: int | None) -> None:
    assert find_adjective(skeleton)[0] == least
