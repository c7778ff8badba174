from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

STUB = """\
#!/bin/sh
# stands for .venv/bin/python: says how it was called, and waits to be ended
for argument; do echo "<$argument>"; done
[ -z "$DATABASE_URL" ] || echo "DATABASE_URL <$DATABASE_URL>"
trap 'echo ended; exit 0' TERM INT
echo waiting
while :; do sleep 0.05; done
"""


@pytest.fixture
def stub(tmp_path: Path) -> Path:
    path = tmp_path / "python"
    path.write_text(STUB)
    path.chmod(0o755)
    return path


@contextmanager
def make(*arguments: str, environ: dict[str, str]) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """Yield make, in a process group of its own as in a terminal, and what was said until it waits."""
    command = ["make", "--no-print-directory", *arguments]
    with subprocess.Popen(
        command, cwd=ROOT, env={"PATH": os.environ["PATH"]} | environ, text=True, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            yield process, [line.strip() for line in iter(process.stdout.readline, "waiting\n")]
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def process_group_is_gone(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.parametrize("target", ["run", "dev"])
@pytest.mark.parametrize("whole_group", [False, True])
def test_signal_to_make_ends_everything_it_started(stub: Path, target: str, whole_group: bool) -> None:
    with make(target, f"PY={stub}", "PYTHON=true", environ={}) as (process, _):
        if whole_group:
            os.killpg(process.pid, signal.SIGINT)  # what Ctrl-C does
        else:
            process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=5)
        assert "ended" in output
        assert process_group_is_gone(process.pid)


def test_options_reach_the_demo_when_they_have_odd_characters(stub: Path) -> None:
    options = {"PORT": "8444", "DATA_DIR": "/tmp/a b", "DATABASE_URL": "postgresql://u:p'\"@h/d?a=1&b=2"}  # noqa: S108
    with make("run", f"PY={stub}", "PYTHON=true", "MAPPING=my map.toml", environ=options) as (_, said):
        assert said == [
            "<-m>", "<demo>", "<run>", "<--port>", "<8444>", "<--data-dir>", "</tmp/a b>",
            "<--mapping>", "<my map.toml>", "DATABASE_URL <postgresql://u:p'\"@h/d?a=1&b=2>",
        ]  # fmt: skip


def test_demo_gets_no_options_when_none_are_given(stub: Path) -> None:
    with make("run", f"PY={stub}", "PYTHON=true", environ={}) as (_, said):
        assert said == ["<-m>", "<demo>", "<run>"]


@pytest.mark.story("health/US-BE-32.4")
def test_make_prints_the_list_when_no_target_is_given() -> None:
    result = subprocess.run(["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "make run " in result.stdout
    assert "make test " in result.stdout


def test_provisioning_says_what_to_do_when_there_is_no_inventory(tmp_path: Path) -> None:
    inventory = tmp_path / "inventory.yml"
    command = ["make", "provision", f"PY={tmp_path}", "PYTHON=true", f"INVENTORY={inventory}"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert result.stdout == ""
    said = f"drawbridge: there is no {inventory}: cp ansible/inventory.example.yml {inventory}, and fill it in"
    assert result.stderr.startswith(said)
