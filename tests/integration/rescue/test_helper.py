"""The helper at its real socket, without the console in between."""

from __future__ import annotations

import io
import json
import os
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from rescue import actions, wire
from rescue.actions import Work
from rescue.audit import Audit, Caller
from rescue.helper import BUSY, CALLS_MAX, REFUSED, Helper, own_socket
from rescue.settings import Host, Paths, Settings
from rescue.verbs import Role, parse
from tests.integration.rescue.hosts import until

OWNER = Caller(Role.OWNER, "SHA256:x", "anna", "10.0.0.9")


@dataclass
class Running:
    paths: Paths
    helper: Helper
    journal: io.StringIO

    def ask(self, line: str, caller: Caller = OWNER) -> list[str | int]:
        return self.send(wire.encode(caller, request=parse(line.split(), Host.KEEP, Role.OWNER)))

    def send(self, line: bytes) -> list[str | int]:
        return list(wire.ask(self.paths.socket, line))

    @property
    def audit(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.paths.audit.read_text().splitlines()]


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    paths = Paths(opt=tmp_path / "opt", run=tmp_path, log=tmp_path / "log", etc=tmp_path, state=tmp_path)
    (tmp_path / "opt" / "releases" / "1.0").mkdir(parents=True)
    journal = io.StringIO()
    helper = Helper(Settings(Host.KEEP, "127.0.0.1"), Audit(Host.KEEP, paths.audit, journal), {os.getuid()}, paths)
    stop, stopping = socket.socketpair()
    with own_socket(paths.socket, os.getuid(), os.getgid()) as listener, stop, stopping:
        thread = threading.Thread(target=helper.serve, args=(listener,), kwargs={"stop": stop})
        thread.start()
        try:
            yield Running(paths, helper, journal)
        finally:
            stopping.send(b".")
            thread.join()


def test_helper_does_it_and_says_the_exit_code_when_asked(running: Running) -> None:
    said = running.ask("releases list")
    assert str(said[0]).startswith("1.0 ")
    assert said[-1] == 0
    assert [line["event"] for line in running.audit] == ["rescue_used", "rescue_verb_finished"]
    assert running.paths.socket.stat().st_mode & 0o777 == 0o660


@pytest.mark.parametrize("line", [b"\n", b"garbage\n", b"{}\n", b"\xff\xfe\n", b'{"caller": {"role": "owner"}}\n'])
def test_helper_refuses_and_goes_on_when_sent_garbage(running: Running, line: bytes) -> None:
    assert running.send(line)[-1] == REFUSED
    assert running.audit[-1]["event"] == "rescue_refused"
    assert running.journal.getvalue().startswith("<4>{")
    assert running.ask("releases list")[-1] == 0


def test_helper_refuses_when_a_request_is_too_long(running: Running) -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(running.paths.socket))
        connection.sendall(b"x" * (wire.REQUEST_MAX_BYTES + 1))
        assert b"this is no request" in connection.makefile("rb").readline()


def test_helper_refuses_when_the_other_process_is_somebody_elses(running: Running) -> None:
    running.helper.uids = {os.getuid() + 1}
    assert running.ask("releases list") == [REFUSED]
    assert running.audit[-1]["reason"] == f"uid {os.getuid()} may not ask"


def test_helper_writes_a_refused_line_down_when_the_console_sends_one(running: Running) -> None:
    assert running.send(wire.encode(OWNER, refused="nc -l 99 \x1b[2J")) == [REFUSED]
    assert {"event": "rescue_refused", "key_name": "anna", "level": "warning"}.items() <= running.audit[-1].items()
    assert running.audit[-1]["line"] == "nc -l 99 \N{REPLACEMENT CHARACTER}[2J"


def test_second_change_is_refused_when_one_is_under_way(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def restart(_work: Work) -> int:
        begun.set()
        return 0 if go_on.wait(5) else 1

    monkeypatch.setitem(actions.ACTIONS, "restart", restart)
    first: list[str | int] = []
    thread = threading.Thread(target=lambda: first.extend(running.ask("restart agent")))
    thread.start()
    assert begun.wait(5)

    assert running.ask("stop agent")[-1] == BUSY
    assert running.ask("releases list")[-1] == 0
    go_on.set()
    thread.join()
    assert first == [0]


def test_change_goes_on_when_its_caller_leaves(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, left, ended = threading.Event(), threading.Event(), threading.Event()

    def restart(work: Work) -> int:
        begun.set()
        assert left.wait(5)
        code = work.commands.run("sh", "-c", "echo one; sleep 0.3; echo two")  # longer than a look for who left
        ended.set()
        return code

    monkeypatch.setitem(actions.ACTIONS, "restart", restart)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(running.paths.socket))
        connection.sendall(wire.encode(OWNER, request=parse(["restart", "agent"], Host.KEEP, Role.OWNER)))
        assert begun.wait(5)
    left.set()
    assert ended.wait(5)
    until(lambda: running.audit[-1]["event"] == "rescue_verb_finished")
    assert running.audit[-1]["exit"] == 0


def test_caller_is_turned_away_when_too_many_ask_and_say_nothing(running: Running) -> None:
    idle = [socket.socket(socket.AF_UNIX) for _ in range(CALLS_MAX)]
    for connection in idle:
        connection.connect(str(running.paths.socket))
    try:
        with socket.socket(socket.AF_UNIX) as late:
            late.settimeout(3)
            late.connect(str(running.paths.socket))
            assert late.recv(1) == b""
    finally:
        for connection in idle:
            connection.close()


def test_failure_of_ours_is_said_and_written_down_when_an_action_breaks(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_work: Work) -> int:
        raise ZeroDivisionError

    monkeypatch.setitem(actions.ACTIONS, "status", broken)
    assert running.ask("status") == ["the helper failed: ZeroDivisionError", wire.UNREACHABLE]
    assert running.audit[-1]["event"] == "rescue_verb_failed"
