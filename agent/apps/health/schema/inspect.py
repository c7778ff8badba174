"""``agent schema inspect``: look at an existing database and draft its mapping.

Names say what a column is for, types and a sample of the values how it is written. Where that is not enough, the draft
asks, and it serves as soon as the questions are answered; nothing is decided silently that only a person can know.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, TextIO

import asyncpg

from agent.apps.health.mapping.columns import Kind
from agent.apps.health.schema import guess
from agent.apps.health.schema.draft import Block, Draft, assemble
from agent.apps.health.schema.session import SCHEMA, Session, read_only_session
from agent.apps.health.schema.shape import ForeignKey, Shape, read_shapes, sampled, words_of

Name = tuple[str, str]

_SYMPTOM: Final = ("symptom", "symptoms", "complaint", "complaints", "ailment", "beschwerde", "beschwerden", "problem")
_LABEL: Final = (*_SYMPTOM, "name", "label", "title", "titel", "bezeichnung", "description", "what", "text")
_CATEGORY: Final = ("category", "kategorie", "system", "group", "gruppe", "area", "bereich", "region", "class", "type")
_SEVERITY: Final = (
    "severity", "intensity", "schweregrad", "schwere", "stärke", "staerke", "intensität", "grade", "pain", "strength",
    "score", "level", "rating",
)  # fmt: skip
_TIME: Final = (
    "recorded", "occurred", "happened", "observed", "logged", "noted", "reported", "onset", "started", "when",
    "datetime", "timestamp", "zeitpunkt", "date", "datum", "day", "tag", "time", "at", "ts",
)  # fmt: skip
_CLOCK: Final = ("time", "clock", "hour", "uhrzeit", "zeit")
_ADMINISTRATIVE: Final = frozenset({"created", "updated", "modified", "inserted", "deleted", "birth", "geburtsdatum"})
_DURATION: Final = ("duration", "dauer", "minutes", "hours", "mins", "min", "lasted", "long", "length")
_NOTES: Final = (
    "notes", "note", "notiz", "notizen", "comment", "comments", "kommentar", "remark", "remarks", "bemerkung", "memo",
    "description", "text",
)  # fmt: skip
_PERSON: Final = ("patient", "person", "member", "client", "subject", "user", "owner", "family", "who", "wer")
_ID: Final = ("id", "uuid", "no", "nr", "number", "ref", "key")

_DATED: Final = {Kind.TIMESTAMPTZ, Kind.TIMESTAMP, Kind.DATE}
_NUMERIC: Final = {Kind.INTEGER, Kind.NUMBER}


async def run_inspect(dsn: str, *, table: str = "", out: TextIO) -> int:
    """Write a draft to ``out``; return the exit code: 0, or 1 where there is nothing to draft from.

    ``table`` (``schema.name``) says which table has the records instead of guessing.
    """
    try:
        async with read_only_session(dsn) as session:
            draft = await inspect(session, table=table)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        out.write(f"# the database cannot be read: {error}\n")
        return 1
    if draft is None:
        out.write("# no table here looks like symptom records; name it with --table schema.name\n")
        return 1
    out.write(draft.text)
    return 0


async def inspect(session: Session, *, table: str = "") -> Draft | None:
    """Return the draft, or None when no table that we may read looks like symptom records."""
    shapes = await read_shapes(session)
    ranked = sorted(shapes.values(), key=_likeness, reverse=True)
    if table:
        ranked = [shape for shape in ranked if ".".join(shape.name) == table]
    if not ranked or (not table and _likeness(ranked[0]) == 0):
        return None
    chosen = await sampled(session, ranked[0])
    zone = await session.fetchval(SCHEMA["time_zone"])
    others = [shape.name for shape in ranked[1:] if _likeness(shape) >= _likeness(ranked[0]) / 2]
    return _Drafter(chosen, shapes, zone, others).draft()


def _likeness(shape: Shape) -> int:
    """Return how much a table looks like symptom records, by its names and types; 0 is not at all."""
    has_time = any(
        column.kind in _DATED or (column.kind is Kind.TEXT and set(words_of(name)) & set(_TIME))
        for name, column in shape.columns.items()
    )
    words = {word for name in shape.columns for word in words_of(name)}
    linked = {word for key in shape.foreign_keys for word in words_of(key.table[1])}
    own = set(words_of(shape.name[1]))
    if not has_time or not (words | linked | own) & set(_SYMPTOM):
        return 0
    likely = (_SYMPTOM, _SEVERITY, _NOTES, _DURATION, _PERSON)
    return (
        4 * bool(shape.rows) + sum(2 for names in likely if (words | linked) & set(names)) + bool(own & set(_SYMPTOM))
    )


@dataclass
class _Drafter:
    shape: Shape
    shapes: Mapping[Name, Shape]
    zone: str
    others: list[Name]
    taken: set[str] = field(default_factory=set)
    joins: list[Block] = field(default_factory=list)

    def draft(self) -> Draft:
        head = Block()
        head.note(
            f"Drafted from {len(next(iter(self.shape.samples.values()), []))} sampled rows. Answer what is asked,"
        )
        head.note("read the rest against what you know, then prove it: agent schema check")
        if self.others:
            head.note(f"other tables that look like records: {', '.join('.'.join(name) for name in self.others)}")
        head.put("table", ".".join(self.shape.name) if "." not in "".join(self.shape.name) else self.shape.name)
        identity = self._id()
        person = self._person(head)
        recorded_at = self._recorded_at()
        severity = self._severity()
        symptom, category = self._symptom_and_category()
        rest = [self._duration(), self._notes()]
        return assemble([head, *self.joins, identity, person, symptom, category, severity, recorded_at, *rest])

    def _id(self) -> Block:
        block = Block("fields.id")
        if self.shape.keys:
            block.put("columns", list(self.shape.keys[0]), "the table's key")
            self.taken.update(self.shape.keys[0])
            return block
        unique = [name for name in self.shape.columns if self._is_unique(name) and set(words_of(name)) & set(_ID)]
        if unique:
            block.put("columns", unique[:1], "there is no key; this is different in all sampled rows")
            self.taken.add(unique[0])
        else:
            block.ask("columns", "there is no key: which columns together tell the records apart?")
        return block

    def _is_unique(self, name: str) -> bool:
        values = self.shape.values(name)
        return bool(values) and len(set(values)) == len(self.shape.samples[name])

    def _person(self, head: Block) -> Block:
        block = Block("fields.person")
        linked = (key.column for key in self.shape.foreign_keys if set(words_of(key.table[1])) & set(_PERSON))
        name = next(linked, None) or self._best(_PERSON, {Kind.TEXT, Kind.INTEGER, Kind.UUID})
        others = "if not, remove this line and add [fields.person] with its column"
        if name is None:
            head.ask(
                "single_person", f"no column says whose records these are. Are they all of one person? true; {others}"
            )
            return block
        self.taken.add(name)
        persons = len(set(self.shape.values(name)))
        if persons > 1:
            block.put("column", name, f"whose record it is, by its name; {persons} persons in the sample")
        else:
            question = f"{name!r} is the same in all sampled rows. Are all records of one person? true; {others}"
            head.ask("single_person", question)
        return block

    def _recorded_at(self) -> Block:
        block = Block("fields.recorded_at")
        name = self._time_column()
        if name is None:
            block.ask("column", "which column says when it was?")
            return block
        self.taken.add(name)
        kind = self.shape.columns[name].kind
        block.put("column", name, f"when it was, by its name and type ({self.shape.columns[name].type})")
        if kind is Kind.TIMESTAMPTZ:
            return block
        has_time = kind is Kind.TIMESTAMP
        if kind is Kind.TEXT:
            found = guess.formats_of(self.shape.values(name))
            guess.text_format(block, "format", self.shape.values(name), found)
            has_time = "MI" in found[0]
        if not has_time:
            self._time_of_day(block)
        block.ask(
            "time_zone", f"in which time zone are these times? The database's is {self.zone}; such as Europe/Berlin"
        )
        return block

    def _time_column(self) -> str | None:
        dated = [name for name, column in self.shape.columns.items() if column.kind in _DATED]
        texts = [name for name, column in self.shape.columns.items() if column.kind is Kind.TEXT]
        dated += [
            name for name in texts if set(words_of(name)) & set(_TIME) and guess.formats_of(self.shape.values(name))
        ]
        ours = [name for name in dated if not set(words_of(name)) & _ADMINISTRATIVE]
        return _best_of(ours or dated, _TIME) or next(iter(ours or dated), None)

    def _time_of_day(self, block: Block) -> None:
        clocks = [name for name, column in self.shape.columns.items() if column.kind is Kind.TIME]
        texts = [
            name for name, column in self.shape.columns.items() if column.kind is Kind.TEXT and name not in self.taken
        ]
        clocks += [name for name in texts if guess.times_of(self.shape.values(name))]
        name = _best_of(clocks, _CLOCK) or next(iter(clocks), None)
        if name is None:
            guess.noon(block)
            return
        self.taken.add(name)
        block.put("time_column", name, f"the time of day, by its type ({self.shape.columns[name].type})")
        if self.shape.columns[name].kind is Kind.TEXT:
            values = self.shape.values(name)
            guess.text_format(block, "time_format", values, guess.times_of(values))
        if not self.shape.is_complete(name):
            guess.noon(block)

    def _severity(self) -> Block:
        block = Block("fields.severity")
        if (name := self._best(_SEVERITY, {*_NUMERIC, Kind.TEXT})) is not None:
            self.taken.add(name)
            block.put("column", name, "how bad it was, by its name")
            guess.severity(block, self.shape, name)
        return block

    def _symptom_and_category(self) -> tuple[Block, Block]:
        symptom, category = Block("fields.symptom"), Block("fields.category")
        lookup = self._lookup(self.shape, _SYMPTOM)
        if (name := self._best(_SYMPTOM, {Kind.TEXT})) is None and lookup is not None:
            self._join("symptom", self.shape, lookup)
            self._label(symptom, self.shapes[lookup.table], "symptom", _LABEL)
            self._looked_up_category(category, self.shapes[lookup.table])
        elif (name := name or self._best(_LABEL, {Kind.TEXT})) is not None:
            self.taken.add(name)
            symptom.put("column", name, "the symptom, by its name")
            if any(value is not None and value != value.strip(" ") for value in self.shape.samples[name]):
                symptom.put("trim", True, "some have blanks around them")  # noqa: FBT003 - a value of the file
        else:
            symptom.ask("column", "which column names the symptom?")
        if not category.lines and (name := self._best(_CATEGORY, {Kind.TEXT})) is not None:
            self.taken.add(name)
            category.put("column", name, "the kind of symptom, by its name")
        return symptom, category

    def _looked_up_category(self, block: Block, table: Shape) -> None:
        texts = [name for name, column in table.columns.items() if column.kind is Kind.TEXT]
        if (name := _best_of(texts, _CATEGORY)) is not None:
            block.put("column", name, f"the kind of symptom, by its name in {table.name[1]}")
            block.put("join", "symptom")
        elif (key := self._lookup(table, _CATEGORY)) is not None:
            self._join("category", table, key, base="symptom")
            self._label(block, self.shapes[key.table], "category", (*_CATEGORY, *_LABEL))

    def _lookup(self, table: Shape, names: tuple[str, ...]) -> ForeignKey | None:
        """Return the foreign key to a lookup table of such a name, if we may read that."""
        fits = (
            key
            for key in table.foreign_keys
            if key.table in self.shapes and set(words_of(key.table[1]) + words_of(key.column)) & set(names)
        )
        return next(fits, None)

    def _join(self, name: str, table: Shape, key: ForeignKey, *, base: str = "") -> None:
        block = Block(f"joins.{name}")
        block.put(
            "table", ".".join(key.table) if "." not in "".join(key.table) else key.table, "a foreign key leads there"
        )
        if base:
            block.put("base", base)
        block.put("on", {key.column: key.other_column})
        if table is self.shape:
            self.taken.add(key.column)
        self.joins.append(block)

    def _label(self, block: Block, table: Shape, join: str, names: tuple[str, ...]) -> None:
        texts = [name for name, column in table.columns.items() if column.kind is Kind.TEXT]
        name = _best_of(texts, names) or next(iter(texts), None)
        if name is None:
            block.ask("column", f"which column of {'.'.join(table.name)} has the name?")
        else:
            block.put("column", name, f"its name in {table.name[1]}")
        block.put("join", join)

    def _duration(self) -> Block:
        block = Block("fields.duration")
        if (name := self._best(_DURATION, {*_NUMERIC, Kind.INTERVAL, Kind.TEXT})) is not None:
            self.taken.add(name)
            block.put("column", name, "how long it lasted, by its name")
            guess.duration(block, self.shape, name)
        return block

    def _notes(self) -> Block:
        block = Block("fields.notes")
        if (name := self._best(_NOTES, {Kind.TEXT})) is not None:
            block.put("column", name, "free text, by its name")
        return block

    def _best(self, names: tuple[str, ...], kinds: set[Kind]) -> str | None:
        free = (name for name, column in self.shape.columns.items() if column.kind in kinds and name not in self.taken)
        return _best_of(free, names)


def _best_of(columns: Iterable[str], names: tuple[str, ...]) -> str | None:
    """Return the column with the earliest of ``names`` among its words, or None."""
    rated = [(names.index(word), column) for column in columns for word in words_of(column) if word in names]
    return min(rated, key=lambda rating: rating[0])[1] if rated else None
