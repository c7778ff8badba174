"""What an argument of a verb may be. Whatever is accepted here has no character that means anything to a shell."""

from __future__ import annotations

import ipaddress
import re
import shlex
from dataclasses import dataclass
from typing import Final, Protocol

LINE_MAX: Final = 512
WORDS_MAX: Final = 16
_PRINTABLE: Final = re.compile(r"[\x20-\x7e]*")
_CONTROL: Final = re.compile(
    r"[^\x20-\x7e\xa0-\uD7FF\uE000-\U0010FFFF]|[\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]"
)


class Refused(ValueError):
    """A line is none of the fixed list; the message says what would be."""


def split(line: str) -> list[str]:
    """Return the words of ``line``, quoted as in a shell; nothing is expanded. Raises :class:`Refused`."""
    if len(line) > LINE_MAX:
        msg = f"a line has at most {LINE_MAX} characters"
        raise Refused(msg)
    if not _PRINTABLE.fullmatch(line):
        msg = "a line has printable ASCII characters alone"
        raise Refused(msg)
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise Refused(str(error)) from error
    if len(words) > WORDS_MAX:
        msg = f"a line has at most {WORDS_MAX} words"
        raise Refused(msg)
    return words


def printable(text: str) -> str:
    """Return ``text`` without what could steer a terminal: control, format and direction characters; tabs as spaces."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text.replace("\t", "    "))


class Kind(Protocol):
    """A kind of argument."""

    @property
    def choices(self) -> tuple[str, ...]:
        """What completion offers."""
        ...

    def read(self, text: str) -> str:
        """Return the argument as it is passed on. Raises :class:`Refused`."""
        ...


@dataclass(frozen=True, slots=True)
class Choice:
    choices: tuple[str, ...]

    def read(self, text: str) -> str:
        if text not in self.choices:
            msg = f"must be one of {', '.join(self.choices)}"
            raise Refused(msg)
        return text


@dataclass(frozen=True, slots=True)
class Number:
    least: int
    most: int
    choices: tuple[str, ...] = ()

    def read(self, text: str) -> str:
        if not re.fullmatch(r"[0-9]{1,9}", text) or not self.least <= int(text) <= self.most:
            msg = f"must be a whole number from {self.least} to {self.most}"
            raise Refused(msg)
        return str(int(text))


@dataclass(frozen=True, slots=True)
class Address:
    choices: tuple[str, ...] = ()

    def read(self, text: str) -> str:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            msg = "must be an IP address"
            raise Refused(msg) from None
        if getattr(address, "scope_id", None):
            msg = "must be an IP address without a zone"
            raise Refused(msg)
        return str(address)


@dataclass(frozen=True, slots=True)
class Matching:
    """Whatever ``pattern`` matches whole, such as ``example``."""

    pattern: str
    example: str
    choices: tuple[str, ...] = ()

    def read(self, text: str) -> str:
        if not re.fullmatch(self.pattern, text, re.ASCII):
            msg = f"must look like {self.example}"
            raise Refused(msg)
        return text
