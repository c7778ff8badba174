"""What reading a message costs at most, counted in steps, whatever it is made of. Tuesday 14 April 2026."""

from __future__ import annotations

from datetime import datetime
from itertools import cycle
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.apps.health.chat.frame import Intent
from gateway.apps.health.chat.spelling import LOOKUPS_MAX
from gateway.apps.health.chat.symptoms import base_lexicon
from gateway.apps.health.chat.turn import Message
from gateway.apps.health.chat.understand import MESSAGE_MAX

NOW: Final = datetime(2026, 4, 14, 11, 15)  # noqa: DTZ001 - the person's local time
CLAUSES_MAX: Final = 31
"""The whole, six sentences, six ways to part them in two, and two passages at each of six signs of danger."""
WORDS_MAX: Final = 240 + 12 * 60 + 12 * 14
RIVALS_MAX: Final = 2
OWN: Final = base_lexicon().joined(["Zyxitis", "Lower back pain", "Earache", "Head cold", "Rash on arm"])

_NEAR_MISSES: Final = st.sampled_from(sorted(OWN.targets.words)).map(lambda word: f"{word[:-1]}q{word[-1]}")
_PIECES: Final = st.one_of(
    _NEAR_MISSES,
    _NEAR_MISSES,
    st.text(max_size=30),
    st.text("abcdefghijklmnopqrstuvwxyz", min_size=3, max_size=20),
    st.sampled_from([
        "and how", ", how many", "because when did", "5 may", "between", "12/31/2026", "1.", "a.", "\n", "?", "...",
        "at least 7", "my head and back", "chest pain", "can't breathe", "with", "last week", "the week before", "air",
        "\u0301" * 20, "\ufdfa" * 20, "\u0645\u0631\u062d\u0628\u0627", "\U0001f600", "<b>", "pills", "letter", "- ",
    ]),
)  # fmt: skip


def filled(pieces: list[str], separator: str) -> str:
    """Return a message as long as one may be, of ``pieces`` again and again."""
    text, more = "", cycle(pieces)
    while len(text) < MESSAGE_MAX:
        text += f"{next(more)}{separator or ' '}"
    return text[:MESSAGE_MAX]


@pytest.mark.timeout(30)  # two seconds of processor, on a busy machine more than ten
@settings(deadline=None, max_examples=20)
@given(st.lists(_PIECES, min_size=1, max_size=60), st.sampled_from([" ", ". ", "\n", ", ", " and ", ""]))
def test_steps_are_bounded_when_a_message_is_made_to_be_slow(pieces: list[str], separator: str) -> None:
    message = Message(filled(pieces, separator), NOW)

    message.turn(base_lexicon())
    assert 0 <= message.repairs.lookups_left <= LOOKUPS_MAX
    assert message.work.clauses <= CLAUSES_MAX
    assert message.work.words <= WORDS_MAX
    assert message.work.weighed <= 2 * CLAUSES_MAX

    message.reads_alike(OWN)
    message.turn(OWN, follows=True)
    message.rival_turns(OWN)
    assert message.repairs.lookups_left >= 0
    assert message.work.clauses <= 2 * CLAUSES_MAX


def test_message_is_read_once_when_it_is_asked_for_again() -> None:
    message = Message("I saw Linda on Monday, and how many heedaches did I have in May?", NOW)
    first = message.turn(base_lexicon())
    work = message.work.clauses, message.work.weighed, message.repairs.lookups_left

    assert message.turn(base_lexicon(), follows=True) == first
    assert message.reads_alike(OWN)
    assert (message.work.clauses, message.work.weighed, message.repairs.lookups_left) == work


def test_a_question_is_one_clause_when_it_is_plain() -> None:
    message = Message("How often did I have a headache this month?", NOW)
    message.turn(base_lexicon())
    assert (message.work.clauses, message.work.weighed, message.repairs.lookups_left) == (1, 1, LOOKUPS_MAX)


TALE: Final = (
    "yesterday we went to the market and bought some apples and then my sister came over for tea and we talked about "
    "the garden. it rained a lot. the neighbours have a new dog that barks all night. I watched the news. "
)
PADDING: Final = {
    "near misses": " ".join(f"{word[:-1]}q{word[-1]}" for word in sorted(OWN.targets.words)[::20]),
    "short words": "a " * 500,
    "a tale": TALE * 5,
    "a tale without full stops": TALE.replace(".", " and") * 5,
    "questions": "how many headaches did I have in May? " * 30,
    "questions without marks": "how many headaches did i have in may and " * 30,
    "lines": "x\n" * 500,
    "danger that is over": "last year I had chest pain. " * 40,
    "greetings": "hello good morning thanks a lot " * 40,
    "help": "what can I ask you? " * 60,
    "nothing that is English": "\u0645\u0631\u062d\u0628\u0627 " * 160,
    "marks on letters": "e\u0301 " * 330,
    "phrases in one letter": "\ufdfa " * 490,
    "markup": "<b>" * 300,
    "one long word": "a" * 930,
    "dates": "5/3/2026 " * 100,
}
DANGERS: Final = (
    "my chest hurts and I can't breathe",
    "my husband is not breathing",
    "he collapsed and won't wake up",
    "I want to kill myself",
    "my chset hurts and i cant breeth",
)


@pytest.mark.parametrize("danger", DANGERS)
@pytest.mark.parametrize("padding", PADDING.values(), ids=list(PADDING))
@pytest.mark.parametrize("joint", [" ", ". "])
def test_emergency_is_seen_when_it_stands_at_either_end_of_a_long_message(
    padding: str, danger: str, joint: str
) -> None:
    room = MESSAGE_MAX - len(danger) - len(joint)
    begun, ended = f"{danger}{joint}{padding}"[:MESSAGE_MAX], f"{padding[:room]}{joint}{danger}"
    for text in (begun, ended):
        assert Message(text, NOW).turn(base_lexicon()).intent is Intent.EMERGENCY, text


@pytest.mark.parametrize(
    "text",
    [TALE * 4, "how often did I have chest pain in May? " * 20, f"{TALE} How often did my chest hurt in May?",
     f"{TALE} {TALE} When did I last have trouble breathing?", "I had chest pain and palpitations last year. " * 15],
)  # fmt: skip
def test_long_message_is_no_emergency_when_it_tells_of_none(text: str) -> None:
    assert Message(text, NOW).turn(base_lexicon()).intent is not Intent.EMERGENCY
