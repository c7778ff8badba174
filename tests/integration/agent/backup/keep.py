"""A keep with a cluster of its own that archives for real, and a door that is a real sshd.

PostgreSQL refuses to run as root, and its archiver starts our code, which may lie where only root gets to: so for root
all of this runs in a user namespace, where root goes by the number of another user (user_namespaces(7)).
"""

from __future__ import annotations

import asyncio
import copy
import functools
import json
import os
import pwd
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import asyncpg

from agent.settings import PREFIX, Backup, BackupSettings
from bridge.process.settings import load
from demo.postgres import find_binaries

ROOT: Final = Path(__file__).parents[4]
DEADLINE_S: Final = 8.0

_POSTGRES: Final = {
    "listen_addresses": "",
    "port": "5433",
    "shared_buffers": "16MB",
    "max_connections": "20",
    "archive_mode": "on",
    "archive_timeout": "30s",
    "wal_keep_size": "16MB",
    "fsync": "off",
    "autovacuum": "off",  # so that no transaction of its own ends while a backup counts
}


def account() -> pwd.struct_passwd:
    """Return who everything runs as, to itself and to sshd (which lets nobody in whose password is locked)."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.getuid())


def launcher() -> list[str]:
    if os.geteuid() != 0:
        return []
    user = account()
    return ["unshare", "--user", f"--map-user={user.pw_uid}", f"--map-group={user.pw_gid}", "--"]


def run(*command: str | Path, **more: object) -> str:
    words = [*launcher(), *map(str, command)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, **more)  # type: ignore[call-overload]
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return str(done.stdout)


class Server:
    """A process that ends with us."""

    def __init__(self, *command: str | Path, log: Path, cwd: Path | None = None) -> None:
        self.log = log
        words = [*launcher(), "setpriv", "--pdeathsig", "KILL", "--", *map(str, command)]
        with log.open("ab") as output:
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=cwd)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        if self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(10)


class Door:
    """A folder behind an sshd on loopback that lets one key do SFTP and nothing else."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.folder = home / "backup"
        self.key = home / "client_key"
        self.known_hosts = home / "known_hosts"
        self.port = 0
        self._server: Server | None = None
        self.folder.mkdir(parents=True)
        for key in (self.key, home / "host_key"):
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
        shutil.copy(self.key.with_suffix(".pub"), home / "authorized_keys")

    @property
    def url(self) -> str:
        return f"sftp://{account().pw_name}@127.0.0.1:{self.port}/keep"

    @property
    def files(self) -> Path:
        return self.folder / "keep"

    def start(self) -> None:
        if not self.port:
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                self.port = free.getsockname()[1]
            host_key = (self.home / "host_key.pub").read_text()
            self.known_hosts.write_text(f"[127.0.0.1]:{self.port} {host_key}")
        (self.home / "sshd_config").write_text(
            f"""
            ListenAddress 127.0.0.1:{self.port}
            HostKey {self.home / "host_key"}
            AuthorizedKeysFile {self.home / "authorized_keys"}
            AuthenticationMethods publickey
            PidFile none
            StrictModes no
            UsePAM no
            LogLevel ERROR
            DisableForwarding yes
            Subsystem sftp internal-sftp
            ForceCommand internal-sftp -d {self.folder}
            """
        )
        self._server = Server("/usr/sbin/sshd", "-D", "-e", "-f", self.home / "sshd_config", log=self.home / "log")
        wait_for(functools.partial(listens, self.port))

    def stop(self) -> None:
        if self._server is not None:
            self._server.stop()

    def names(self, pattern: str) -> list[Path]:
        return sorted(self.files.glob(pattern))


class Keep:
    """The store's cluster, its settings file, and the commands of the agent."""

    def __init__(self, home: Path, cluster: Path, target: str, door: Door | None = None) -> None:
        self.home = home
        self.data = home / "data"
        self.config = home / "agent.toml"
        self.work = home / "work"
        self.identity = home / "identity"
        self.sockets = Path(tempfile.mkdtemp(prefix="keep-"))
        self.calls = home / "systemctl.log"
        self._server: Server | None = None
        shutil.copytree(cluster, self.data, symlinks=True)
        run("age-keygen", "-o", self.identity)
        self.settings: dict[str, object] = {
            "target": target,
            "identity": str(self.identity),
            "state_file": str(self.work / "state.json"),
            "work_dir": str(self.work),
            "store_dsn": self.dsn(),
            "data_dir": str(self.data),
            "postgres_bin": str(find_binaries()),
            "units": ["agent.service", "postgresql@15-drawbridge.service"],
            "systemctl": str(self._fake_systemctl()),
            "archived_within_s": 5,
            "recovery_s": 8,
        }
        if door is not None:
            self.settings |= {"ssh_key": str(door.key), "known_hosts": str(door.known_hosts)}
        self.configure()

    def configure(self, **changed: object) -> None:
        self.settings |= changed
        lines = [f"{key} = {json.dumps(value)}" for key, value in self.settings.items()]
        self.config.write_text("[backup]\n" + "\n".join(lines) + "\n")

    def dsn(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@/{database}?host={self.sockets}&port=5433"

    def start(self, **changed: str) -> None:
        """Start the cluster, with some of PostgreSQL's settings ``changed``."""
        archive = f"cd {self.data} && PYTHONPATH={ROOT} {sys.executable} -P -m agent.backup.archive {self.config} %p %f"
        settings = _POSTGRES | {"archive_command": archive, "unix_socket_directories": str(self.sockets)} | changed
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        self._server = Server(find_binaries() / "postgres", "-D", self.data, *words, log=self.home / "postgres.log")
        ready = functools.partial(is_ready, self.data / "postmaster.pid", self._server)
        wait_for(ready)

    def reload(self) -> None:
        """Have the cluster read its settings again, as its unit does after each start."""
        os.kill(int((self.data / "postmaster.pid").read_text().split()[0]), signal.SIGHUP)

    def stop(self) -> None:
        if self._server is not None:
            self._server.stop(signal.SIGINT)

    def kill(self) -> None:
        """Cut the power: every process of the cluster at once."""
        assert self._server is not None
        for pid in (self._server.process.pid, *_descendants(self._server.process.pid)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._server.process.wait()

    def copy_to(self, home: Path) -> Keep:
        """Return the same keep in another folder, switched off, and with a data folder that is of no more use."""
        shutil.copytree(self.home, home, ignore=shutil.ignore_patterns("data"))
        (home / "data").mkdir(mode=0o700)
        (home / "data" / "PG_VERSION").write_text("damaged")
        twin = copy.copy(self)
        for name, value in vars(self).items():
            if isinstance(value, Path) and value.is_relative_to(self.home):
                setattr(twin, name, home / value.relative_to(self.home))
        twin.settings = json.loads(json.dumps(self.settings).replace(str(self.home), str(home)))
        twin._fake_systemctl()
        twin.configure()
        return twin

    @property
    def disk(self) -> Path:
        """The folder that a target ``file://…`` is."""
        return Path(str(self.settings["target"]).removeprefix("file://"))

    @property
    def parsed(self) -> Backup:
        return load(BackupSettings, self.config, prefix=PREFIX, environ={}).backup

    def close(self) -> None:
        if self._server is not None:
            self._server.stop(signal.SIGQUIT)  # at once: an orderly stop would wait for a door that is gone
        shutil.rmtree(self.sockets, ignore_errors=True)

    def command(self, *words: str) -> list[str]:
        return [
            *launcher(),
            sys.executable,
            "-m",
            "agent",
            "backup",
            words[0],
            "--config",
            str(self.config),
            *words[1:],
        ]

    def backup(self, *words: str, ok: bool = True, prefix: Sequence[str] = ()) -> str:
        """Run ``python -m agent backup …`` and return all that it printed."""
        done = subprocess.run(
            [*prefix, *self.command(*words)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert (done.returncode == 0) is ok, done.stdout
        assert "Traceback" not in done.stdout, done.stdout
        return done.stdout

    def killed_at(self, line: str, *words: str) -> None:
        """Run ``python -m agent backup …`` and kill it, kill -9, when it prints ``line``."""
        with subprocess.Popen(
            self.command(*words), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            assert process.stdout is not None
            assert any(line in told for told in process.stdout)
            for pid in [*_descendants(process.pid), process.pid]:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    @contextmanager
    def halted_at(self, line: str, *words: str) -> Iterator[None]:
        """Run ``python -m agent backup …``, hold it when it prints ``line``, and let it go on to its end after that."""
        with subprocess.Popen(
            self.command(*words), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            assert process.stdout is not None
            assert any(line in told for told in process.stdout)
            process.send_signal(signal.SIGSTOP)
            try:
                yield
            finally:
                process.send_signal(signal.SIGCONT)
            told = process.stdout.read()
        assert process.returncode == 0, told

    def state(self) -> dict[str, dict[str, object]]:
        state: dict[str, dict[str, object]] = json.loads((self.work / "state.json").read_text())
        return state

    async def sql(self, *statements: str) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self.dsn(), timeout=5)
        try:
            for statement in statements[:-1]:
                await connection.execute(statement)
            return await connection.fetch(statements[-1])
        finally:
            await connection.close()

    async def write(self, *texts: str) -> None:
        for text in texts:
            await self.sql(f"INSERT INTO notes (text) VALUES ('{text}') RETURNING 1")  # noqa: S608 - our own words

    async def notes(self) -> list[str]:
        return [row["text"] for row in await self.sql("SELECT text FROM notes ORDER BY id")]

    async def archived(self) -> str:
        """Archive what was written so far, and return the segment's name."""
        return await self.archives("pg_switch_wal()")

    async def archives(self, end: str = "pg_current_wal_insert_lsn()") -> str:
        """Wait until what was written before ``end`` is archived, whyever, and return the last segment's name."""
        wal: str = (await self.sql(f"SELECT pg_walfile_name({end} - 1) AS wal"))[0]["wal"]
        deadline = time.monotonic() + DEADLINE_S
        while (await self.sql("SELECT coalesce(last_archived_wal, '') AS wal FROM pg_stat_archiver"))[0]["wal"] < wal:
            assert time.monotonic() < deadline, (self.home / "postgres.log").read_text()
            await asyncio.sleep(0.02)
        return wal

    def _fake_systemctl(self) -> Path:
        script = self.home / "systemctl"
        script.write_text(f'#!/bin/sh\necho "$@" >> {shlex.quote(str(self.calls))}\n')
        script.chmod(0o755)
        return script


def make_cluster(folder: Path) -> Path:
    """Make a new cluster with a table of notes, as the playbook does: small segments, checksums."""
    data = folder / "cluster"
    binaries = find_binaries()
    words = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-k", "-N", "--wal-segsize=1"]
    run(binaries / "initdb", "-D", data, *words)
    run(
        binaries / "postgres", "--single", "-D", data, "postgres",
        input="CREATE TABLE notes (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, text text NOT NULL)\n",
    )  # fmt: skip
    return data


def _descendants(pid: int) -> list[int]:
    children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [*children, *(grandchild for child in children for grandchild in _descendants(child))]


def wait_for(is_true: functools.partial[bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not is_true():
        assert time.monotonic() < deadline, is_true
        time.sleep(0.01)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def is_ready(pid_file: Path, server: Server) -> bool:
    assert server.process.poll() is None, server.log.read_text()
    with suppress(FileNotFoundError):
        lines = pid_file.read_text().splitlines()
        return len(lines) > 7 and lines[7].strip() == "ready"
    return False


@contextmanager
def running(keep: Keep) -> Iterator[Keep]:
    keep.start()
    try:
        yield keep
    finally:
        keep.close()
