from __future__ import annotations

import argparse
import sys

import pytest

from rescue.bans.__main__ import duration_s, main, spelled_duration


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("15m", 900), ("1h", 3600), ("30d", 2_592_000)])
def test_duration_is_read_when_it_has_a_unit(text: str, seconds: int) -> None:
    assert duration_s(text) == seconds


@pytest.mark.parametrize("text", ["", "60", "h", "-1h", "1.5h", "1 h", "1w", "1h30m", "9999999999s"])
def test_duration_is_refused_when_it_is_none(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is none of"):
        duration_s(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (59, "59s"), (60, "1m 0s"), (3599, "59m 59s"), (90_061, "1d 1h"), (2_592_000, "30d 0h")],
)
def test_duration_is_spelled_in_two_units_when_it_has_them(seconds: int, text: str) -> None:
    assert spelled_duration(seconds) == text


def test_helper_says_in_one_line_why_when_it_cannot_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["bans", "--group=nobody-has-it", "serve"])
    with pytest.raises(SystemExit, match="bans: there is no group nobody-has-it"):
        main()
