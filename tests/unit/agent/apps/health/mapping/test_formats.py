from __future__ import annotations

import re

import pytest

from agent.apps.health.mapping import formats
from agent.apps.health.mapping.model import MappingError


@pytest.mark.parametrize(
    ("text", "fits", "does_not"),
    [
        (
            "DD.MM.YYYY",
            ["01.05.2024", "31.02.2024"],
            ["1.5.2024", "32.01.2024", "01.13.2024", "01.05.0024", "01-05-2024"],
        ),
        ("D/M/YY H:MI", ["1/5/24 9:05", "01/05/24 23:59"], ["1/5/2024 9:05", "1/5/24 24:00"]),
        ("YYYY-MM-DDTHH24:MI:SS", ["2024-05-01T10:00:00"], ["2024-05-01 10:00:00"]),
        ('"Tag" D Mon YYYY', ["Tag 1 May 2024"], ["1 May 2024"]),
        ("HH12:MI AM", ["9:05 pm", "12:00 AM"], ["0:05 PM", "13:00 PM"]),
        ("[HH24].MI", ["[10].30"], ["10x30", "1.30"]),
    ],
)
def test_format_fits_what_it_describes(text: str, fits: list[str], does_not: list[str]) -> None:
    pattern = re.compile(formats.parse(text).pattern)
    assert [value for value in fits if pattern.fullmatch(value) is None] == []
    assert [value for value in does_not if pattern.fullmatch(value)] == []


@pytest.mark.parametrize(
    ("text", "has_date", "has_time"),
    [
        ("DD.MM.YYYY", True, False),
        ("HH24:MI", False, True),
        ("D Mon YY HH12:MI AM", True, True),
        ("D.M.YY H", True, True),
    ],
)
def test_format_knows_what_it_holds(text: str, has_date: bool, has_time: bool) -> None:
    parsed = formats.parse(text)
    assert (parsed.has_date, parsed.has_time) == (has_date, has_time)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("DD.DD.YYYY", "the day occurs twice"),
        ("MM.YYYY", "neither a whole date nor a time"),
        ("HH12:MI", "neither a whole date nor a time"),
        ("", "neither a whole date nor a time"),
        ("yyyy-mm-dd", "neither a whole date nor a time"),
    ],
)
def test_format_is_refused_when_it_describes_no_time(text: str, problem: str) -> None:
    with pytest.raises(MappingError, match=problem):
        formats.parse(text)
