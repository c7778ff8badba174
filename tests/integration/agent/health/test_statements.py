"""Every statement that can be asked, prepared against every existing schema."""

from __future__ import annotations

from itertools import combinations, product

import asyncpg

from agent.apps.health.statements import QUERIES, Statements
from agent.db.queries import Query
from bridge.contracts.health import Sort
from tests.integration.agent.health.conftest import App, deadline

CONDITIONS = ("symptoms", "text", "category", "start", "end", "min_severity")
# PostgreSQL's names for the types that the files spell as people do
SPELLING = {"int4": "integer", "int8": "bigint", "bool": "boolean"}


def every_statement(statements: Statements) -> list[Query]:
    queries = [QUERIES["columns"], QUERIES["alive"], statements.probe, statements.names, statements.unconverted]
    some = [frozenset(chosen) for size in (0, 1, 2, 6) for chosen in combinations(CONDITIONS, size)]
    for given in some:
        queries += [statements.figures(name, given) for name in ("stats", "series", "total")]
    for sort, is_first, is_counted in product(Sort, (True, False), (True, False)):
        for given in some[:: 5 if is_first else 1]:
            queries.append(statements.page(given, sort, is_first=is_first, is_counted=is_counted))
    return queries


async def test_statements_have_the_parameters_they_declare_when_prepared(app: App) -> None:
    statements = await app.source.statements(deadline())
    queries = every_statement(statements)
    assert {query.name for query in queries} == {query.name for query in QUERIES.values()}
    connection = await asyncpg.connect(app.dsn, timeout=5)
    try:
        for query in {query.sql: query for query in queries}.values():
            prepared = await connection.prepare(query.sql)
            types = [parameter.name for parameter in prepared.get_parameters()]
            assert [SPELLING.get(name, name) for name in types] == [parameter.type for parameter in query.parameters], (
                query.name
            )
    finally:
        await connection.close(timeout=5)
