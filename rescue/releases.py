"""The releases in ``/opt/drawbridge``, and which one runs: ``python -m rescue.releases …``, for root and the playbook.

::

    releases/<version>/    what a release brings
    current  -> releases/<version>, the one that runs
    previous -> releases/<version>, the one before, to go back to

``activate`` restarts this host's services one after the other and waits until each is well. If one is not, the link
goes back, they are restarted once more, and the exit code is 1: the release from before runs. Exit 2: that too is not
well.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from rescue.commands import Commands, Say
from rescue.health import Health
from rescue.settings import USUAL_PATHS, Host, SettingsError, load_settings
from rescue.systemctl import SystemCtl
from rescue.units import BESIDE, OF_A_RELEASE, unit_name

VERSION: Final = r"[0-9A-Za-z][0-9A-Za-z.+_-]{0,63}"
DONE: Final = 0
RETURNED: Final = 1
NOT_WELL: Final = 2


class ReleaseError(Exception):
    """What was asked cannot be done, and nothing was changed; the message is the line to show."""


@dataclass(frozen=True, slots=True)
class Release:
    version: str
    installed: datetime
    is_current: bool
    is_previous: bool


class Releases:
    """The folder. Every change holds a lock, so that playbook and console do not meet."""

    def __init__(self, opt: Path, host: Host, systemctl: SystemCtl, health: Health, say: Say) -> None:
        self._opt = opt
        self._host = host
        self._systemctl = systemctl
        self._health = health
        self._say = say

    def all(self) -> list[Release]:
        """Return what is installed, the newest first."""
        current, previous = self._target("current"), self._target("previous")
        found = [path for path in (self._opt / "releases").glob("*") if path.is_dir() and not path.is_symlink()]
        releases = [
            Release(
                path.name, datetime.fromtimestamp(path.stat().st_mtime, UTC), path.name == current,
                path.name == previous,
            )
            for path in found if re.fullmatch(VERSION, path.name)
        ]  # fmt: skip
        return sorted(releases, key=lambda one: (one.installed, one.version), reverse=True)

    def activate(self, version: str) -> int:
        """Run ``version``, or again the one from before if it is not well. Raises :class:`ReleaseError`."""
        with self._locked():
            before = self._target("current")
            if not re.fullmatch(VERSION, version) or not (self._opt / "releases" / version).is_dir():
                msg = f"{version} is not installed"
                raise ReleaseError(msg)
            # a door whose keep is away is not ready, and the release cannot help it
            must_be_ready = self._health.is_ready()
            if before == version and must_be_ready:
                self._say(f"{version} runs already")
                return DONE
            self._link("current", version)
            if not (fault := self._restart(must_be_ready=must_be_ready)):
                if before not in {None, version}:
                    self._link("previous", str(before))
                self._say(f"{version} runs")
                return DONE
            self._say(f"{version} is not well: {fault}")
            if before in {None, version}:
                return NOT_WELL
            self._link("current", str(before))
            if fault := self._restart(must_be_ready=must_be_ready):
                self._say(f"back to {before}, which is not well either: {fault}")
                return NOT_WELL
            self._say(f"{before} runs again")
            return RETURNED

    def rollback(self) -> int:
        """Run the release from before this one. Raises :class:`ReleaseError` where there is none."""
        previous = self._target("previous")
        if previous is None or previous == self._target("current"):
            msg = "there is no release to go back to"
            raise ReleaseError(msg)
        return self.activate(previous)

    def prune(self, keep: int) -> int:
        """Remove all but the newest ``keep``; never the one that runs or the one from before."""
        with self._locked():
            for release in self.all()[max(keep, 0) :]:
                if not (release.is_current or release.is_previous):
                    shutil.rmtree(self._opt / "releases" / release.version)
                    self._say(f"removed {release.version}")
        return DONE

    def _restart(self, *, must_be_ready: bool) -> str:
        """Restart one after the other; return what is wrong with the first that is not well, or nothing."""
        for unit in OF_A_RELEASE[self._host]:
            self._say(f"restarting {unit}")
            # a release that crashed at start may have used up the starts that systemd allows
            self._systemctl.capture("reset-failed", "--", unit_name(unit), timeout_s=10)
            answer = self._systemctl.capture("restart", "--", unit_name(unit))
            if answer.code != 0:
                return f"{unit} does not start: {answer.reason}"
            if fault := self._health.wait(unit, must_be_ready=must_be_ready):
                return fault
        for unit in BESIDE[self._host]:
            # it returns once the service said that it is ready, and does nothing where that does not run
            answer = self._systemctl.capture("try-restart", "--", unit_name(unit))
            if answer.code != 0:
                return f"{unit} does not start: {answer.reason}"
        return ""

    def _target(self, link: str) -> str | None:
        try:
            return (self._opt / link).readlink().name
        except OSError:
            return None

    def _link(self, link: str, version: str) -> None:
        draft = self._opt / f".{link}.draft"
        draft.unlink(missing_ok=True)
        draft.symlink_to(Path("releases") / version)
        draft.replace(self._opt / link)
        folder = os.open(self._opt, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with (self._opt / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                msg = "somebody else is changing the releases"
                raise ReleaseError(msg) from None
            yield


def show(releases: Sequence[Release], say: Say) -> None:
    for release in releases:
        place = "current" if release.is_current else "previous" if release.is_previous else ""
        say(f"{release.version:<24} {release.installed:%Y-%m-%d %H:%M}  {place}".rstrip())
    if not releases:
        say("none")


def releases_of(host: Host, commands: Commands) -> Releases:
    """Return this host's releases, on its own systemd."""
    systemctl = SystemCtl(commands)
    health = Health(host, commands.paths, systemctl)
    return Releases(commands.paths.opt, host, systemctl, health, commands.say)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m rescue.releases", description="Which release runs.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("list", help="what is installed")
    activate = commands.add_parser("activate", help="run a release; go back by itself if it is not well")
    activate.add_argument("version")
    commands.add_parser("rollback", help="run the release from before")
    prune = commands.add_parser("prune", help="remove old releases")
    prune.add_argument("--keep", type=int, default=3, metavar="N", help="how many of the newest stay (3)")
    options = parser.parse_args(arguments)
    try:
        releases = releases_of(load_settings().host, Commands(_print, paths=USUAL_PATHS))
        if options.command == "list":
            show(releases.all(), _print)
            return DONE
        if options.command == "activate":
            return releases.activate(options.version)
        return releases.rollback() if options.command == "rollback" else releases.prune(options.keep)
    except (ReleaseError, SettingsError, OSError) as error:
        print(error, file=sys.stderr)  # noqa: T201 - a command says what is wrong
        return RETURNED


def _print(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - a command prints its answer


if __name__ == "__main__":
    sys.exit(main())
