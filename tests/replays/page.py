"""The part of docs/protection.md that is measured: between its two marks."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from tests.replays.attacks import Caught
from tests.replays.everyday import Day

PAGE: Final = Path(__file__).parents[2] / "docs" / "protection.md"
_BEGIN: Final = "<!-- measured: python -m tests.replays -->\n"
_END: Final = "<!-- end of what is measured -->\n"


def table(caught: Iterable[Caught], day: Day) -> str:
    lines = [
        "| tool | what | requests | recognised | pace | banned after | refused |",
        "|---|---|---|---|---|---|---|",
        *map(_row, caught),
    ]
    people = f"{day.people} people, browsers and programs on an ordinary day, mistakes included: {day.asked} requests"
    banned = ", ".join(day.banned) or "nobody"
    return "\n".join([*lines, "", f"{people}, banned: {banned}.", ""])


def _row(caught: Caught) -> str:
    attack = caught.attack
    after = "never"
    if caught.banned_after_s is not None:
        after = f"{caught.answered} requests, {caught.banned_after_s:.2f} s"
    return (
        f"| {attack.name} | {attack.what} | {len(attack.requests)} | {caught.recognised_share:.0%} "
        f"| {attack.pace} | {after} | {caught.refused_share:.0%} |"
    )


def measured() -> str:
    """Return what the page says now."""
    return PAGE.read_text("utf-8").partition(_BEGIN)[2].partition(_END)[0]


def write(text: str) -> None:
    before, _, rest = PAGE.read_text("utf-8").partition(_BEGIN)
    PAGE.write_text(f"{before}{_BEGIN}{text}{_END}{rest.partition(_END)[2]}", "utf-8")
