from __future__ import annotations

from pathlib import Path

import pytest

from rescue.changes.connection import connection_of


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """Lay out a host: two connections, the second with two sessions, and somebody at the console."""
    processes = {
        1: ("systemd", 0), 10: ("sshd", 1),
        20: ("sshd", 10), 21: ("bash", 20), 22: ("sudo", 21), 23: ("python3", 22),
        30: ("sshd-session", 10), 31: ("a) b (c", 30), 32: ("sh", 30),
        40: ("login", 1), 41: ("bash", 40),
    }  # fmt: skip
    for pid, (name, parent) in processes.items():
        (tmp_path / str(pid)).mkdir()
        fields = " ".join(str(pid * 100 + number) for number in range(5, 30))
        (tmp_path / str(pid) / "stat").write_text(f"{pid} ({name}) S {parent} {fields}\n")
    return tmp_path


def test_connection_is_found_when_sudo_stands_in_between(proc: Path) -> None:
    assert connection_of(23, proc=proc) == connection_of(21, proc=proc) == "20@2022"


def test_connection_is_one_when_two_sessions_share_it(proc: Path) -> None:
    assert connection_of(31, proc=proc) == connection_of(32, proc=proc) == "30@3022"


def test_connection_is_none_when_there_is_no_sshd_above(proc: Path) -> None:
    assert connection_of(41, proc=proc) is None
    assert connection_of(99, proc=proc) is None
