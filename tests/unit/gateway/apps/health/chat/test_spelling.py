from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from gateway.apps.health.chat.spelling import LOOKUPS_MAX, Speller, Targets, sound

TARGETS = ("headache", "vomiting", "week", "yesterday", "rash", "show", "pain", "nose", "note", "diarrhea", "migraine")


def repair(words: list[str], is_known: Callable[[str], bool], targets: Iterable[str] = TARGETS) -> list[str]:
    return Speller(Targets(targets)).repaired(words, is_known)


def never(_word: str) -> bool:
    return False


@pytest.mark.story("health/US-BE-02.4")
@pytest.mark.parametrize(
    ("typed", "meant"),
    [("hedache", "headache"), ("rsah", "rash"), ("vomitting", "vomiting"), ("yestreday", "yesterday"), ("wek", "week")],
)
def test_word_is_repaired_when_one_slip_away(typed: str, meant: str) -> None:
    assert repair([typed], never) == [meant]


def test_word_stays_when_it_is_known_or_nothing_is_near() -> None:
    assert repair(["rain", "xylophone", "at", "12"], {"rain"}.__contains__) == [
        "rain", "xylophone", "at", "12",
    ]  # fmt: skip


def test_word_stays_when_as_many_others_were_looked_up_as_one_message_may() -> None:
    speller = Speller(Targets(TARGETS))
    others = [f"qwertz{chr(ord('a') + number)}" for number in range(LOOKUPS_MAX - 1)]
    assert speller.repaired([*others, "hedache", "vomitting"], never) == [*others, "headache", "vomitting"]
    assert speller.lookups_left == 0
    assert speller.repaired(["hedache"], never) == ["headache"]


def test_word_is_looked_up_once_when_it_is_said_again() -> None:
    speller = Speller(Targets(TARGETS))
    speller.repaired(["hedache", "rsah"] * 50, never)
    assert speller.lookups_left == LOOKUPS_MAX - 2


def test_word_of_the_own_records_is_a_target_when_it_is_given() -> None:
    speller = Speller(Targets(TARGETS))
    assert speller.repaired(["zyxytis"], never) == ["zyxytis"]
    assert speller.repaired(["zyxytis"], never, Targets(["zyxitis"])) == ["zyxitis"]


def test_target_of_the_same_sound_is_chosen_when_several_are_one_slip_away() -> None:
    assert repair(["noze"], never, ("note", "nose", "none")) == ["nose"]


@pytest.mark.parametrize(("typed", "meant"), [("diarea", "diarrhea"), ("hdaches", "headache"), ("mygrane", "migraine")])
def test_word_is_repaired_when_it_sounds_like_a_target_further_away(typed: str, meant: str) -> None:
    assert repair([typed], never) == [meant]


@pytest.mark.parametrize("typed", ["hd", "mgr", "nsxqz", "yacht"])
def test_word_stays_when_too_little_of_it_sounds_alike(typed: str) -> None:
    assert repair([typed], never) == [typed]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("diarea", "diarrhea"),
        ("constipashun", "constipation"),
        ("eksema", "eczema"),
        ("nite", "night"),
        ("ichy", "itchy"),
        ("diahrea", "diarrhea"),
    ],
)
def test_words_sound_alike_when_only_their_spelling_differs(one: str, other: str) -> None:
    assert sound(one) == sound(other)


def test_target_rivals_the_chosen_one_when_it_is_as_near_and_as_much_alike() -> None:
    targets = ("earache", "headache", "backache")
    speller = Speller(Targets(targets))
    assert speller.rivals("hearache", "headache") == ["earache"]
    assert speller.rivals("bakache", "backache") == []
