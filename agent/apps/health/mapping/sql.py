"""Names and values of the mapping as SQL. What a caller sends never comes here: it travels as parameters."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

_MISTAKABLE: Final = re.compile(r"\$[0-9]|\{\{|[\x00-\x1f]")
_ESCAPED: Final = re.compile(r"[\\${\x00-\x1f]")


def _quoted(text: str, mark: str) -> str:
    r"""Return ``text`` in quotation marks; as ``U&'\00245'`` where it could be taken for a parameter or a fragment."""
    doubled = text.replace(mark, mark * 2)
    if _MISTAKABLE.search(text) is None:
        return f"{mark}{doubled}{mark}"
    escaped = _ESCAPED.sub(lambda match: f"\\{ord(match[0]):04x}", doubled)
    return f"U&{mark}{escaped}{mark}"


def identifier(name: str) -> str:
    """Return ``name`` quoted, exactly as the catalogue has it (``"Symptom Name"``, ``"user"``)."""
    return _quoted(name, '"')


def table(name: tuple[str, str]) -> str:
    return f"{identifier(name[0])}.{identifier(name[1])}"


def literal(text: str) -> str:
    return _quoted(text, "'")


def number(value: float) -> str:
    """Return ``value`` as the decimal that was written: 0.1 is ``0.1``."""
    return f"{Decimal(str(value)):f}"


def texts(values: tuple[str, ...]) -> str:
    """Return a list of literals for ``IN (…)``."""
    return ", ".join(literal(value) for value in values)
