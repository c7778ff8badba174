"""Lines of one request: their order, how people see them, and commands that fail or hang."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from rescue.commands import ENVIRONMENT, LEFT, Commands
from rescue.request_logs import Line, show_request
from rescue.settings import Host, Settings

ID = "5a9c0aefd33a65b3988a1597b1058d44"


def line(**fields: object) -> str:
    return json.dumps({"at": "2026-11-21T00:51:00.000Z", "level": "info", "request_id": ID, **fields})


@dataclass
class Commanded:
    """Commands of the test in place of the system's; what they print is in files beside them."""

    folder: Path
    said: list[str] = field(default_factory=list)

    def stand_in(self, name: str, *lines: str, code: int = 0, then: str = "") -> None:
        (self.folder / f"{name}.out").write_text("".join(f"{one}\n" for one in lines))
        program = self.folder / name
        program.write_text(f"#!/bin/sh\ncat '{self.folder}/{name}.out'\n{then}\nexit {code}\n")
        program.chmod(0o755)

    def show(self, host: Host, *, as_json: bool = False, has_left: Callable[[], bool] = lambda: False) -> int:
        environment = {**ENVIRONMENT, "PATH": f"{self.folder}:{ENVIRONMENT['PATH']}"}
        commands = Commands(self.said.append, has_left=has_left, environment=environment)
        return show_request(Settings(host, "127.0.0.1"), commands, ID, as_json=as_json)


@pytest.fixture
def commanded(tmp_path: Path) -> Commanded:
    made = Commanded(tmp_path)
    for name in ("journalctl", "systemd-run", "ssh"):
        made.stand_in(name)
    return made


def test_lines_are_in_the_order_of_time_when_zones_differ(commanded: Commanded) -> None:
    commanded.stand_in("journalctl", line(app="gateway", at="2026-11-21T00:51:00.200Z"))
    commanded.stand_in(
        "systemd-run", line(app="nginx", at="2026-11-21T01:51:00.300+01:00"),
        line(app="nginx", at="2026-11-20T23:51:00.100-01:00"), line(app="nginx", at="never"),
    )  # fmt: skip

    assert commanded.show(Host.DOOR) == 0
    assert [said.partition(" door ")[0].strip() for said in commanded.said] == [
        "at no known time", "2026-11-21T00:51:00.100Z", "2026-11-21T00:51:00.200Z", "2026-11-21T00:51:00.300Z",
    ]  # fmt: skip


def test_innermost_comes_first_when_lines_have_one_time(commanded: Commanded) -> None:
    commanded.stand_in("journalctl", line(app="agent"))
    commanded.stand_in("ssh", line(app="gateway", host="keep"), line(app="nginx"))

    assert commanded.show(Host.KEEP, as_json=True) == 0
    shown = [json.loads(said) for said in commanded.said]
    assert [(one["host"], one["app"]) for one in shown] == [("keep", "agent"), ("door", "gateway"), ("door", "nginx")]


def test_text_has_what_people_look_for_when_a_line_has_more() -> None:
    fields = {
        "at": "2026-11-21T00:51:00.2Z", "level": "error", "host": "attic", "app": "gateway", "event": "request_failed",
        "request_id": ID, "upstream": "", "user_id": None, "status": 500, "is_stale": False, "route": "/a b",
        "exception": "  File x\nTimeoutError\n", "unit": "x" * 200,
    }  # fmt: skip

    assert Line(Host.DOOR, fields).as_text == (
        "2026-11-21T00:51:00.200Z door gateway request_failed level=error status=500 is_stale=false"
        f' route="/a b" exception=TimeoutError unit={"x" * 120}…'
    )


def test_lines_that_only_mention_the_id_are_left_out_when_found(commanded: Commanded) -> None:
    audit = json.dumps({"app": "rescue", "event": "rescue_used", "arguments": [ID]})
    commanded.stand_in("journalctl", audit, line(app="agent", request_id=f"{ID}0"), code=0)

    assert commanded.show(Host.KEEP) == 1
    assert [said.partition(" since ")[0] for said in commanded.said] == ["no line of nginx, gateway or agent"]


def test_command_that_fails_without_a_word_is_named_when_there_may_be_more(commanded: Commanded) -> None:
    commanded.stand_in("journalctl", line(app="agent"), code=4)
    commanded.stand_in("ssh", code=255)

    assert commanded.show(Host.KEEP) == 1
    assert commanded.said[1:] == ["keep: journalctl (4)", "door: it was not reached (255)"]


def test_what_the_door_says_is_bounded_when_it_is_somebody_elses(commanded: Commanded) -> None:
    commanded.stand_in("journalctl", line(app="agent"))
    incomplete = {"app": "rescue", "event": "request_search_incomplete", "request_id": ID, "reason": "x" * 9000}
    nested = f'{{"event":"request_search_incomplete","reason":{"[" * 900}{"]" * 900}}}'
    commanded.stand_in("ssh", json.dumps(incomplete), nested, "[" * 9000, "1", "null", *["junk"] * 1000, code=LEFT)

    assert commanded.show(Host.KEEP) == 1
    assert [said[:14] for said in commanded.said[1:]] == [
        "door: xxxxxxxx", "door: [[[[[[[[", "door: 1", "door: null", "door: junk",
    ]  # fmt: skip
    assert all(len(said) < 150 for said in commanded.said)


def test_what_was_found_is_shown_when_the_journal_takes_too_long(
    commanded: Commanded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rescue.request_logs._JOURNAL_S", 1.0)
    never = commanded.folder / "never"
    os.mkfifo(never)
    commanded.stand_in("journalctl", then=f"exec grep -h . '{commanded.folder}/lines' '{never}'")
    (commanded.folder / "lines").write_text(line(app="agent"))

    assert commanded.show(Host.KEEP) == 1
    assert " keep agent " in commanded.said[0]
    assert commanded.said[1:] == ["keep: this took too long, and was ended"]


def test_program_that_ends_without_a_word_is_named_when_it_should_have_read_nginxs_log(commanded: Commanded) -> None:
    commanded.stand_in("journalctl", line(app="gateway"))
    commanded.stand_in("systemd-run", code=1)

    assert commanded.show(Host.DOOR) == 1
    assert commanded.said[1:] == ["door: nginx's log was not read (1)"]


def test_search_ends_and_says_nothing_when_the_caller_has_left(commanded: Commanded) -> None:
    commanded.stand_in("journalctl", line(app="agent"), then="exec sleep 60")
    commanded.stand_in("ssh", then="exec sleep 60")

    assert commanded.show(Host.KEEP, has_left=lambda: True) == LEFT
    assert commanded.said == []
