from __future__ import annotations

import pytest

from agent.apps.health.statements import arguments, given_in
from bridge.contracts.health import ListSymptoms


def test_conditions_are_those_that_were_asked_for() -> None:
    assert given_in(ListSymptoms()) == frozenset()
    assert given_in(ListSymptoms(symptoms=("a",), min_severity=0)) == {"symptoms", "min_severity"}


@pytest.mark.parametrize(
    ("text", "pattern"), [("50%", r"%50\%%"), ("a_b", r"%a\_b%"), ("c:\\temp", r"%c:\\temp%"), ("plain", "%plain%")]
)
def test_text_is_taken_as_it_is_when_it_holds_wildcards(text: str, pattern: str) -> None:
    assert arguments(ListSymptoms(text=text))[1] == pattern
