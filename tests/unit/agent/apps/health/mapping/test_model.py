from __future__ import annotations

from pathlib import Path

import pytest

from agent.apps.health.mapping.model import MappingError, parse, read

WHOLE = """
table = "public.entry"

[joins.kind]
table = ["odd.schema", "Kind"]
on = { kind_id = "id" }

[fields]
id = { columns = "id" }
person = { column = "person_id" }
symptom = { column = "name", join = "kind" }
recorded_at = { column = "at", time_zone = "Europe/Berlin" }
"""


def test_mapping_is_read_when_it_is_whole() -> None:
    mapping = parse(WHOLE)
    assert mapping.table == ("public", "entry")
    assert mapping.joins["kind"].table == ("odd.schema", "Kind")
    assert mapping.fields.id.columns == ("id",)
    assert mapping.fields.recorded_at.time_zone == "Europe/Berlin"


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('table = "public.entry"', 'table = "entry"', "table: must be written as schema.table"),
        ('table = "public.entry"', 'table = "a.b.c"', "table: "),
        ('person = { column = "person_id" }', "", "say whose records they are"),
        ("[joins.kind]", "single_person = true\n[joins.kind]", "say whose records they are"),
        ('join = "kind"', 'join = "sort"', "fields.symptom: there is no join named 'sort'"),
        ("on = {", 'base = "kind"\non = {', "joins.kind: base must be the name of a join above it"),
        ('on = { kind_id = "id" }', "on = {}", "joins.kind.on: "),
        ("Europe/Berlin", "Berlin", "fields.recorded_at.time_zone: is not the name of a time zone"),
        ("Europe/Berlin", "../etc", "fields.recorded_at.time_zone: is not the name of a time zone"),
        ('column = "at"', 'colum = "at"', "fields.recorded_at.colum: "),
        ('column = "name", ', "", "fields.symptom: needs either a column or a constant"),
        ('column = "name"', 'column = "name", constant = "x"', "fields.symptom: needs either a column or a constant"),
        ('"Europe/Berlin"', '"?"', "fields.recorded_at.time_zone: answer the question"),
        ("[fields]", '[fields]\nseverity = { column = "s", words = { bad = 11 } }', "fields.severity.words.bad: "),
        (
            "[fields]",
            '[fields]\nseverity = { column = "s", scale = { none = 1, worst = 1 } }',
            "none and worst must differ",
        ),
        (
            "[fields]",
            '[fields]\nseverity = { column = "s", words = { bad = 7 }, scale = { none = 1, worst = 5 } }',
            "has words or a scale, not both",
        ),
        ("table =", "table ==", "not TOML: "),
    ],
)
def test_mapping_is_refused_by_name(old: str, new: str, problem: str) -> None:
    assert old in WHOLE
    with pytest.raises(MappingError) as refusal:
        parse(WHOLE.replace(old, new, 1))
    assert problem in str(refusal.value)


def test_mapping_is_refused_when_the_file_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match="No such file"):
        read(tmp_path / "source.toml")
    (tmp_path / "latin1.toml").write_bytes("# Müde".encode("latin-1"))
    with pytest.raises(MappingError, match="not UTF-8"):
        read(tmp_path / "latin1.toml")
