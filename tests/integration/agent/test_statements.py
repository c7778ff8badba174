"""Every statement in the files is one that the migrated store understands, with the parameters it declares."""

from __future__ import annotations

import pytest

from agent.db.pools import connect
from agent.db.queries import Query, load
from tests.integration.agent.conftest import StoreDsns

STATEMENTS = [
    query
    for package in ("agent.db", "agent.accounts", "agent.audit", "agent.backup", "agent.mail")
    for query in load(package).values()
    if not query.fragments  # those are prepared where what is put in is known
    and query.name != "backup.check_indexes"  # of an extension that only a drill's scratch cluster has
]


@pytest.mark.story("health/US-BE-34.3", "hub/IH-021.2", "hub/DOD.10", "water/FR-070")
@pytest.mark.parametrize("query", STATEMENTS, ids=lambda query: query.name)
async def test_statement_prepares_with_what_it_declares_when_the_store_is_migrated(
    query: Query, store_dsns: StoreDsns
) -> None:
    connection = await connect(store_dsns.agent, application_name="test", timeout_s=5)
    try:
        statement = await connection.prepare(query.sql, timeout=5)
        declared = [
            await connection.fetchval("SELECT $1::text::regtype::oid", parameter.type, timeout=5)
            for parameter in query.parameters
        ]
        taken = [parameter.oid for parameter in statement.get_parameters()]
        columns = [attribute.name for attribute in statement.get_attributes()]
    finally:
        await connection.close(timeout=5)
    assert taken == declared
    assert bool(columns) == bool(query.row)
    if "as in" not in query.row and len(columns) > 1:
        assert [column.split()[0] for column in query.row.split(", ")] == columns
