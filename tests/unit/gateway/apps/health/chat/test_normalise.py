from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.apps.health.chat.normalise import repair, stem, words_of

TARGETS = ("headache", "vomiting", "week", "yesterday", "rash", "show", "pain")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("What’s my COUGH like?", "what is my cough like ?"),
        ("I haven't slept", "i have not slept"),
        ("yesterday's entries", "yesterday entries"),
        ("light-headed since 2026-03-05", "light headed since 2026-03-05"),
        ("3–5 March", "3 - 5 march"),
        ("HOWMANY cant", "how many can not"),
        ("", ""),
    ],
)
def test_words_are_plain_when_typed_with_case_marks_and_contractions(text: str, words: str) -> None:
    assert words_of(text) == words.split()


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("hedache", "headache"), ("rsah", "rash"), ("vomitting", "vomiting"), ("yestreday", "yesterday"), ("wek", "week")],
)
def test_word_is_repaired_when_one_slip_away(typed: str, meant: str) -> None:
    assert repair([typed], is_known=lambda _: False, targets=TARGETS) == [meant]


def test_word_stays_when_it_is_known_or_nothing_is_near() -> None:
    assert repair(["rain", "xylophone", "at", "12"], is_known={"rain"}.__contains__, targets=TARGETS) == [
        "rain", "xylophone", "at", "12",
    ]  # fmt: skip


def test_repair_gives_up_when_too_many_words_are_unknown() -> None:
    assert repair(["qwertz"] * 8 + ["hedache"], is_known=lambda _: False, targets=TARGETS)[-1] == "hedache"


@pytest.mark.parametrize("words", [("itchy", "itching", "itchiness"), ("dizzy", "dizziness"), ("runny", "running")])
def test_forms_share_a_stem_when_only_their_endings_differ(words: tuple[str, ...]) -> None:
    assert len({stem(word) for word in words}) == 1


@given(st.text(max_size=1_000))
def test_words_are_few_and_not_empty_when_the_text_is_anything(text: str) -> None:
    words = words_of(text)
    assert len(words) <= 130
    assert all(words)
