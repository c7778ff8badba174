"""Dates and times written as text, and the SQL that reads them without ever raising.

A format is text with these tokens; anything else stands for itself, and letters that are no token go in double quotes::

    YYYY  year, 1000-2999     DD  D  day, 2 or 1-2 digits       MI  minute
    YY    year 2000-2099      HH24   hour 00-23, 2 digits       SS  second
    MM M  month               H      hour 0-23, 1-2 digits      AM  am or pm, with HH12
    Mon   Jan … Dec           HH12   hour 1-12, 1-2 digits

``to_timestamp`` is no use here: it raises on 31 February, which would fail the whole query for one row, and takes
``2024-01-01`` for ``DD.MM.YYYY``. The expressions are immutable, so that an index can be made on them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from agent.apps.health.mapping import sql
from agent.apps.health.mapping.model import MappingError

_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


@dataclass(frozen=True, slots=True)
class _Token:
    """``pattern`` means the same to PostgreSQL and to Python; ``width`` in characters, or None if it varies."""

    part: str
    pattern: str
    width: int | None


_TOKENS: Final = {
    "YYYY": _Token("year", "[12][0-9]{3}", 4),
    "YY": _Token("short_year", "[0-9]{2}", 2),
    "MM": _Token("month", "(?:0[1-9]|1[0-2])", 2),
    "M": _Token("month", "(?:0?[1-9]|1[0-2])", None),
    "Mon": _Token("month_name", "[A-Za-z]{3}", 3),
    "DD": _Token("day", "(?:0[1-9]|[12][0-9]|3[01])", 2),
    "D": _Token("day", "(?:0?[1-9]|[12][0-9]|3[01])", None),
    "HH24": _Token("hour", "(?:[01][0-9]|2[0-3])", 2),
    "H": _Token("hour", "(?:[01]?[0-9]|2[0-3])", None),
    "HH12": _Token("hour_of_half", "(?:0?[1-9]|1[0-2])", None),
    "MI": _Token("minute", "[0-5][0-9]", 2),
    "SS": _Token("second", "[0-5][0-9]", 2),
    "AM": _Token("half", "[AaPp][Mm]", 2),
}
_SPLIT: Final = re.compile(r'"(?P<quoted>[^"]*)"|(?P<token>YYYY|YY|Mon|MM|MI|M|DD|D|HH24|HH12|H|SS|AM)|(?P<text>.)')
_DATE: Final = ({"year", "short_year"}, {"month", "month_name"}, {"day"})
_TIME: Final = ({"hour"}, {"hour_of_half", "half"})


@dataclass(frozen=True, slots=True)
class TextFormat:
    """A format, taken apart. ``pattern`` fits a whole text; ``parts`` says where in it each part is.

    A place is (first character, width) while everything before has a fixed width, for speed, and else a pattern with
    one group.
    """

    pattern: str
    parts: Mapping[str, tuple[int, int] | str]

    @property
    def has_date(self) -> bool:
        return all(self.parts.keys() & names for names in _DATE)

    @property
    def has_time(self) -> bool:
        return any(self.parts.keys() >= names for names in _TIME)

    def date(self, text: str) -> str:
        """Return a ``date`` expression over the SQL expression ``text``; NULL where it does not fit."""
        year = self._number("year", text)
        if "short_year" in self.parts:
            year = f"2000 + {self._number('short_year', text)}"
        month = self._number("month", text)
        if "month_name" in self.parts:
            month = f"array_position(ARRAY[{sql.texts(_MONTHS)}], lower({self._part('month_name', text)}))"
        # Adding days to the first never raises; 31 February comes out in March.
        day = f"(make_date({year}, {month}, 1) + ({self._number('day', text)} - 1))"
        checked = f"CASE WHEN extract(month FROM {day}) = {month} THEN {day} END"
        return f"CASE WHEN {text} ~ {sql.literal(self.pattern)} THEN {checked} END"

    def time(self, text: str) -> str:
        """Return a ``time`` expression over the SQL expression ``text``; NULL where it does not fit."""
        hour = self._number("hour", text)
        if "half" in self.parts:
            afternoon = f"CASE WHEN lower({self._part('half', text)}) = 'pm' THEN 12 ELSE 0 END"
            hour = f"{self._number('hour_of_half', text)} % 12 + {afternoon}"
        minute, second = self._number("minute", text), self._number("second", text)
        return f"CASE WHEN {text} ~ {sql.literal(self.pattern)} THEN make_time({hour}, {minute}, {second}) END"

    def _number(self, part: str, text: str) -> str:
        return f"{self._part(part, text)}::integer" if part in self.parts else "0"

    def _part(self, part: str, text: str) -> str:
        place = self.parts[part]
        if isinstance(place, str):
            return f"substring({text} FROM {sql.literal(place)})"
        return f"substr({text}, {place[0]}, {place[1]})"


def parse(text: str) -> TextFormat:
    """Return the format that ``text`` describes. Raises :class:`MappingError`."""
    pieces = [*_pieces(text)]
    parts: dict[str, tuple[int, int] | str] = {}
    position: int | None = 1
    for index, (pattern, token) in enumerate(pieces):
        if token is not None:
            if token.part in parts:
                msg = f"format {text!r}: the {token.part.replace('_', ' ')} occurs twice"
                raise MappingError(msg)
            if position is not None and token.width is not None:
                parts[token.part] = (position, token.width)
            else:
                before = "".join(pattern for pattern, _ in pieces[:index])
                parts[token.part] = f"^{before}({pattern})"
        width = 1 if token is None else token.width
        position = None if position is None or width is None else position + width
    parsed = TextFormat(f"^{''.join(pattern for pattern, _ in pieces)}$", parts)
    if not (parsed.has_date or parsed.has_time):
        msg = f"format {text!r}: holds neither a whole date nor a time"
        raise MappingError(msg)
    return parsed


def _pieces(text: str) -> Iterator[tuple[str, _Token | None]]:
    """Yield the pattern of each token, and of each single character between."""
    for match in _SPLIT.finditer(text):
        if match["token"]:
            token = _TOKENS[match["token"]]
            yield token.pattern, token
        else:
            for character in match["text"] or match["quoted"]:
                yield re.escape(character), None
