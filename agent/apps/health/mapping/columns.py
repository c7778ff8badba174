"""What the catalogue says of a column, as far as it decides how a value is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final


class Kind(Enum):
    INTEGER = auto()
    NUMBER = auto()
    TEXT = auto()
    UUID = auto()
    DATE = auto()
    TIME = auto()
    TIMESTAMP = auto()
    TIMESTAMPTZ = auto()
    INTERVAL = auto()
    OTHER = auto()


_KINDS: Final = {
    "int2": Kind.INTEGER, "int4": Kind.INTEGER, "int8": Kind.INTEGER,
    "numeric": Kind.NUMBER, "float4": Kind.NUMBER, "float8": Kind.NUMBER,
    "text": Kind.TEXT, "varchar": Kind.TEXT, "bpchar": Kind.TEXT, "citext": Kind.TEXT, "name": Kind.TEXT,
    "uuid": Kind.UUID, "date": Kind.DATE, "time": Kind.TIME, "interval": Kind.INTERVAL,
    "timestamp": Kind.TIMESTAMP, "timestamptz": Kind.TIMESTAMPTZ,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Column:
    """``type`` is PostgreSQL's short name (``int4``, ``bpchar``), of a domain its base type's."""

    name: str
    type: str
    is_enum: bool = False
    is_required: bool = False

    @property
    def kind(self) -> Kind:
        return Kind.TEXT if self.is_enum else _KINDS.get(self.type, Kind.OTHER)


Catalogue = Mapping[tuple[str, str], Mapping[str, Column]]
"""The columns by name, of each table by (schema, name); a table that is not there, or not for us, is missing."""
