"""A process of ours that tests start, kill and read the log of."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from bridge.process.environment import environment
from demo.processes import Child, start
from demo.readiness import Readiness

ROOT: Final = Path(__file__).parents[2]
_READY_S: Final = 10.0


def overrides(prefix: str, settings: Mapping[str, object]) -> dict[str, str]:
    """Return the environment that lays ``settings`` (``{"bridge.pool_size": 4}``) over a settings file."""
    return {prefix + name.upper().replace(".", "__"): str(value) for name, value in settings.items()}


@dataclass(kw_only=True)
class Process:
    """``arguments`` follow ``python -m``. What it leaves behind is cleaned up by ``stack``."""

    name: str
    arguments: Sequence[str]
    variables: Mapping[str, str]
    log_file: Path
    stack: ExitStack
    child: Child | None = None

    def start(self) -> None:
        """Start the process and return when it says that it is ready."""
        readiness = Readiness()  # stays open: a process says when it stops, too
        self.stack.callback(readiness.close)
        with pytest.MonkeyPatch.context() as patch:
            for name in tuple(environment()):
                if name.startswith("DRAWBRIDGE_"):  # of the browser's appliance, which may be running beside
                    patch.delenv(name)
            self.child = start(
                self.name,
                [sys.executable, "-m", *self.arguments],
                log=self.log_file,
                folder=ROOT,
                variables={**self.variables, **readiness.environment},
                dies_by=signal.SIGKILL,
            )
        self.stack.callback(self.kill)
        readiness.wait(self.child, _READY_S)

    def kill(self) -> None:
        """End the process as a power cut would."""
        if self.child is not None:
            self.child.process.kill()
            self.child.process.wait()

    def terminate(self) -> None:
        """Ask the process to end, and do not wait for it."""
        assert self.child is not None, f"{self.name} was not started"
        self.child.process.terminate()

    @property
    def is_running(self) -> bool:
        return self.child is not None and self.child.is_running

    def log(self, event: str) -> list[dict[str, Any]]:
        """Return what the process logged of one kind of event so far."""
        lines = self.log_file.read_text("utf-8").splitlines()
        read: list[dict[str, Any]] = [json.loads(line) for line in lines if line.startswith("{")]
        return [line for line in read if line.get("event") == event]
