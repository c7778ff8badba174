"""From asyncpg's errors to ours, in one place."""

from __future__ import annotations

from typing import Final

import asyncpg

from bridge.errors import AppError, Code, Conflict, Unavailable

RETRY_AFTER_S: Final = 1.0
_ROOM_AFTER_S: Final = 60.0
"""A disk that is full is so until somebody makes room."""

# SQLSTATE classes, https://www.postgresql.org/docs/current/errcodes-appendix.html
_UNAVAILABLE: Final = frozenset({"08", "28", "3D", "53", "57", "58"})
_SCHEMA: Final = frozenset({"42", "3F"})
_TIMED_OUT: Final = frozenset({"57014", "55P03", "25P03", "25P04"})  # cancelled, lock and transaction timeouts


class SchemaMismatch(Unavailable):
    """A table, column or permission that a statement needs is not there; the message names it, for the owner's log.

    Most often the owner has yet to migrate, or is about to restore: what needs it waits for that, as for an outage.
    """

    def __init__(self, message: str) -> None:
        super().__init__(Code.DATABASE_UNAVAILABLE, retry_after_s=RETRY_AFTER_S)
        self.message = message


def translate(error: Exception, *, connection_lost: bool = False) -> AppError:
    """Return what a caller is told about ``error``; an :class:`AppError` stays what it is.

    ``connection_lost``: the connection was gone afterwards, whatever asyncpg made of that.
    """
    if isinstance(error, AppError):
        return error
    state = error.sqlstate or "" if isinstance(error, asyncpg.PostgresError) else ""
    if isinstance(error, TimeoutError) or state in _TIMED_OUT:
        return Unavailable(Code.TIMEOUT)
    if connection_lost or isinstance(error, OSError) or state[:2] in _UNAVAILABLE:
        is_full = isinstance(error, asyncpg.DiskFullError) and not connection_lost
        code, again_s = (Code.STORAGE_FULL, _ROOM_AFTER_S) if is_full else (Code.DATABASE_UNAVAILABLE, RETRY_AFTER_S)
        return Unavailable(code, retry_after_s=again_s)
    if state[:2] in _SCHEMA:
        return SchemaMismatch(str(error))
    if isinstance(error, asyncpg.UniqueViolationError):
        return Conflict(Code.CONFLICT)
    return AppError(Code.INTERNAL)
