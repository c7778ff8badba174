"""What a line may be, before anybody asks what it means."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rescue.words import Address, Choice, Matching, Number, Refused, printable, split


@given(st.text())
def test_split_gives_printable_words_or_refuses_when_given_anything(line: str) -> None:
    try:
        words = split(line)
    except Refused:
        return
    assert all(re.fullmatch(r"[\x20-\x7e]*", word) for word in words)


@given(st.text())
def test_printable_holds_nothing_that_steers_a_terminal_when_given_anything(text: str) -> None:
    shown = printable(text)
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]", shown)
    assert shown.encode().decode() == shown


def test_printable_keeps_text_when_it_is_only_text() -> None:
    assert printable("Zürich\t– 21 °C") == "Zürich    – 21 °C"


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (Choice(("agent", "bans")), {"agent": "agent"}, ["", "Agent", "agent ", "ssh"]),
        (Number(1, 50), {"007": "7", "50": "50"}, ["0", "51", "-1", "1.0", "1e1", "٣", "", " 1"]),
        (
            Address(),
            {"10.0.0.1": "10.0.0.1", "2001:DB8::1": "2001:db8::1"},
            ["10.0.0", "fe80::1%eth0", "1.2.3.4/8", ""],
        ),
        (Matching(r"[0-9a-f]{4}", "00ff"), {"00ff": "00ff"}, ["00FF", "00ff\n", "00ff0", ""]),
    ],
)
def test_argument_is_read_or_refused_when_it_is_of_its_kind_or_not(
    kind: Choice | Number | Address | Matching, good: dict[str, str], bad: list[str]
) -> None:
    assert {text: kind.read(text) for text in good} == good
    for text in bad:
        with pytest.raises(Refused):
            kind.read(text)
