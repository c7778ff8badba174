from __future__ import annotations

import tomllib
from collections.abc import Sequence

import pytest

from agent.apps.health.mapping.columns import Column
from agent.apps.health.schema import guess
from agent.apps.health.schema.draft import Block, assemble
from agent.apps.health.schema.shape import Shape, words_of


def shape(name: str, type_name: str, values: Sequence[str | None]) -> Shape:
    return Shape(("public", "entry"), len(values), {name: Column(name, type_name)}, [], [], {name: values})


def severity_of(name: str, type_name: str, values: Sequence[str | None]) -> tuple[dict[str, object], tuple[str, ...]]:
    block = Block("fields.severity")
    guess.severity(block, shape(name, type_name, values), name)
    draft = assemble([block])
    fields: dict[str, dict[str, object]] = tomllib.loads(draft.text).get("fields", {})
    return fields.get("severity", {}), draft.questions


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("SymptomName", ["symptom", "name"]),
        ("symptom_name", ["symptom", "name"]),
        ("Symptom Name (2)", ["symptom", "name", "2"]),
        ("patientID", ["patient", "id"]),
        ("No.", ["no"]),
        ("Stärke", ["stärke"]),
        ("HTTPPort", ["http", "port"]),
    ],
)
def test_words_of_a_name_are_found_however_it_joins_them(name: str, words: list[str]) -> None:
    assert words_of(name) == words


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (["01.05.2024", "31.12.2023"], ["DD.MM.YYYY"]),
        (["1.5.2024", "31.12.2023"], ["D.M.YYYY"]),
        (["2024-05-01T10:00:00"], ["YYYY-MM-DDTHH24:MI:SS"]),
        (["05/13/2024 2:30 PM", "12/01/2023 11:00 AM"], ["MM/DD/YYYY HH12:MI AM"]),
        (["2024-05-01"] * 50 + ["01.05.2024"] * 50, ["YYYY-MM-DD", "DD.MM.YYYY"]),
        (["2024-05-01"] * 99 + ["yesterday"], ["YYYY-MM-DD"]),
        (["yesterday", "2024-05-01"], []),
        ([], []),
    ],
)
def test_formats_are_found_that_read_most_texts(values: list[str], found: list[str]) -> None:
    assert guess.formats_of(values) == found


@pytest.mark.parametrize(
    ("values", "is_ambiguous"),
    [(["03/04/2024", "12/12/2024"], True), (["03/04/2024", "13/04/2024"], False), (["03.04.2024"], False), ([], False)],
)
def test_day_and_month_are_asked_about_when_either_could_be_first(values: list[str], is_ambiguous: bool) -> None:
    assert guess.is_day_or_month_first(values) == is_ambiguous


@pytest.mark.parametrize(
    ("name", "type_name", "values", "fields", "questions"),
    [
        ("severity", "int2", ["0", "7", "10"], {}, ()),
        ("severity", "int2", ["1", "5"], {"scale": "?"}, ("fields.severity.scale",)),
        ("severity", "int4", ["90", "10"], {"scale": {"none": 0, "worst": 100}}, ()),
        ("severity", "int4", ["900", "10"], {"scale": "?"}, ("fields.severity.scale",)),
        ("severity 1-5", "int4", ["1", "5"], {"scale": {"none": 0, "worst": 5}}, ()),
        ("severity", "text", ["7", "8", "n/a", None], {"missing": ["n/a"]}, ()),
        ("severity", "text", ["mild", "Severe", "-"], {"missing": ["-"], "words": {"mild": 3, "severe": 8}}, ()),
        ("grade", "text", ["mild", "heavy"], {"words": {"mild": 3, "heavy": "?"}}, ("fields.severity.words.heavy",)),
        ("grade", "text", ["mild"] * 200 + ["see letter"], {"words": {"mild": 3}}, ()),
    ],
)
def test_severity_is_drafted_or_asked_about(
    name: str, type_name: str, values: list[str | None], fields: dict[str, object], questions: tuple[str, ...]
) -> None:
    assert severity_of(name, type_name, values) == (fields, questions)


@pytest.mark.parametrize(
    ("name", "type_name", "unit"),
    [("duration_minutes", "int4", "minutes"), ("Dauer (Std)", "numeric", "hours"), ("secs", "int4", "seconds"),
     ("length", "int4", "minutes"), ("lasted", "interval", None)],
)  # fmt: skip
def test_unit_of_a_duration_is_taken_from_its_name(name: str, type_name: str, unit: str | None) -> None:
    block = Block("fields.duration")
    guess.duration(block, shape(name, type_name, ["5"]), name)
    fields = tomllib.loads(assemble([block]).text).get("fields", {})
    assert fields.get("duration", {}).get("unit") == unit
