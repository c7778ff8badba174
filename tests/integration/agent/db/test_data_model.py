"""docs/data-model.md is what the store is, and says what each table is for."""

from __future__ import annotations

import re

import pytest

from agent.db.pools import connect
from agent.db.queries import Query, load
from bridge.contracts import OPERATIONS
from docs import data_model
from tests.integration.agent.conftest import AGENT_ROLE, StoreDsns


async def made(store: StoreDsns) -> str:
    connection = await connect(store.owner, application_name="test", timeout_s=5)
    try:
        return await data_model.page(connection, AGENT_ROLE)
    finally:
        await connection.close(timeout=5)


async def test_page_is_what_make_docs_writes_when_the_store_is_migrated(store_dsns: StoreDsns) -> None:
    assert data_model.PAGE.read_text("utf-8") == await made(store_dsns), "run `make docs`"


async def test_every_table_says_what_it_is_for_when_the_store_is_migrated(store_dsns: StoreDsns) -> None:
    sections = re.findall(r"^## `(\w+)`\n\n(.*)$", await made(store_dsns), re.MULTILINE)
    assert {"users", "sessions", "audit", "mails", "schema_migrations"} <= {name for name, _ in sections}
    assert [name for name, comment in sections if not comment] == []


async def test_every_column_has_a_sentence_when_the_store_is_migrated(store_dsns: StoreDsns) -> None:
    connection = await connect(store_dsns.owner, application_name="test", timeout_s=5)
    try:
        columns = await connection.fetch(load("docs", "data_model.sql")["columns"].sql, timeout=5)
    finally:
        await connection.close(timeout=5)
    silent = [f"{each['table_name']}.{each['name']}" for each in columns if not each["comment"].endswith((".", "…"))]
    assert silent == [], "say COMMENT ON COLUMN … in the migration"


async def test_every_table_says_who_reads_it_when_the_store_is_migrated(store_dsns: StoreDsns) -> None:
    tables = re.findall(r"^## `(\w+)`$", await made(store_dsns), re.MULTILINE)
    assert tables == sorted(data_model.READERS)
    assert set(re.findall(r"`(\w+\.[\w.]+)`", " ".join(data_model.READERS.values()))) <= OPERATIONS.keys()


async def test_diagram_has_each_reference_when_the_store_is_migrated(store_dsns: StoreDsns) -> None:
    page = await made(store_dsns)
    assert '    users ||--o{ sessions : "user_id"\n' in page
    assert '    users |o..o{ audit : "user_id"\n' in page
    assert page.count("--o{") == page.count("FOREIGN KEY")


async def test_page_is_another_when_a_column_came_or_its_comment_went(store_dsns: StoreDsns) -> None:
    before = await made(store_dsns)
    connection = await connect(store_dsns.owner, application_name="test", timeout_s=5)
    try:
        for statement in (
            "ALTER TABLE users ADD COLUMN more text DEFAULT 'a|b'",
            "COMMENT ON COLUMN users.email IS NULL",
            "CREATE INDEX more ON users (more)",
            f"GRANT UPDATE ON audit TO {AGENT_ROLE}",
        ):
            await connection.execute(statement, timeout=5)
            after = await made(store_dsns)
            assert after != before, statement
            before = after
    finally:
        await connection.close(timeout=5)
    assert r"| `more` | text | yes | `'a\|b'::text` |  |" in before


@pytest.mark.parametrize("query", load("docs", "data_model.sql").values(), ids=lambda query: query.name)
async def test_statement_of_the_page_is_declared_as_it_is(store_dsns: StoreDsns, query: Query) -> None:
    connection = await connect(store_dsns.owner, application_name="test", timeout_s=5)
    try:
        columns = [each.name for each in (await connection.prepare(query.sql, timeout=5)).get_attributes()]
    finally:
        await connection.close(timeout=5)
    assert [column.split()[0] for column in query.row.split(", ")] == columns
