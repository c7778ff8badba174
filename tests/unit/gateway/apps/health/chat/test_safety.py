from __future__ import annotations

from pathlib import Path

import pytest

from gateway.apps.health.chat.safety import is_emergency


@pytest.mark.parametrize(
    "text",
    [
        "I can't breathe",
        "i'm having a heart attack",
        "crushing pain in my chest and my left arm hurts right now",
        "my husband is unconscious",
        "she won't wake up",
        "I want to die",
        "I'm going to kill myself tonight",
        "he took too many pills",
        "my throat is closing up",
        "the bleeding won't stop",
        "my face is drooping and I can't speak",
        "my son is having a seizure",
        "call an ambulance",
        "I have chest pain right now",
        "my baby is turning blue",
        "I'm vomiting blood",
        "suddenly my left arm is numb and my speech is slurred",
        "I am having trouble breathing and my lips are blue",
        "how often did I think about suicide",
    ],
)
def test_emergency_is_seen_when_somebody_is_in_danger(text: str) -> None:
    assert is_emergency(text)


@pytest.mark.parametrize(
    "text",
    [
        "how often did I have chest pain in May",
        "show my seizures last year",
        "when did I last faint",
        "chest pain entries this year",
        "this headache is killing me",
        "I nearly died laughing",
        "I am dying to know how often I coughed",
        "was my breathing worse last month",
        "is my chest pain getting worse",
        "did I pass out in March",
        "how bad was the bleeding yesterday",
        "list my nosebleeds",
        "have I had palpitations lately",
        "what can you do",
    ],
)
def test_no_alarm_is_raised_when_it_is_history_or_a_way_of_speaking(text: str) -> None:
    assert not is_emergency(text)


@pytest.mark.parametrize("text", (Path(__file__).parent / "danger.txt").read_text("utf-8").splitlines())
def test_emergency_is_seen_in_the_words_of_our_own_list(text: str) -> None:
    assert is_emergency(text)


@pytest.mark.parametrize("text", (Path(__file__).parent / "harmless.txt").read_text("utf-8").splitlines())
def test_no_alarm_is_raised_by_the_words_of_our_own_list(text: str) -> None:
    assert not is_emergency(text)
