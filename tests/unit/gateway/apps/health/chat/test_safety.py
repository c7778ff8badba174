from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

import pytest

from gateway.apps.health.chat.frame import Intent
from gateway.apps.health.chat.normalise import words_of
from gateway.apps.health.chat.patterns import FOLDER
from gateway.apps.health.chat.symptoms import base_lexicon
from gateway.apps.health.chat.turn import read_turn


def is_emergency(text: str) -> bool:
    return read_turn(text, datetime(2026, 4, 14), base_lexicon()).intent is Intent.EMERGENCY  # noqa: DTZ001


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
        "help me see when I last fainted",
        "have I had palpitations lately",
        "what can you do",
    ],
)
def test_no_alarm_is_raised_when_it_is_history_or_a_way_of_speaking(text: str) -> None:
    assert not is_emergency(text)


def test_no_word_that_a_cue_looks_for_is_dropped_or_written_out() -> None:
    file = (FOLDER / "red_flags.toml").read_text("utf-8")
    said = {word for cue in re.findall(r"'([^'\n]*)'", file) for word in re.findall(r"(?<![a-z\\\]])[a-z]{2,}", cue)}

    assert {word for word in said if words_of(word) != [word]} == set()


@pytest.mark.parametrize("text", ["i feel suicdal", "seizure 20 min", "seizure 20min", "omg slurred speech"])
def test_emergency_is_seen_when_it_is_misspelt_or_short(text: str) -> None:
    assert is_emergency(text)


@pytest.mark.parametrize(
    "text",
    [
        "number of asthma entries please, puffer is empty and I can't get a breath in",
        "My son swallowed a button battery, how many stomach aches did he have in May",
        "how many coughs did I log last week? Mum's gone grey and she's not answering me",
        "which symptom is most frequent? oh and my toddler has drunk the toilet cleaner",
        "the car's crashed and my wife's trapped in it, was I dizzy yesterday",
        "what's my headache trend, I hit my head this morning and keep being sick and one pupil is bigger",
        "have I logged dizziness today? only the CO detector is screaming and we've all got headaches",
        "show my anxiety for this year, it's the last thing I'll ever ask, the rope's up",
        "I've necked the whole box of co-codamol, how was my back pain in April?",
        "find my dizziness in May, the room's full of smoke and I can't get out",
        "What's my top symptom? Someone's stabbed my brother",
        "our carbon monoxide alarm won't stop, number of headaches this week?",
    ],
)
def test_emergency_is_seen_when_it_is_told_beside_a_question(text: str) -> None:
    assert is_emergency(text)


@pytest.mark.parametrize(
    "text",
    [
        "our hen's gone floppy and won't eat",
        "the washing machine had a fit and flooded the floor",
        "watched a film where a man bleeds to death, couldn't sleep. how many bad nights last week?",
        "my mate says he's dying, it's a hangover. when did I last feel sick?",
        "I had suicidal thoughts in my twenties, nothing since. trend of my mood this year?",
        "just joking about jumping off the roof, the exam's killing me. how was my sleep last week",
        "the school did a talk on overdose. any headaches in May?",
        "bumped his head at nursery, they checked him, he's happy as larry",
        "she isn't bleeding, it's only ketchup",
        "a student of mine wrote about overdose, very moving. my sleep since Monday?",
        "psychiatrist asked if I feel suicidal and I don't. low mood since March",
        "crushing pain in my chest going down my arm, which dates did I write it down",
        "a tight chest and no breath at the gig, when was that?",
        "I feel faint when I get up, how often is that in my notes?",
        "dad nodded off in front of the telly",
    ],
)
def test_no_alarm_is_raised_when_what_sounds_like_danger_is_taken_back(text: str) -> None:
    assert not is_emergency(text)


@pytest.mark.parametrize(
    "text",
    [
        "I was suicidal as a teenager and now it's back, I've got the pills out",
        "I used to have seizures as a kid and I think I'm having one now",
        "I'm a paramedic and I think I'm having a heart attack",
        "we were watching a film and he's just collapsed, he's not breathing",
        "I was on my way back from a first aid course and a man's collapsed in front of me",
        "the cat knocked the kettle and I've got boiling water all down my chest",
        "I'm not suicidal but I've taken forty paracetamol",
        "not confused, just can't move my left arm or speak properly",
        "the bleeding stopped after an hour and started again, it's pumping out of my leg",
        "my nan's had a fall years ago too, this time she's not waking up",
        "a chicken bone has lodged in his throat",
        "he fell asleep on the train and won't wake up",
        "it was only a wasp sting, now her tongue is swelling",
        "my dog's fine but the children have eaten the slug pellets",
        "end it tonight, I'm not joking, the pills are in my hand",
    ],
)
def test_emergency_is_seen_when_danger_goes_on_after_what_is_over_or_of_no_person(text: str) -> None:
    assert is_emergency(text)


@pytest.mark.parametrize("text", (Path(__file__).parent / "danger.txt").read_text("utf-8").splitlines())
def test_emergency_is_seen_in_the_words_of_our_own_list(text: str) -> None:
    assert is_emergency(text)


@pytest.mark.parametrize("text", (Path(__file__).parent / "harmless.txt").read_text("utf-8").splitlines())
def test_no_alarm_is_raised_by_the_words_of_our_own_list(text: str) -> None:
    assert not is_emergency(text)
