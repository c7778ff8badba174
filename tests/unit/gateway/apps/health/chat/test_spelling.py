from __future__ import annotations

import pytest

from gateway.apps.health.chat.spelling import index, repair, rivals, sound

TARGETS = ("headache", "vomiting", "week", "yesterday", "rash", "show", "pain", "nose", "note", "diarrhea", "migraine")


def never(_word: str) -> bool:
    return False


@pytest.mark.story("health/US-BE-02.4")
@pytest.mark.parametrize(
    ("typed", "meant"),
    [("hedache", "headache"), ("rsah", "rash"), ("vomitting", "vomiting"), ("yestreday", "yesterday"), ("wek", "week")],
)
def test_word_is_repaired_when_one_slip_away(typed: str, meant: str) -> None:
    assert repair([typed], is_known=never, targets=TARGETS) == [meant]


def test_word_stays_when_it_is_known_or_nothing_is_near() -> None:
    assert repair(["rain", "xylophone", "at", "12"], is_known={"rain"}.__contains__, targets=TARGETS) == [
        "rain", "xylophone", "at", "12",
    ]  # fmt: skip


def test_repair_gives_up_when_too_many_words_are_unknown() -> None:
    assert repair(["qwertz"] * 8 + ["hedache"], is_known=never, targets=TARGETS)[-1] == "hedache"


def test_target_of_the_same_sound_is_chosen_when_several_are_one_slip_away() -> None:
    assert repair(["noze"], is_known=never, targets=("note", "nose", "none")) == ["nose"]


@pytest.mark.parametrize(("typed", "meant"), [("diarea", "diarrhea"), ("hdaches", "headache"), ("mygrane", "migraine")])
def test_word_is_repaired_when_it_sounds_like_a_target_further_away(typed: str, meant: str) -> None:
    assert repair([typed], is_known=never, targets=TARGETS, by_sound=[index(TARGETS)]) == [meant]


@pytest.mark.parametrize("typed", ["hd", "mgr", "nsxqz", "yacht"])
def test_word_stays_when_too_little_of_it_sounds_alike(typed: str) -> None:
    assert repair([typed], is_known=never, targets=TARGETS, by_sound=[index(TARGETS)]) == [typed]


@pytest.mark.parametrize(
    ("one", "other"),
    [("diarea", "diarrhea"), ("constipashun", "constipation"), ("eksema", "eczema"), ("nite", "night")],
)
def test_words_sound_alike_when_only_their_spelling_differs(one: str, other: str) -> None:
    assert sound(one) == sound(other)


def test_target_rivals_the_chosen_one_when_it_is_as_near_and_as_much_alike() -> None:
    targets = ("earache", "headache", "backache")
    assert rivals("hearache", "headache", targets) == ["earache"]
    assert rivals("bakache", "backache", targets) == []
