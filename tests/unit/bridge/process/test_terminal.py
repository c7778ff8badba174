from __future__ import annotations

import pytest

from bridge.process.terminal import shown


@pytest.mark.parametrize("text", ["", "Ann Example", "Zoë 李 😀", "two\nlines\tand a tab"])
def test_text_is_shown_as_it_is_when_every_terminal_prints_it(text: str) -> None:
    assert shown(text) == text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a\x1b[2Jb", "a\\x1b[2Jb"),  # ESC, and the control sequence introducer in one character
        ("a\x9b2Jb", "a\\x9b2Jb"),
        ("over\rwritten", "over\\rwritten"),
        ("\u202egnihtemos", "\\u202egnihtemos"),
        ("a\u2028b", "a\\u2028b"),
    ],
)
def test_text_is_escaped_when_it_would_do_something_to_a_terminal(text: str, told: str) -> None:
    assert shown(text) == told
