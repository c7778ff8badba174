from __future__ import annotations

import runpy
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

problems: Callable[[str], Iterator[tuple[int, str]]] = runpy.run_path(str(ROOT / ".ci" / "tracked_text.py"))["problems"]


@pytest.mark.parametrize(
    "line",
    [
        "see /" + "work/main/notes.md",
        "open('/" + "root/.config')",
        "cd /" + "home/ada/drawbridge",
        "pip install --extra-" + "index-url x",
        "https://mirror.example/pypi/" + "simple/",
        "-----BEGIN " + "PRIVATE KEY-----",
        "-----BEGIN EC " + "PRIVATE KEY-----",
    ],
)
def test_problems_are_found_when_a_line_names_one_machine(line: str) -> None:
    assert [number for number, _ in problems(f"fine\n{line}\nfine")] == [2]


@pytest.mark.parametrize(
    "line",
    [
        "below a /root of mode 0700",
        "/var/lib/drawbridge/work/x",
        "https://example.org/a/simple-guide",
        "~/.pgpass and $HOME/work/x",
        "-----BEGIN CERTIFICATE-----",
        'assert "PRIVATE KEY" in text',
    ],
)
def test_problems_are_none_when_a_line_holds_everywhere(line: str) -> None:
    assert list(problems(line)) == []
