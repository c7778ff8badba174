"""What a terminal is told of what people wrote: a name may hold what moves its cursor, or reads from right to left."""

from __future__ import annotations

from typing import Final

_KEPT: Final = frozenset("\n\t")


def shown(text: str) -> str:
    r"""Return ``text`` with what no terminal prints as an escape (``\x9b``); line ends and tabs stay."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() or each in _KEPT else _escaped(each) for each in text)


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape").decode()
