from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from rescue.changes.__main__ import _parser
from rescue.changes.subjects import SUBJECTS
from rescue.changes.timers import SystemdTimers


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Keep the commands that would be run."""
    kept: list[list[str]] = []

    def run(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
        kept.append(command)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(subprocess, "run", run)
    return kept


@pytest.mark.parametrize("name", [*SUBJECTS])
def test_timer_starts_a_command_that_we_have_when_it_is_over(commands: list[list[str]], name: str) -> None:
    SystemdTimers().schedule(name, 60)
    stop, run = commands
    assert stop == ["/usr/bin/systemctl", "stop", f"drawbridge-undo-{name}.timer"]
    module = run.index("-m")
    asked = _parser().parse_args(run[module + 2 :])
    assert (asked.command, asked.name) == ("undo", name)
    (folder,) = [word.partition("=")[2] for word in run if word.startswith("--working-directory=")]
    assert (Path(folder) / run[module + 1].replace(".", "/") / "__main__.py").is_file()
    assert "--on-active=60s" in run
    assert f"--unit=drawbridge-undo-{name}" in run
