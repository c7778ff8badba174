from __future__ import annotations

import pytest

from agent.apps.health.mapping import sql


@pytest.mark.parametrize(
    ("name", "quoted"),
    [
        ("user", '"user"'),
        ("Symptom Name", '"Symptom Name"'),
        ('say "hi"', '"say ""hi"""'),
        ("cost in $", '"cost in $"'),
        ("$1", 'U&"\\00241"'),
        ("{{records}}", 'U&"\\007b\\007brecords}}"'),
        ("back\\slash $2", 'U&"back\\005cslash \\00242"'),
        ("line\nbreak", 'U&"line\\000abreak"'),
    ],
)
def test_identifier_is_quoted(name: str, quoted: str) -> None:
    assert sql.identifier(name) == quoted


def test_literal_doubles_its_quotation_marks() -> None:
    assert sql.literal("it's") == "'it''s'"
    assert sql.texts(("a", "b'")) == "'a', 'b'''"


def test_table_is_quoted_by_its_parts() -> None:
    assert sql.table(("a.b", "c")) == '"a.b"."c"'


@pytest.mark.parametrize(
    ("value", "text"), [(0.1, "0.1"), (1e-7, "0.0000001"), (10, "10"), (2.5e20, "250000000000000000000")]
)
def test_number_is_written_as_the_decimal_it_was(value: float, text: str) -> None:
    assert sql.number(value) == text
