"""Every kind of target does the same."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from agent.backup.errors import BackupError, MissingFile, SealBroken
from agent.backup.targets import Target, open_target
from agent.backup.where import Where
from tests.integration.agent.backup.keep import Door

AT_MOST = 10_000_000


@dataclass
class Place:
    target: Target
    folder: Path


@contextmanager
def opened(url: str, folder: Path, door: Door) -> Iterator[Place]:
    where = Where(target=url, ssh_key=door.key, known_hosts=door.known_hosts)
    with open_target(where) as target:
        yield Place(target, folder)


@pytest.fixture(params=["file", "sftp"])
def place(request: pytest.FixtureRequest, door: Door) -> Iterator[Place]:
    door.files.mkdir()
    url = door.files.as_uri() if request.param == "file" else door.url
    with opened(url, door.files, door) as place:
        yield place


def got(place: Place, name: str) -> bytes:
    sink = io.BytesIO()
    place.target.get(name, sink, at_most=AT_MOST)
    return sink.getvalue()


def test_target_gives_back_what_was_put(place: Place) -> None:
    content = os.urandom(3_000_001)  # many packets, the last one not full

    place.target.put("a/b/file", io.BytesIO(content))
    place.target.put("a/empty", io.BytesIO())

    assert got(place, "a/b/file") == content
    assert got(place, "a/empty") == b""
    assert place.target.files() == {"a/b/file": 3_000_001, "a/empty": 0}


def test_target_is_not_believed_when_a_file_is_larger_than_what_was_sent(place: Place) -> None:
    place.target.put("file", io.BytesIO(b"eleven byte"))
    sink = io.BytesIO()

    with pytest.raises(SealBroken, match="more than the 10 bytes that we can have sent"):
        place.target.get("file", sink, at_most=10)

    assert sink.getvalue() == b""
    place.target.get("file", sink, at_most=11)  # the session goes on
    assert sink.getvalue() == b"eleven byte"


def test_target_replaces_a_file_at_once(place: Place) -> None:
    place.target.put("file", io.BytesIO(b"a long first version"))
    reader = (place.folder / "file").open("rb")
    with reader:
        place.target.put("file", io.BytesIO(b"second"))
        assert reader.read() == b"a long first version"
    assert got(place, "file") == b"second"
    assert place.target.files() == {"file": 6}


def test_target_knows_what_it_does_not_have(place: Place) -> None:
    with pytest.raises(MissingFile, match="nothing"):
        got(place, "a/nothing")
    place.target.remove("a/nothing")
    assert place.target.files() == {}


def test_target_removes_a_file(place: Place) -> None:
    place.target.put("a/file", io.BytesIO(b"x"))
    place.target.remove("a/file")
    assert place.target.files() == {}


def test_target_fails_and_keeps_the_old_file_when_it_is_full(place: Place) -> None:
    place.target.put("file", io.BytesIO(b"old"))
    (place.folder / "file.part").symlink_to("/dev/full")

    with pytest.raises(BackupError, match=r"no space left|MB are free"):
        place.target.put("file", io.BytesIO(bytes(100_000)))
    assert got(place, "file") == b"old"


def test_sftp_target_reaches_an_absolute_folder(door: Door, tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    with opened(door.url.replace("/keep", f"/{folder}"), folder, door) as place:
        place.target.put("a/file", io.BytesIO(b"x"))
        assert place.target.files() == {"a/file": 1}
    assert (folder / "a" / "file").read_bytes() == b"x"


def test_sftp_target_says_so_when_the_connection_breaks(door: Door) -> None:
    with opened(door.url, door.files, door) as place:
        place.target._session._process.kill()  # type: ignore[attr-defined]
        with pytest.raises(BackupError, match="cannot be reached"):
            place.target.put("file", io.BytesIO(b"x"))


def test_sftp_target_says_whose_folder_it_must_be_when_it_may_not_write(door: Door) -> None:
    with opened(door.url.replace("/keep", "//proc/1"), door.files, door) as place, pytest.raises(BackupError):
        place.target.put("a/file", io.BytesIO(b"x"))


@pytest.mark.parametrize("url", ["door:/backup", "http://door/", "sftp:///keep"])
def test_target_refuses_another_kind_of_url(url: str) -> None:
    with pytest.raises(BackupError, match="is no target"), open_target(Where(target=url)):
        pass
