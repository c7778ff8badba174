from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import pytest

from agent.backup.errors import BackupError
from agent.backup.programs import alone, binaries, piped, room, run


def test_program_that_fails_is_told_by_its_last_line() -> None:
    with pytest.raises(BackupError, match=r"^sh failed: the reason$"):
        run(["sh", "-c", "echo first >&2; echo the reason >&2; exit 1"])
    with pytest.raises(BackupError, match=r"^sh failed: it ended with 3$"):
        run(["sh", "-c", "exit 3"])


def test_program_that_finds_the_disk_full_is_told_so() -> None:
    with pytest.raises(BackupError, match="no space left: tar"):
        run(["sh", "-c", "echo 'tar: No space left on device' >&2; exit 1"])


def test_pipe_fails_at_its_end_when_the_program_did() -> None:
    with (
        pytest.raises(BackupError, match="sh failed: half"),
        piped(["sh", "-c", "echo x; echo half >&2; exit 1"]) as pipe,
    ):
        assert pipe.read() == b"x\n"


def test_pipe_ends_the_program_when_its_reader_fails() -> None:
    program = [sys.executable, "-c", "import time; time.sleep(60)"]
    with pytest.raises(KeyError), piped(program):
        raise KeyError


def test_room_names_the_folder_only_when_the_disk_is_full(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match=f"no space left in {tmp_path}"), room(tmp_path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with pytest.raises(FileNotFoundError), room(tmp_path):
        raise FileNotFoundError


def test_binaries_names_the_package_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="apt-get install postgresql-17"):
        binaries(17, tmp_path)


def test_folder_of_another_user_is_left_alone(tmp_path: Path) -> None:
    folder = Path("/usr")  # root's
    if os.geteuid() == 0:
        folder = tmp_path
        os.chown(folder, 65534, 65534)
    with pytest.raises(BackupError, match="runuser"), alone(folder):
        pytest.fail("went on")
    assert not (folder / "lock").exists()
