from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from demo.compose.log_relay import LogRelay
from demo.compose.usage import UsageLog, usage
from tests.clocks import HurriedClock

VERSION_2 = {
    "memory.current": "62914560\n",
    "memory.max": "268435456\n",
    "cpu.stat": "usage_usec 1250000\nuser_usec 1\n",
}
VERSION_1 = {
    "memory/memory.usage_in_bytes": "62914560\n",
    "memory/memory.limit_in_bytes": "268435456\n",
    "cpuacct/cpuacct.usage": "1250000000\n",
}
FOUND = {"memory_bytes": 62_914_560, "memory_max_bytes": 268_435_456, "cpu_s": 1.2}


def group(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize("files", [VERSION_2, VERSION_1], ids=["cgroup v2", "cgroup v1"])
def test_usage_is_what_the_control_group_says(tmp_path: Path, files: Mapping[str, str]) -> None:
    assert usage(group(tmp_path, files)) == FOUND


@pytest.mark.parametrize(
    "limit", [{"memory.max": "max\n"}, {"memory/memory.limit_in_bytes": "9223372036854771712\n"}, {}]
)
def test_usage_has_no_limit_when_there_is_none(tmp_path: Path, limit: Mapping[str, str]) -> None:
    assert usage(group(tmp_path, {"memory.current": "4096\n", "cpu.stat": "nothing\n", **limit})) == {
        "memory_bytes": 4096
    }


@pytest.mark.story("health/US-BE-26.3")
def test_usage_is_logged_when_it_is_due_and_can_be_read(tmp_path: Path) -> None:
    clock = HurriedClock()
    log = UsageLog(LogRelay(host="door", app="nginx", clock=clock), clock, every_s=300, group=tmp_path)
    clock.advance(300)
    assert list(log.due()) == []
    group(tmp_path, VERSION_2)
    assert list(log.due()) == []
    clock.advance(300)

    [line] = log.due()

    assert json.loads(line) == {
        "at": "2026-05-28T20:36:40.000Z", "level": "info", "host": "door", "app": "nginx", "event": "container_used",
        **FOUND,
    }  # fmt: skip
    assert list(log.due()) == []
