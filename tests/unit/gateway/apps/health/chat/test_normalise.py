from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.apps.health.chat.normalise import stem, words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("What’s my COUGH like?", "what is my cough like ?"),
        ("I haven't slept", "i have not slept"),
        ("yesterday's entries", "yesterday entries"),
        ("light-headed since 2026-03-05", "light headed since 2026-03-05"),
        ("3–5 March", "3 - 5 march"),
        ("HOWMANY cant", "how many can not"),
        ("when'd it start, w/o fail", "when did it start , without fail"),
        ("", ""),
    ],
)
def test_words_are_plain_when_typed_with_case_marks_and_contractions(text: str, words: str) -> None:
    assert words_of(text) == words.split()


@pytest.mark.parametrize(
    "words",
    [("itchy", "itching", "itchiness"), ("dizzy", "dizziness"), ("runny", "running"), ("bloated", "bloatedness")],
)
def test_forms_share_a_stem_when_only_their_endings_differ(words: tuple[str, ...]) -> None:
    assert len({stem(word) for word in words}) == 1


@given(st.text(max_size=1_000))
def test_words_are_few_and_not_empty_when_the_text_is_anything(text: str) -> None:
    words = words_of(text)
    assert len(words) <= 130
    assert all(words)
