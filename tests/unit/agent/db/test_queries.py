from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.db.queries import Parameter, Query, QueryFileError, load

GOOD = """
-- name: by_id
-- One record,
-- by its id.
-- $1 record_id uuid
-- $2 app text
-- -> id uuid,
--    name text
SELECT id, name -- and no more
FROM {{records}} WHERE id = $1 AND app = $2;

-- name: ping
-- Whether it answers.
SELECT 1
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "somewhere" / "things"
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    (folder.parent / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    yield folder
    for name in ("somewhere", "somewhere.things"):
        sys.modules.pop(name, None)


def test_load_reads_each_statement_when_the_file_keeps_to_the_format(package: Path) -> None:
    (package / "queries.sql").write_text(GOOD)
    queries = load("somewhere.things")
    assert list(queries) == ["by_id", "ping"]
    assert queries["ping"] == Query("things.ping", "SELECT 1", "Whether it answers.")
    assert queries["by_id"] == Query(
        name="things.by_id",
        sql="SELECT id, name -- and no more\nFROM {{records}} WHERE id = $1 AND app = $2",
        purpose="One record, by its id.",
        parameters=(Parameter("record_id", "uuid"), Parameter("app", "text")),
        row="id uuid, name text",
    )


def test_load_reads_every_file_of_a_package_when_none_is_named(package: Path) -> None:
    (package / "one.sql").write_text("-- name: a\n-- P.\nSELECT 1")
    (package / "two.sql").write_text("-- name: b\n-- P.\nSELECT 2")
    assert [*load("somewhere.things")] == ["a", "b"]
    assert [*load("somewhere.things", "two.sql")] == ["b"]


def test_load_refuses_when_two_files_have_statements_of_one_name(package: Path) -> None:
    for name in ("one.sql", "two.sql"):
        (package / name).write_text("-- name: a\n-- P.\nSELECT 1")
    with pytest.raises(QueryFileError, match=r"two\.sql: a: there are two of this name"):
        load("somewhere.things")


def test_expand_puts_fragments_in_when_all_are_given(package: Path) -> None:
    (package / "other.sql").write_text(GOOD)
    query = load("somewhere.things", "other.sql")["by_id"]
    assert query.fragments == {"records"}
    expanded = query.expand(records="(SELECT 1) AS r", unused="x")
    assert expanded.fragments == frozenset()
    assert "FROM (SELECT 1) AS r WHERE" in expanded.sql


def test_expand_refuses_when_a_fragment_is_missing_or_uses_an_unknown_parameter(package: Path) -> None:
    (package / "queries.sql").write_text(GOOD)
    query = load("somewhere.things")["by_id"]
    with pytest.raises(QueryFileError, match="no text for records"):
        query.expand()
    with pytest.raises(QueryFileError, match="declares 2 parameters"):
        query.expand(records="t WHERE x = $3 OR")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("-- name: a\n-- P.\nSELECT 1;\n-- name: a\n-- P.\nSELECT 1", "two of this name"),
        ("-- name: a\nSELECT 1", "needs its purpose"),
        ("-- name: a\n-- P.\n", "needs its purpose"),
        ("-- name: a\n-- P.\n-- $2 x int\nSELECT $2", r"expected '\$1 name type'"),
        ("-- name: a\n-- P.\n-- $1 x\nSELECT $1", r"expected '\$1 name type'"),
        ("-- name: a\n-- P.\n-- $1 x int\nSELECT 1", "declares 1 parameters"),
        ("-- name: a\n-- P.\nSELECT $1", "declares 0 parameters"),
        ("-- name: a\n-- P.\nSELECT $1 FROM {{t}}", "declares 0 parameters"),
    ],
)
def test_load_refuses_when_a_statement_does_not_keep_to_the_format(package: Path, text: str, message: str) -> None:
    (package / "queries.sql").write_text(text)
    with pytest.raises(QueryFileError, match=message):
        load("somewhere.things")
