from __future__ import annotations

import pytest

from gateway.apps.health.chat.meant_words import meant


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("headaches last weak", "headaches last week"),
        ("two weaks ago", "two weeks ago"),
        ("how tired was i this weak", "how tired was i this weak"),
        ("was i sick this weak ?", "was i sick this week ?"),
        ("days a weak", "days a week"),
        ("and the moth before", "and the month before"),
        ("dry moth in march", "dry mouth in march"),
        ("moth ulcer last mouth", "mouth ulcer last month"),
        ("the last too weeks", "the last two weeks"),
        ("how many daze was i tired", "how many days was i tired"),
        ("3 daze ago", "3 days ago"),
        ("and the 1 before", "and the one before"),
        ("sick to day", "sick today"),
        ("at the week end", "at the weekend"),
        ("in the passed month", "in the past month"),
        ("form march to may", "from march to may"),
        ("sins monday", "since monday"),
        ("the hole of may", "the whole of may"),
        ("do you no when i was sick", "do you know when i was sick"),
        ("more then 6", "more than 6"),
        ("less often then in may", "less often than in may"),
        ("worse in march then in may", "worse in march than in may"),
        ("an the next day", "and the next day"),
        ("did ah cough", "did i cough"),
        ("ma back hurts", "my back hurts"),
    ],
)
def test_word_is_another_when_the_words_beside_it_say_so(said: str, wanted: str) -> None:
    assert meant(said.split()) == wanted.split()


@pytest.mark.parametrize(
    "said",
    [
        "how weak was i last week",
        "weak legs last month",
        "when was i last weak ?",
        "when were my legs last weak",
        "was i this weak in march",
        "how many weak spells in march",
        "a weak arm",
        "in a daze last week",
        "the 1 headache in may",
        "the weak side",
        "last mouth ulcer",
        "from day to day",
        "from night to night",
        "was it worse then ?",
        "it got better then came back",
        "more in march , then in may show them",
        "an ache in my side",
        "ma is unconscious",
        "ma can not breathe",
        "ma collapsed in the kitchen",
        "my ma has a fever",
        "call ma",
        "no headaches",
    ],
)
def test_word_is_itself_when_it_may_be_meant(said: str) -> None:
    assert meant(said.split()) == said.split()
