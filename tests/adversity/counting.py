"""A write for the tests to count by: each time it is applied, there is one row more."""

from __future__ import annotations

from typing import Final

from bridge.contracts.operation import Effect, Model, Operation, User


class Count(Model):
    """``run`` names the test that counts."""

    run: str


class Counted(Model):
    count: int


COUNT: Final = Operation(name="tests.count", params=Count, result=Counted, principal=User(), effect=Effect.WRITE)

TABLE_SQL: Final = """
CREATE TABLE IF NOT EXISTS tests_counted (run text NOT NULL);
GRANT SELECT, INSERT ON tests_counted TO drawbridge_agent;
"""
