"""The floors: the least that could answer the same. ``python -m demo.bench.floors SOCKET BODY_FILE MAPPING``.

``/fixed`` is bare aiohttp with an answer that lies ready. ``/rows?person=`` is bare aiohttp and asyncpg with the
product's own statement, prepared once on each of four connections that are never reset, and the same serializer.
No sign-in, no limits, no log, no headers, no bridge.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import asyncpg
import uvloop
from aiohttp import web
from pydantic_core import to_json

from agent.apps.health.mapping.columns import Column
from agent.apps.health.mapping.compile import compile_records, tables_of
from agent.apps.health.mapping.model import read
from agent.apps.health.statements import QUERIES, Statements
from bridge.contracts.health import TOTAL_COUNTED_TO, Sort
from bridge.process import notify
from bridge.process.environment import environment

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]
    Statement = asyncpg.prepared_stmt.PreparedStatement[asyncpg.Record]

DSN_VARIABLE: Final = "DRAWBRIDGE_BENCH_DSN"
LIMIT: Final = 50
_CONNECTIONS: Final = 4
_FILTER: Final = (None,) * 6
_FIRST_PAGE: Final = (None,) * 3


async def page_statement(connection: Connection, mapping_path: Path) -> Statement:
    """Return the statement of the product's first page, prepared on ``connection``."""
    mapping = read(mapping_path)
    catalogue = {
        table: {row["name"]: Column(**row) for row in await connection.fetch(QUERIES["columns"].sql, *table)}
        for table in tables_of(mapping)
    }
    statements = Statements(compile_records(mapping, catalogue))
    query = statements.page(frozenset(), Sort.NEWEST, is_first=True, is_counted=True)
    statement = await connection.prepare(query.sql)
    await _fetch(
        statement, None
    )  # asyncpg prepares without a Sync: unused for 5 s, it would run into statement_timeout
    return statement


async def page(statement: Statement, person: str) -> bytes:
    """Return a person's newest records as JSON, as ``health.symptoms.list`` does."""
    rows = await _fetch(statement, person)
    items = [
        {
            "id": record_id, "symptom": symptom, "category": category, "severity": severity,
            "recorded_at": recorded_at, "duration_minutes": duration_minutes, "notes": notes,
        }
        for record_id, symptom, category, severity, recorded_at, duration_minutes, notes, *_ in rows[:LIMIT]
    ]  # fmt: skip
    return to_json({"items": items, "total": rows[0]["total"], "limit": LIMIT})


async def _fetch(statement: Statement, person: str | None) -> list[asyncpg.Record]:
    return await statement.fetch(person, *_FILTER, LIMIT + 1, *_FIRST_PAGE, TOTAL_COUNTED_TO + 1)


async def connect(dsn: str) -> Connection:
    return await asyncpg.connect(dsn, server_settings={"jit": "off"})


async def _serve(socket: str, body: bytes, dsn: str, mapping: Path) -> None:
    statements: asyncio.LifoQueue[Statement] = asyncio.LifoQueue()
    for _ in range(_CONNECTIONS):
        statements.put_nowait(await page_statement(await connect(dsn), mapping))

    async def fixed(_request: web.Request) -> web.Response:
        return web.Response(body=body, content_type="application/json")

    async def rows(request: web.Request) -> web.Response:
        statement = await statements.get()
        try:
            answer = await page(statement, request.query["person"])
        finally:
            statements.put_nowait(statement)
        return web.Response(body=answer, content_type="application/json")

    app = web.Application()
    app.router.add_get("/fixed", fixed)
    app.router.add_get("/rows", rows)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.UnixSite(runner, socket).start()
    notify.notify(notify.READY)
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    await stopping.wait()
    await runner.cleanup()


def main() -> int:
    socket, body_file, mapping = sys.argv[1:]
    uvloop.run(_serve(socket, Path(body_file).read_bytes(), environment()[DSN_VARIABLE], Path(mapping)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
