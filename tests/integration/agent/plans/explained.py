"""What a plan looks at."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import asyncpg

Plan = dict[str, Any]


async def explain(connection: asyncpg.Connection[asyncpg.Record], sql: str, *values: object) -> Plan:
    """Run a statement, take back what it did, and return its plan with the rows that each step saw."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        text = await connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON, TIMING OFF) {sql}", *values, timeout=20)
    finally:
        await transaction.rollback()
    plan: Plan = json.loads(text)[0]["Plan"]
    return plan


def rows_read(plan: Plan) -> int:
    """Return how many rows of tables a plan looked at, by index or not."""
    return sum(
        int((step["Actual Rows"] + sum(step.get(f"Rows Removed by {why}", 0) for why in ("Filter", "Index Recheck")))
            * step["Actual Loops"])
        for step in _steps(plan)
        if "Relation Name" in step and step["Node Type"] != "ModifyTable"
    )  # fmt: skip


def whole_tables(plan: Plan) -> set[str]:
    """Return the tables that a plan reads from one end to the other, whether or not it may stop before."""
    return {step["Relation Name"] for step in _steps(plan) if step["Node Type"] == "Seq Scan"}


def _steps(plan: Plan) -> Iterator[Plan]:
    yield plan
    for step in plan.get("Plans", []):
        yield from _steps(step)
