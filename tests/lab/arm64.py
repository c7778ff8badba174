"""What the Pis' processor sees of us: our releases in Debian's arm64 roots, run by ``qemu-aarch64``.

The hosts of the lab have this machine's processor, for no emulation boots systemd. Here each process is emulated alone,
as its Pi's core: one that lacks the instructions of newer ones. Nothing is registered with the kernel (binfmt), hence a
process in such a root cannot start another.
"""

from __future__ import annotations

import json
import shutil
import signal
import sys
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from demo.processes import Child, start
from demo.readiness import Readiness
from tests.lab.shell import PROJECT, run

QEMU: Final = "qemu-aarch64-static"
RELEASE: Final = Path("/opt/drawbridge/current")
_PACKAGES: Final = ("base-files", "libstdc++6", "python3", "python3-systemd", "python3-venv")
"""Of what a Pi has, what we need: base-files brings trixie's links to /usr, and libstdc++6 is there because of apt."""
_READY_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Service:
    """A started service of ours."""

    child: Child
    readiness: Readiness
    drain_s: float

    def wait(self) -> None:
        """Return when it says that it is ready. Raises DemoError with its log's end where it does not."""
        self.readiness.wait(self.child, _READY_S)

    def stop(self) -> None:
        """Ask it to stop, and kill it where it does not."""
        self.child.stop((signal.SIGTERM, self.drain_s))
        self.readiness.close()


@dataclass(frozen=True, slots=True)
class Pi:
    """One Debian of a Pi, unpacked and not booted, with our release for one side in it."""

    root: Path
    suite: str
    side: str
    core: str
    """As qemu names it."""

    def set_up(self) -> None:
        """Unpack Debian, and the release as the playbook would. Raises LabError.

        The wheels are only unpacked: so does pip, which would take 20 s here, and compiling their modules a minute.
        """
        run(
            "mmdebstrap", "--quiet", "--architectures=arm64", "--variant=extract", f"--include={','.join(_PACKAGES)}",
            self.suite, self.root,
        )  # fmt: skip
        shutil.copy(shutil.which(QEMU) or QEMU, self.root / "usr/bin" / QEMU)
        release = self.root / RELEASE.relative_to("/")
        with tarfile.open(self._build_release()) as archive:
            archive.extractall(release, filter="data")
        self._run("/usr/bin/python3", "-m", "venv", "--without-pip", "--system-site-packages", f"{RELEASE}/.venv")
        (site,) = release.glob(".venv/lib/python*/site-packages")
        for wheel in (release / "wheels").iterdir():
            shutil.unpack_archive(wheel, site, "zip")

    def give(self, path: Path, *, without: Sequence[str] = ()) -> None:
        """Copy a file or a folder of this machine to the same path in the root, but for names ``without``."""
        there = self.root / path.relative_to("/")
        there.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            shutil.copytree(path, there, ignore=shutil.ignore_patterns(*without))
        else:
            shutil.copy(path, there)

    def python(self, *arguments: str, variables: Sequence[str] = ()) -> str:
        """Run the release's Python to its end, and return what it printed. Raises LabError."""
        return self._run(f"{RELEASE}/.venv/bin/python", *arguments, variables=variables)

    def start(self, name: str, *arguments: str, variables: Sequence[str], log: Path, drain_s: float) -> Service:
        """Start ``python -m NAME serve``. From the main thread only."""
        readiness = Readiness()
        variables = (*variables, *(f"{key}={value}" for key, value in readiness.environment.items()))
        command = self._command(f"{RELEASE}/.venv/bin/python", "-m", name, "serve", *arguments, variables=variables)
        return Service(start(f"the {name}", command, log=log, folder=self.root), readiness, drain_s)

    def _build_release(self) -> Path:
        python = (self.root / "usr/bin/python3").readlink().name.removeprefix("python")
        told = run(
            sys.executable, PROJECT / "ansible/build_release.py", f"--side={self.side}", f"--python={python}",
            "--machine=aarch64", f"--into={self.root.parent}",
        )  # fmt: skip
        return Path(json.loads(told)["archive"])

    def _run(self, *command: str, variables: Sequence[str] = ()) -> str:
        return run(*self._command(*command, variables=variables))

    def _command(self, *command: str, variables: Sequence[str] = ()) -> list[str]:
        """Return the command in the root, with ``variables`` and nothing else of our environment.

        The path stands for the working folder: chroot(8) begins in ``/``.
        """
        inside = ("/usr/sbin/chroot", str(self.root), f"/usr/bin/{QEMU}", "-cpu", self.core)
        return ["/usr/bin/env", "-i", f"PYTHONPATH={RELEASE}", *variables, *inside, *command]
