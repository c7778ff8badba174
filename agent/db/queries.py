"""Named SQL statements, read from the ``.sql`` files beside the code that runs them.

A file holds any number of statements, each after a header of comments::

    -- name: session_by_id
    -- The session a refresh token belongs to, locked until the transaction ends.
    -- $1 session_id uuid
    -- -> user_id uuid, generation int
    SELECT user_id, generation FROM sessions WHERE id = $1 FOR UPDATE;

First the name, then the purpose in a sentence or two, the parameters in order with their PostgreSQL types, and the
shape of a row (left out where there is none). ``{{fragment}}`` stands for SQL that the program puts in once, at start;
what a caller sends only ever travels as a parameter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from types import MappingProxyType
from typing import Final

_NAME: Final = re.compile(r"^-- name: *(?P<name>.*?) *$", re.MULTILINE)
_PARAMETER: Final = re.compile(r"\$(?P<position>\d+) (?P<name>[a-z_]+) (?P<type>.+)")
_FRAGMENT: Final = re.compile(r"\{\{([a-z_]+)\}\}")
_USE: Final = re.compile(r"\$(\d+)")


class QueryFileError(ValueError):
    """A ``.sql`` file that does not keep to the format; the message names file and statement."""


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Query:
    """One statement. ``name`` is ``<package>.<name in its file>``, as in metrics and the slow-query log."""

    name: str
    sql: str
    purpose: str
    parameters: tuple[Parameter, ...] = ()
    row: str = ""

    @property
    def fragments(self) -> frozenset[str]:
        """The names of the fragments that are still to be put in; it can be run when there are none."""
        return frozenset(_FRAGMENT.findall(self.sql))

    def expand(self, **fragments: str) -> Query:
        """Return the statement with every ``{{name}}`` replaced. Raises :class:`QueryFileError` if one is missing.

        A fragment is trusted SQL. It may use the statement's parameters, and no others.
        """
        if missing := self.fragments - fragments.keys():
            msg = f"{self.name}: no text for {', '.join(sorted(missing))}"
            raise QueryFileError(msg)
        expanded = replace(self, sql=_FRAGMENT.sub(lambda match: fragments[match[1]], self.sql))
        _check_parameters(expanded)
        return expanded


def load(package: str, filename: str = "") -> Mapping[str, Query]:
    """Return the statements of the package's ``.sql`` files, or of the one, by name. Raises :class:`QueryFileError`."""
    folder = files(package)
    names = [filename] if filename else sorted(file.name for file in folder.iterdir() if file.name.endswith(".sql"))
    queries: dict[str, Query] = {}
    for file in names:
        for name, header, sql in _statements((folder / file).read_text("utf-8")):
            where = f"{package}/{file}: {name}"
            if name in queries:
                msg = f"{where}: there are two of this name"
                raise QueryFileError(msg)
            query = _parse(f"{package.rpartition('.')[2]}.{name}", header, sql, where=where)
            _check_parameters(query)
            queries[name] = query
    return MappingProxyType(queries)


def _statements(text: str) -> Iterator[tuple[str, list[str], str]]:
    """Yield (name, header lines, SQL) of each statement."""
    starts = [*_NAME.finditer(text)]
    ends = [*(start.start() for start in starts[1:]), len(text)]
    for start, end in zip(starts, ends, strict=True):
        lines = text[start.end() : end].strip("\n").split("\n")
        height = next((i for i, line in enumerate(lines) if not line.startswith("--")), len(lines))
        header = [line.removeprefix("--").strip() for line in lines[:height]]
        yield start["name"], header, "\n".join(lines[height:]).strip().removesuffix(";")


def _parse(name: str, header: list[str], sql: str, *, where: str) -> Query:
    purpose: list[str] = []
    parameters: list[Parameter] = []
    row: list[str] = []
    for line in header:
        if line.startswith("$"):
            match = _PARAMETER.fullmatch(line)
            if match is None or int(match["position"]) != len(parameters) + 1:
                msg = f"{where}: expected '${len(parameters) + 1} name type', found '{line}'"
                raise QueryFileError(msg)
            parameters.append(Parameter(match["name"], match["type"]))
        elif row or line.startswith("->"):
            row.append(line.removeprefix("->").strip())
        else:
            purpose.append(line)
    if not purpose or not sql:
        msg = f"{where}: a statement needs its purpose and its SQL"
        raise QueryFileError(msg)
    return Query(name, sql, " ".join(purpose), tuple(parameters), " ".join(row))


def _check_parameters(query: Query) -> None:
    declared = set(range(1, len(query.parameters) + 1))
    used = {int(position) for position in _USE.findall(query.sql)}
    # A fragment that is still to come may use what is declared and not yet seen.
    if not used <= declared or (not query.fragments and used != declared):
        msg = f"{query.name}: declares {len(query.parameters)} parameters and uses {sorted(used)}"
        raise QueryFileError(msg)
