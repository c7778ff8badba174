"""Running fixed commands."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rescue.commands import LEFT, LINE_MAX, NOT_FOUND, OUTPUT_MAX_BYTES, TIMED_OUT, Commands, Finished, as_user
from rescue.settings import Paths


def test_command_has_an_environment_of_its_own_when_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_PRELOAD", "/tmp/x.so")  # noqa: S108 - is never made
    said: list[str] = []
    assert Commands(said.append).run("env") == 0
    assert {line.partition("=")[0] for line in said} == {"PATH", "HOME", "LC_ALL", "SYSTEMD_COLORS", "SYSTEMD_PAGER"}


def test_command_is_ended_with_its_children_when_it_takes_too_long(tmp_path: Path) -> None:
    said: list[str] = []
    script = f"(sleep 60; touch {tmp_path}/late) & echo $!; sleep 60"
    assert Commands(said.append).run("sh", "-c", script, timeout_s=0.3) == TIMED_OUT
    assert said[-1] == "this took too long, and was ended"
    with pytest.raises(ProcessLookupError):
        _signal_until_gone(int(said[0]))


def _signal_until_gone(pid: int) -> None:
    for _ in range(10_000):
        os.kill(pid, 0)
        if Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z":
            raise ProcessLookupError


def test_command_is_ended_when_nobody_listens_any_more() -> None:
    assert Commands(has_left=lambda: True).run("sleep", "60") == LEFT


def test_output_is_cut_when_there_is_too_much_of_it() -> None:
    said: list[str] = []
    assert Commands(said.append).run("yes", timeout_s=5) == 0
    assert said[-1] == "there is more, which is not shown"
    assert len(said) < OUTPUT_MAX_BYTES


def test_line_is_cut_when_it_never_ends() -> None:
    said: list[str] = []
    assert Commands(said.append).run("head", "-c", "100000", "/dev/zero") == 0
    assert [len(line) for line in said] == [LINE_MAX]


def test_command_is_said_to_be_missing_when_it_is() -> None:
    said: list[str] = []
    assert Commands(said.append).run("no-such-command") == NOT_FOUND
    assert said == ["no-such-command: No such file or directory"]
    assert Commands().capture("no-such-command").code == NOT_FOUND


def test_capture_gives_input_and_both_outputs_when_run() -> None:
    ended = Commands().capture("sh", "-c", "cat; echo wrong >&2; exit 3", given=b"given")
    assert (ended.code, ended.out, ended.reason) == (3, "given", "wrong")
    assert Commands().capture("sleep", "9", timeout_s=0.1).code == TIMED_OUT
    assert Finished(4, "", "").reason == "it ended with 4"


def test_ours_runs_as_its_user_with_its_secrets_when_asked() -> None:
    argv = as_user("drawbridge-agent", "agent", "sessions", "end", credentials=["store.dsn"], paths=Paths())
    before, after = argv[: argv.index("--")], argv[argv.index("--") + 1 :]
    assert after == ["/opt/drawbridge/current/.venv/bin/python", "-m", "agent", "sessions", "end"]
    assert "--uid=drawbridge-agent" in before
    assert "--property=LoadCredential=store.dsn:/etc/drawbridge/credentials/store.dsn" in before
