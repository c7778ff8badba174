"""A draft of a mapping file: TOML whose every line has its reason, and a question where only a person can know."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from agent.apps.health.mapping.model import UNANSWERED

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")

Value = str | int | float | bool | Iterable[str] | Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Literal:
    """A value that is TOML already."""

    toml: str


@dataclass(slots=True)
class Block:
    """One table of the file. Entries come in the order in which they were put."""

    header: str = ""
    lines: list[str] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)

    def note(self, reason: str) -> None:
        self.lines.append(f"# {' '.join(reason.split())}")

    def put(self, key: str, value: object, reason: str = "") -> None:
        if reason:
            self.note(reason)
        self.lines.append(f"{_key(key)} = {toml(value)}")

    def ask(self, key: str, question: str) -> None:
        """Leave the value open: the mapping is refused until somebody who knows has answered."""
        self.note(f"QUESTION: {question}")
        self.put(key, UNANSWERED)
        self.questions.append(f"{self.header}.{key}".lstrip("."))

    @property
    def text(self) -> str:
        head = [f"[{self.header}]"] if self.header else []
        return "\n".join([*head, *self.lines])


@dataclass(frozen=True, slots=True)
class Draft:
    """``text`` is the file; ``questions`` are the dotted keys that it leaves open."""

    text: str
    questions: tuple[str, ...]


def assemble(blocks: Iterable[Block]) -> Draft:
    kept = [block for block in blocks if block.lines]
    text = "\n\n".join(block.text for block in kept) + "\n"
    return Draft(text, tuple(question for block in kept for question in block.questions))


def toml(value: object) -> str:
    match value:
        case Literal():
            return value.toml
        case bool() | int() | float() | str():
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case Mapping():
            return "{ " + ", ".join(f"{_key(key)} = {toml(item)}" for key, item in value.items()) + " }"
        case Iterable():
            return "[" + ", ".join(map(toml, value)) + "]"
        case _:
            raise TypeError(value)


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else toml(key)
