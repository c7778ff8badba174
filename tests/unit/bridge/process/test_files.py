"""Private files: who may read them, and what a reader sees while one is replaced."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from bridge.process.files import FileRefused, fingerprint, read_private, replace_file


def test_replace_file_makes_a_private_file_and_folder_when_there_is_none(tmp_path: Path) -> None:
    path = tmp_path / "new" / "secret"

    replace_file(path, b"1")

    assert path.read_bytes() == b"1"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_replace_file_sets_the_mode_whatever_the_umask_when_asked(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        replace_file(tmp_path / "public", b"1", mode=0o644)
    finally:
        os.umask(before)

    assert (tmp_path / "public").stat().st_mode & 0o777 == 0o644


def test_replace_file_never_shows_half_a_file_when_read_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    contents = [bytes([digit]) * 100_000 for digit in b"ab"]
    replace_file(path, contents[0])
    seen: set[bytes] = set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.add(path.read_bytes())

    reader = threading.Thread(target=read)
    reader.start()
    for turn in range(50):
        replace_file(path, contents[turn % 2])
    done.set()
    reader.join()

    assert seen <= set(contents)
    assert [entry.name for entry in tmp_path.iterdir()] == ["secret"]


def test_replace_file_keeps_the_old_content_and_no_draft_when_it_fails(tmp_path: Path) -> None:
    target = tmp_path / "folder"
    target.mkdir()

    with pytest.raises(IsADirectoryError):
        replace_file(target, b"2")

    assert [entry.name for entry in tmp_path.iterdir()] == ["folder"]


def test_replace_file_leaves_the_owner_when_root_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "fchown", lambda _descriptor, user, group: given.append((user, group)))

    replace_file(tmp_path / "secret", b"1")
    replace_file(tmp_path / "secret", b"2")

    folder = tmp_path.stat()
    assert given == [(folder.st_uid, folder.st_gid)] * 2


def test_replace_file_gives_nothing_away_when_not_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(os, "fchown", lambda *_: pytest.fail("gave the file away"))

    replace_file(tmp_path / "secret", b"1")

    assert (tmp_path / "secret").read_bytes() == b"1"


@pytest.mark.story("health/US-BE-50.2")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_read_private_refuses_when_others_may_read_or_write(tmp_path: Path, mode: int) -> None:
    replace_file(tmp_path / "secret", b"1", mode=mode)

    with pytest.raises(FileRefused, match=rf"secret is open to others \(mode 0{mode:o}\): chmod 600"):
        read_private(tmp_path / "secret")


def test_read_private_refuses_when_the_file_is_missing_or_huge(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="cannot be read: No such file"):
        read_private(tmp_path / "secret")

    replace_file(tmp_path / "secret", bytes((1 << 20) + 1))
    with pytest.raises(FileRefused, match="larger than 1048576 bytes"):
        read_private(tmp_path / "secret")

    replace_file(tmp_path / "secret", bytes(1 << 20))
    assert len(read_private(tmp_path / "secret")) == 1 << 20


def test_fingerprint_differs_when_a_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    assert fingerprint(path) is None
    replace_file(path, b"1")
    first = fingerprint(path)

    replace_file(path, b"2")

    assert first is not None
    assert fingerprint(path) != first
