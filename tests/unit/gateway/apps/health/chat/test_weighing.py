from __future__ import annotations

from datetime import datetime
from typing import Final

import pytest

from gateway.apps.health.chat import turn as turns
from gateway.apps.health.chat.frame import Intent
from gateway.apps.health.chat.reading import Turn
from gateway.apps.health.chat.symptoms import base_lexicon
from gateway.apps.health.chat.turn import hear, read_turn
from gateway.apps.health.chat.weighing import INTENTS, WEIGHTS, features, weigh
from tests.understanding.corpus import digest, digest_of, examples, framed

NOW: Final = datetime(2026, 6, 17, 10, 30)  # noqa: DTZ001 - a person's local time


def read(message: str) -> Turn:
    return read_turn(message, NOW, base_lexicon())


def weighing(monkeypatch: pytest.MonkeyPatch, **odds: float) -> None:
    """Let the words weigh as ``odds`` say, whatever they are."""
    monkeypatch.setattr(turns, "weigh", lambda _: {intent: odds.get(intent.value, -9.0) for intent in INTENTS})


def test_weights_are_made_of_what_people_said_when_it_was_changed_last() -> None:
    assert digest() in WEIGHTS.read_text("utf-8").partition("\n")[0], "run `make weights`"


def test_weights_are_those_that_the_head_of_their_file_was_written_for() -> None:
    _, made, _, *lines = WEIGHTS.read_text("utf-8").splitlines()
    assert made.endswith(f": {digest_of(lines)}"), "changed by hand: run `make weights`"


def test_every_weight_is_one_of_an_intent() -> None:
    _, _, names, *lines = WEIGHTS.read_text("utf-8").splitlines()
    assert names == f"# {' '.join(INTENTS)}"
    for line in lines:
        numbers = [int(number) for number in line.split("\t")[1].split(" ")]
        assert set(numbers[::2]) <= set(range(len(INTENTS)))
        assert all(-128 < step < 128 for step in numbers[1::2])


def test_every_message_that_is_learnt_from_has_an_intent_and_every_intent_has_messages() -> None:
    said = [(each.message, each.wants, each.is_fitted) for each in examples()]
    assert {wants for _, wants, _ in said} == set(Intent)
    assert all(message.strip() == message and message for message, _, _ in said)


def test_what_is_learnt_twice_more_wants_the_same() -> None:
    said = [each for each in examples() if each.message == "do you know if I had a headache on Sunday"]
    again = list(framed(said))
    assert [each.wants for each in again] == [Intent.LIST, Intent.LIST]
    assert all("I had a headache on Sunday" in each.message for each in again)


def test_features_are_words_their_parts_and_pairs_and_what_the_marks_hide() -> None:
    assert list(features("how bad <symptom>", ["how", "bad", "headache"])) == [
        "*", "how", "~_how", "~how_", "bad", "~_bad", "~bad_", "<symptom>",
        "^ how", "how bad", "bad <symptom>", "<symptom> $", "=headache",
    ]  # fmt: skip


def test_features_are_bounded_when_a_message_is_long() -> None:
    words = [f"word{k}" for k in range(120)]
    assert "=word0" not in set(features("<symptom>", words))
    assert "word0" not in set(features(" ".join(words), words))


def test_nothing_weighs_more_than_the_rest_when_no_feature_is_known() -> None:
    assert set(weigh(["never said by anybody"]).values()) == {0}


@pytest.mark.parametrize(
    ("message", "by_rules", "meant"),
    [
        ("Which complaint has topped the list since New Year?", Intent.LIST, Intent.MOST_FREQUENT),
        ("would honey help", Intent.HELP, Intent.OUT_OF_SCOPE),
        ("ok bye, expect me tomorrow", Intent.OUT_OF_SCOPE, Intent.GREETING),
    ],
)
def test_rules_are_overruled_when_the_words_weigh_for_something_else(
    message: str, by_rules: Intent, meant: Intent
) -> None:
    assert hear(message, NOW, base_lexicon()).by_rules.intent in {by_rules, None}
    assert read(message).intent is meant


def test_slots_are_read_when_what_the_rules_refuse_is_a_question_after_all() -> None:
    turn = read("step count was dreadful, but did my knee hurt on Sunday?")
    assert (turn.intent, turn.symptoms) == (Intent.LIST, ("knee pain",))
    assert [str(period.start) for period in turn.times.periods] == ["2026-06-14"]


def test_self_harm_is_an_emergency_whatever_the_words_weigh(monkeypatch: pytest.MonkeyPatch) -> None:
    weighing(monkeypatch, list=9)
    assert read("I want to kill myself").intent is Intent.EMERGENCY


@pytest.mark.parametrize("behind", [" --", " <br>", " https://example.org/a"])
def test_self_harm_and_danger_count_when_code_stands_beside_them(behind: str) -> None:
    assert read(f"I want to kill myself{behind}").intent is Intent.EMERGENCY
    assert read(f"can't breathe{behind}").intent is Intent.EMERGENCY


@pytest.mark.parametrize(
    "danger",
    [
        "My husband is not breathing.", "I can't breathe and my lips are blue.", "My face is drooping on one side.",
        "Dad has gone all grey and clammy and won't answer.", "She has taken all her tablets.",
        "My son is having a seizure.", "The bleeding won't stop.", "Mum collapsed and won't wake up.",
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "question", ["How many headaches did I have in May?", "When did I last have an asthma attack?", "list my coughs"]
)
def test_emergency_is_seen_when_a_question_stands_beside_it(danger: str, question: str) -> None:
    assert read(f"{danger} {question}").intent is Intent.EMERGENCY


def test_emergency_needs_less_to_be_ahead_where_it_is_asked_and_more_where_the_rules_see_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    weighing(monkeypatch, out_of_scope=1, emergency=0.5)
    assert read("where do I press").intent is Intent.EMERGENCY
    assert read("a wasp came by").intent is not Intent.EMERGENCY
    assert read("my son is having a seizure").intent is not Intent.EMERGENCY
    weighing(monkeypatch, out_of_scope=1, emergency=1.8)
    assert read("a wasp came by").intent is read("my son is having a seizure").intent is Intent.EMERGENCY


def test_emergency_is_seen_when_many_sentences_follow_it() -> None:
    more = "I am home. It is late. The tv is on. It rains. My cat sleeps. Good night. Show my coughs."
    assert read(f"My dad isn't breathing. {more}").intent is Intent.EMERGENCY


def test_slots_of_a_follow_up_keep_the_intent_before_them_when_another_is_near(monkeypatch: pytest.MonkeyPatch) -> None:
    weighing(monkeypatch, out_of_scope=1.5, list=1)
    assert read_turn("the same month in 2024", NOW, base_lexicon(), follows=True).intent is None
    assert read("the same month in 2024").intent is Intent.OUT_OF_SCOPE


@pytest.mark.parametrize("question", ["How often did I have headache?", "Show my entries of any symptom last week"])
def test_our_own_question_means_what_it_was_made_of_whatever_the_words_weigh(
    monkeypatch: pytest.MonkeyPatch, question: str
) -> None:
    weighing(monkeypatch, out_of_scope=9)
    assert read(question).intent in {Intent.COUNT, Intent.LIST}


def test_next_likeliest_is_a_rival_when_it_is_near(monkeypatch: pytest.MonkeyPatch) -> None:
    weighing(monkeypatch, count=3, list=2.5)
    turn = read("so about all those headaches in May then")
    assert (turn.intent, turn.rival) == (Intent.COUNT, Intent.LIST)
    weighing(monkeypatch, count=3, list=1.5)
    assert read("so about all those headaches in May then").rival is None


def test_unknown_word_keeps_a_question_in_doubt_when_the_words_weigh_for_records(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    weighing(monkeypatch, count=9)
    turn = read("how often did I have zyzzyva in May?")
    assert (turn.intent, turn.unknown) == (Intent.COUNT, ("zyzzyva",))
