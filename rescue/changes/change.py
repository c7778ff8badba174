"""A change: applied, then confirmed or undone; what is needed for either is on disk before anything changes."""

from __future__ import annotations

import fcntl
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from rescue.changes.subjects import Subject
from rescue.changes.timers import Scheduler
from rescue.files import replace_file, sync_folder

_COMMAND_TIMEOUT_S: Final = 30
_MODE: Final = 0o600


class ChangeFailed(Exception):
    """What was asked did not happen; the message says what is in force now."""


class Change:
    """The change of one subject, with what is kept to undo it in ``state/<name>/``."""

    def __init__(self, name: str, subject: Subject, *, state: Path, scheduler: Scheduler) -> None:
        self._name = name
        self._subject = subject
        self._folder = state / name
        self._pending = self._folder / "pending.json"
        self._before = self._folder / "before"
        self._scheduler = scheduler

    @property
    def is_pending(self) -> bool:
        return self._pending.exists()

    def apply(self, candidate: Path, *, undo_after_s: int, connection: str | None) -> bool:
        """Put ``candidate`` in force for ``undo_after_s`` seconds; False: it is so already, and nothing was done.

        Raises :class:`ChangeFailed`, and leaves in force what was. ``connection`` says over which one this was asked.
        """
        content = candidate.read_bytes()
        with self._alone():
            if self.is_pending:
                msg = f"a change of {self._name} waits to be confirmed: confirm or undo it first"
                raise ChangeFailed(msg)
            target = self._subject.target
            was_loaded = self._is_loaded()
            if was_loaded and target.exists() and target.read_bytes() == content:
                return False
            self._keep(connection, was_loaded=was_loaded)
            try:
                self._scheduler.schedule(self._name, undo_after_s)
                replace_file(target, content, mode=self._subject.mode)
                _run(self._subject.check)
                _run(self._subject.load)
            except (OSError, subprocess.SubprocessError) as error:
                raise self._undone_because(error) from error
        return True

    def confirm(self, *, connection: str | None) -> None:
        """Keep what is pending. Raises :class:`ChangeFailed`."""
        with self._alone():
            if not self.is_pending:
                msg = f"no change of {self._name} waits to be confirmed: it was confirmed or undone before"
                raise ChangeFailed(msg)
            applied_over = json.loads(self._pending.read_bytes())["connection"]
            if applied_over is not None and applied_over == connection:
                msg = "this is the connection that made the change: confirm it over a new one"
                raise ChangeFailed(msg)
            self._forget()
            self._scheduler.cancel(self._name)

    def undo(self, *, reload: bool = True) -> bool:
        """Put back what was in force before the pending change; False: there is none.

        Without ``reload`` the file alone, for when nothing has read it yet. Raises :class:`ChangeFailed` where the old
        file is back and could not be loaded.
        """
        with self._alone():
            if not self.is_pending:
                return False
            try:
                self._undo(reload=reload)
            except (OSError, subprocess.SubprocessError) as error:
                msg = f"the file of {self._name} is the one from before, and could not be loaded: {_said(error)}"
                raise ChangeFailed(msg) from error
        return True

    def _undone_because(self, error: Exception) -> ChangeFailed:
        try:
            self._undo(reload=True)
        except (OSError, subprocess.SubprocessError) as second:
            return ChangeFailed(f"{_said(error)}; and what was before could not be put back: {_said(second)}")
        return ChangeFailed(f"{self._name} is as it was before: {_said(error)}")

    def _is_loaded(self) -> bool:
        """Say whether anything of the file is in force: rules may be gone while their file is there."""
        if not self._subject.is_loaded:
            return True
        done = subprocess.run(self._subject.is_loaded, check=False, capture_output=True, timeout=_COMMAND_TIMEOUT_S)
        return done.returncode == 0

    def _keep(self, connection: str | None, *, was_loaded: bool) -> None:
        target = self._subject.target
        self._before.unlink(missing_ok=True)
        if target.exists():
            replace_file(self._before, target.read_bytes(), mode=_MODE)
        pending = {"connection": connection, "was_loaded": was_loaded}
        replace_file(self._pending, json.dumps(pending).encode(), mode=_MODE)

    def _undo(self, *, reload: bool) -> None:
        """Leave the change pending where the old file cannot be put back: the next try may."""
        target = self._subject.target
        was_loaded = json.loads(self._pending.read_bytes()).get("was_loaded", True)
        command = self._subject.load if was_loaded and self._before.exists() else self._subject.unload
        if self._before.exists():
            replace_file(target, self._before.read_bytes(), mode=self._subject.mode)
        else:
            target.unlink(missing_ok=True)
        try:
            if reload:
                _run(command)
        finally:
            self._forget()
            if reload:
                self._scheduler.cancel(self._name)

    def _forget(self) -> None:
        self._pending.unlink()
        sync_folder(self._folder)
        self._before.unlink(missing_ok=True)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One at a time: the timer's undo waits for a confirmation under way, and finds nothing to do afterwards."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self._folder / "lock").open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _run(command: tuple[str, ...]) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=_COMMAND_TIMEOUT_S)


def _said(error: Exception) -> str:
    said = getattr(error, "stderr", None) or ""
    return said.strip() or str(error)
