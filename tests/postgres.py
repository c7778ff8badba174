"""A real PostgreSQL for the tests: one server a run (one a worker of xdist), a fresh database a test.

A test that wants its own schema in every database prepares it once and copies it::

    @pytest.fixture(scope="session")
    def migrated(postgres_server):            # any session fixture may create a database to copy from
        asyncio.run(prepare(postgres_server.create_database("template_migrated")))
        return "template_migrated"

    @pytest.fixture
    def store(postgres_server, migrated):
        with postgres_server.fresh_database(template=migrated) as dsn:
            yield dsn
"""

from __future__ import annotations

import asyncio
import itertools
import os
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import asyncpg
import pytest

from demo.postgres import EmbeddedPostgres
from demo.processes import DemoError

_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - what lies in it has a name that nobody can guess
_ROOM_BYTES: Final = 4 << 30


class PostgresServer(EmbeddedPostgres):
    """A server whose databases come and go; what it keeps would not survive a power cut."""

    def __init__(self, home: Path) -> None:
        super().__init__(home, durable=False)
        self._numbers = itertools.count(1)

    def create_database(self, name: str, *, template: str = "template0") -> str:
        """Create ``name`` as a copy of ``template``, to which nobody may be connected; return its DSN."""
        self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy')  # 20 ms; wal_log: 180 ms
        return self.dsn(name)

    def drop_database(self, name: str) -> None:
        """Drop ``name`` and end the sessions in it."""
        self._execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    @contextmanager
    def fresh_database(self, *, template: str = "template0") -> Iterator[str]:
        """Yield the DSN (as the superuser) of a database of your own, a copy of ``template``; drop it at the end."""
        name = f"test_{next(self._numbers)}"
        try:
            yield self.create_database(name, template=template)
        finally:
            self.drop_database(name)

    def _execute(self, statement: str) -> None:
        async def run() -> None:
            connection = await asyncpg.connect(self.dsn("postgres"), timeout=10)
            try:
                await connection.execute(statement, timeout=30)
            finally:
                await connection.close(timeout=5)

        with ThreadPoolExecutor(1) as thread:  # the caller may be inside an event loop of its own
            thread.submit(asyncio.run, run()).result()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """Give a running server, empty; a superuser's DSN of each database by ``.dsn(database)``."""
    with tempfile.TemporaryDirectory(prefix="drawbridge-postgres-", dir=_in_memory()) as folder:
        server = PostgresServer(Path(folder))
        try:
            server.start()
        except DemoError as error:
            pytest.skip(str(error))
        try:
            yield server
        finally:
            server.stop()


def _in_memory() -> Path | None:
    """Return a folder in memory, where it has room; None elsewhere: the usual one.

    Making and dropping a database each write a checkpoint and hundreds of files, which on a disk that others keep busy
    waits for them, inside of a test's 10 s: databases are made in 0.06 s there, on the disk in 0.2 to 0.9.
    """
    with suppress(OSError):
        found = os.statvfs(_MEMORY)
        if found.f_bavail * found.f_frsize >= _ROOM_BYTES and os.access(_MEMORY, os.W_OK):
            return _MEMORY
    return None


@pytest.fixture
def database(postgres_server: PostgresServer) -> Iterator[str]:
    """Give the DSN, as the superuser, of a fresh and empty database."""
    with postgres_server.fresh_database() as dsn:
        yield dsn
