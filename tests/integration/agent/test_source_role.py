"""What the playbook gives our role in the owner's database, and what "Take it off again" takes away."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from typing import Final

import jinja2
import pytest

from demo.postgres import find_binaries
from tests.postgres import PostgresServer
from tests.unit_files import ROOT

TEMPLATE: Final = ROOT / "ansible/roles/database/templates/source.sql.j2"
TABLES: Final = """
CREATE TABLE records (id int);
CREATE TABLE kinds (id int);
CREATE SCHEMA lab;
CREATE TABLE lab."Odd name" (id int);
CREATE TABLE secrets (id int);
"""


class Source:
    """A database with tables of its owner's."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    def psql(self, text: str) -> str:
        words = (
            find_binaries() / "psql",
            "--no-psqlrc",
            "--quiet",
            "--tuples-only",
            "--no-align",
            self._dsn,
            "--file=-",
        )
        done = subprocess.run(words, input=text, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def let_read(self, *tables: str) -> str:
        """Run what the playbook runs for an inventory that names ``tables``; return what it prints."""
        database = self.psql("SELECT current_database()").strip()
        template = jinja2.Environment(trim_blocks=True, autoescape=False).from_string(TEMPLATE.read_text("utf-8"))  # noqa: S701 - no page
        return self.psql(template.render(database_source_tables=tables, database_source_database=database))

    def readable(self) -> set[str]:
        asked = """
            SELECT relname FROM pg_class WHERE relname IN ('records', 'kinds', 'Odd name', 'secrets')
            AND has_table_privilege('drawbridge_source', oid, 'SELECT')
        """
        return {*self.psql(asked).splitlines()}


@pytest.fixture
def source(postgres_server: PostgresServer) -> Iterator[Source]:
    with postgres_server.fresh_database() as dsn:
        source = Source(dsn)
        source.psql(TABLES)
        yield source
        source.psql("DROP OWNED BY drawbridge_source; DROP ROLE drawbridge_source")  # as docs/operate.md says


def test_role_reads_what_the_inventory_names_and_nothing_changes_again(source: Source) -> None:
    assert "made" in source.let_read("records", "lab.Odd name")
    assert source.readable() == {"records", "Odd name"}
    assert source.let_read("records", "lab.Odd name") == ""


def test_role_loses_a_table_when_the_inventory_names_it_no_more(source: Source) -> None:
    source.let_read("records", "kinds", "lab.Odd name")
    assert "made" in source.let_read("records", "kinds")
    assert source.readable() == {"records", "kinds"}
    assert source.let_read("records", "kinds") == ""
    assert "made" in source.let_read("kinds")
    assert source.readable() == {"kinds"}
