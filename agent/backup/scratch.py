"""A restored cluster that nobody but us reaches: it replays WAL, answers our questions, and stops.

Its settings come from the command line, which beats whatever the data folder brings along: no TCP, no archiving of its
own to the real target, little memory.
"""

from __future__ import annotations

import asyncio
import shlex
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from agent.backup.contents import connected, one
from agent.backup.errors import BackupError
from agent.backup.programs import run
from bridge.process.clock import Clock

_POLL_S: Final = 0.05
_MUST_MATCH: Final = {
    "max_connections": "max_connections setting",
    "max_worker_processes": "max_worker_processes setting",
    "max_wal_senders": "max_wal_senders setting",
    "max_prepared_transactions": "max_prepared_xacts setting",
    "max_locks_per_transaction": "max_locks_per_xact setting",
}
"""What a standby must have as much of as the server that wrote the WAL; names as in pg_controldata(1)."""


@dataclass(frozen=True, slots=True)
class Goal:
    """How far to replay: to a restore point, where the cluster stays in recovery; to a time; or all there is."""

    timeline: int
    restore_point: str = ""
    time: datetime | None = None

    def settings(self) -> dict[str, str]:
        target = {"recovery_target_timeline": str(self.timeline)}
        if self.restore_point:
            return target | {"recovery_target_name": self.restore_point, "recovery_target_action": "pause"}
        if self.time is not None:
            return target | {"recovery_target_time": self.time.isoformat(), "recovery_target_action": "promote"}
        return target


@dataclass(frozen=True, slots=True)
class Scratch:
    """A data folder, unpacked from a backup, and the folder of its WAL (``<segment>.gz``)."""

    data: Path
    wal: Path
    programs: Path
    store_dsn: str
    """The store's own DSN, of which user and database count here."""
    keeps: bool = False
    """Whether the cluster will be used: it must survive a power cut, and archive its new timeline when it can."""

    @asynccontextmanager
    async def running(self, goal: Goal, clock: Clock, within_s: float) -> AsyncIterator[str]:
        """Give the DSN of the running cluster, once ``goal`` is reached; stop it at the end."""
        (self.data / "recovery.signal").touch()
        sockets = Path(tempfile.mkdtemp(prefix="drawbridge-restored-"))
        try:
            with self._log.open("wb") as output:
                process = subprocess.Popen(  # noqa: ASYNC220 - starts at once
                    [*_dying_with_us(), *self._command(sockets, goal)], stdout=output, stderr=output
                )
            try:
                dsn = self._dsn(sockets)
                await self._reached(process, dsn, goal, clock, clock.monotonic() + within_s)
                yield dsn
            finally:
                _stop(process)
        finally:
            shutil.rmtree(sockets, ignore_errors=True)

    def _command(self, sockets: Path, goal: Goal) -> list[str]:
        (self.data.with_name(self.data.name + ".hba")).write_text("local all all trust\n", "ascii")
        empty = self.data.with_name(self.data.name + ".conf")
        empty.write_text("", "ascii")
        wal = shlex.quote(str(self.wal)).replace("%", "%%")
        settings = {
            "config_file": str(empty),
            "hba_file": str(self.data.with_name(self.data.name + ".hba")),
            "ident_file": str(empty),
            "listen_addresses": "",
            "unix_socket_directories": str(sockets),
            "unix_socket_permissions": "0700",
            "port": "5432",
            "archive_mode": "on" if self.keeps else "off",
            "archive_command": "",  # what is new stays marked for the real server
            "archive_library": "",
            "primary_conninfo": "",
            "restore_command": f"test -f {wal}/%f.gz && gunzip -c < {wal}/%f.gz > %p",
            "hot_standby": "on",
            "shared_buffers": "16MB",
            "shared_preload_libraries": "",
            "autovacuum": "off",
            "fsync": "on" if self.keeps else "off",
            "logging_collector": "off",
            "log_destination": "stderr",
            "lc_messages": "C",
            **self._must_match(),
            **goal.settings(),
        }
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [str(self.programs / "postgres"), "-D", str(self.data), *words]

    def _must_match(self) -> Mapping[str, str]:
        lines = run(["env", "LC_ALL=C", str(self.programs / "pg_controldata"), str(self.data)]).splitlines()
        facts = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        return {setting: facts[name] for setting, name in _MUST_MATCH.items()}

    def _dsn(self, sockets: Path) -> str:
        parts = urlsplit(self.store_dsn)
        user = quote(unquote(parts.username or "postgres"), safe="")
        return f"postgresql://{user}@/{parts.path.lstrip('/')}?host={quote(str(sockets))}&port=5432"

    @property
    def _log(self) -> Path:
        return self.data.with_name(self.data.name + ".log")

    async def _reached(
        self, process: subprocess.Popen[bytes], dsn: str, goal: Goal, clock: Clock, deadline: float
    ) -> None:
        while True:
            if process.poll() is not None:
                raise _ended(self._log, goal)
            with suppress(BackupError):
                async with connected(dsn) as connection:
                    state = await one(connection, "recovery")
                if state["paused"] if goal.restore_point else not state["in_recovery"]:
                    return
            if clock.monotonic() > deadline:
                msg = f"the WAL was not replayed in time (backup.recovery_s); see {self._log}"
                raise BackupError(msg)
            await asyncio.sleep(_POLL_S)


_DIES_WITH_US: Final = ("setpriv", "--pdeathsig", "QUIT", "--")


def _dying_with_us() -> Sequence[str]:
    """Return what makes a server end with us, so that a drill that is killed leaves none (prctl(2), PR_SET_PDEATHSIG).

    Nothing where setpriv(1) may not run, for it touches capabilities: in a unit's sandbox, where systemd ends what is
    left.
    """
    allowed = subprocess.run([*_DIES_WITH_US, "true"], stderr=subprocess.DEVNULL, check=False).returncode == 0
    return _DIES_WITH_US if allowed else ()


def _stop(process: subprocess.Popen[bytes]) -> None:
    for number, grace_s in ((signal.SIGINT, 60.0), (signal.SIGQUIT, 5.0)):  # fast, then immediate shutdown
        process.send_signal(number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(grace_s)
            return
    process.kill()
    process.wait()


def _ended(log: Path, goal: Goal) -> BackupError:
    lines = log.read_text("utf-8", errors="replace").splitlines()
    if any("recovery ended before configured recovery target was reached" in line for line in lines):
        if goal.time is not None:
            return BackupError(f"the backup ends before {goal.time.isoformat()}: give an earlier time, or none")
        return BackupError("the backup's WAL ends before its restore point: some is missing")
    fatal = [line for line in lines if "FATAL" in line or "PANIC" in line] or lines
    why = fatal[0].partition("FATAL:")[2].strip() or fatal[0] if fatal else "it printed nothing"
    return BackupError(f"the restored cluster does not start: {why}; see {log}")
