"""The promise that a change is undone, kept by systemd: this process and its connection may end."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final, Protocol

_PACKAGES: Final = Path(__file__).resolve().parents[2]
"""The release that this is of, not the link to it: the release may be switched before the timer is over."""

_TIMEOUT_S: Final = 30


class Scheduler(Protocol):
    """Starts ``undo`` of a change later, whatever becomes of this process."""

    def schedule(self, name: str, delay_s: int) -> None:
        """Raise OSError or SubprocessError where it cannot be promised."""

    def cancel(self, name: str) -> None: ...


class SystemdTimers:
    """A transient timer unit a change, ``drawbridge-undo-<name>``. A reboot loses it, and undoes by ``--at-boot``."""

    def schedule(self, name: str, delay_s: int) -> None:
        self.cancel(name)
        subprocess.run(
            [
                "/usr/bin/systemd-run", "--quiet", "--collect", f"--unit=drawbridge-undo-{name}",
                f"--on-active={delay_s}s", "--timer-property=AccuracySec=1s", f"--working-directory={_PACKAGES}",
                "/usr/bin/python3", "-m", "rescue.changes", "undo", name,
            ],
            check=True, timeout=_TIMEOUT_S,
        )  # fmt: skip

    def cancel(self, name: str) -> None:
        subprocess.run(
            ["/usr/bin/systemctl", "stop", f"drawbridge-undo-{name}.timer"],
            check=False, capture_output=True, timeout=_TIMEOUT_S,
        )  # fmt: skip
