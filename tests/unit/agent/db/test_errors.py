from __future__ import annotations

import asyncpg
import pytest

from agent.db.errors import SchemaMismatch, translate
from bridge.errors import Code, Conflict, Denied


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (asyncpg.QueryCanceledError(), Code.TIMEOUT),
        (asyncpg.LockNotAvailableError(), Code.TIMEOUT),
        (TimeoutError(), Code.TIMEOUT),
        (asyncpg.CannotConnectNowError(), Code.DATABASE_UNAVAILABLE),
        (asyncpg.AdminShutdownError(), Code.DATABASE_UNAVAILABLE),
        (asyncpg.TooManyConnectionsError(), Code.DATABASE_UNAVAILABLE),
        (asyncpg.InvalidPasswordError(), Code.DATABASE_UNAVAILABLE),
        (asyncpg.ConnectionDoesNotExistError(), Code.DATABASE_UNAVAILABLE),
        (ConnectionRefusedError(), Code.DATABASE_UNAVAILABLE),
        (FileNotFoundError(), Code.DATABASE_UNAVAILABLE),
        (asyncpg.DiskFullError(), Code.STORAGE_FULL),
        (asyncpg.UniqueViolationError(), Code.CONFLICT),
        (asyncpg.DivisionByZeroError(), Code.INTERNAL),
        (asyncpg.InterfaceError("in use"), Code.INTERNAL),
        (ZeroDivisionError(), Code.INTERNAL),
    ],
)
def test_translate_gives_the_code_when_asyncpg_raises(error: Exception, code: Code) -> None:
    assert translate(error).code is code


def test_translate_names_the_cause_to_us_alone_when_the_schema_does_not_fit() -> None:
    translated = translate(asyncpg.UndefinedColumnError('column "severity" does not exist'))
    assert isinstance(translated, SchemaMismatch)
    assert translated.message == 'column "severity" does not exist'
    assert "severity" not in translated.public_message


def test_translate_blames_the_connection_when_it_was_lost() -> None:
    assert translate(asyncpg.InterfaceError("connection is closed"), connection_lost=True).code is (
        Code.DATABASE_UNAVAILABLE
    )
    assert translate(asyncpg.DiskFullError(), connection_lost=True).code is Code.DATABASE_UNAVAILABLE
    assert translate(TimeoutError(), connection_lost=True).code is Code.TIMEOUT


def test_translate_keeps_our_own_errors_when_they_pass_through() -> None:
    for error in (Denied(Code.FORBIDDEN), Conflict(Code.CONFLICT)):
        assert translate(error, connection_lost=True) is error
