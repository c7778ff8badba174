"""What PostgreSQL calls for each segment returns when that is safe, and not before."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

import pytest

from agent.backup.archive import archive, main
from agent.backup.errors import BackupError
from agent.backup.names import wal_file
from agent.backup.seal import SealKey
from agent.backup.where import Where
from tests.integration.agent.backup.keep import run

WAL = "00000001000000000000000A"
SYSTEM = "72623859790382856"


@pytest.fixture
def cluster_folder(tmp_path: Path) -> Path:
    (tmp_path / "global").mkdir()
    (tmp_path / "global" / "pg_control").write_bytes(int(SYSTEM).to_bytes(8, "little") + b"and more")
    (tmp_path / "segment").write_bytes(b"what happened" * 1000)
    return tmp_path


@pytest.fixture
def where(tmp_path: Path) -> Where:
    (tmp_path / "disk").mkdir()
    run("age-keygen", "-o", tmp_path / "identity")
    return Where(
        target=(tmp_path / "disk").as_uri(), identity=tmp_path / "identity", state_file=tmp_path / "work" / "state.json"
    )


def stored(where: Where) -> bytes:
    name = wal_file(SYSTEM, WAL)
    path = Path(where.target.removeprefix("file://")) / name
    return gzip.decompress(SealKey.read(where.identity).open(name, path.read_bytes()))


def test_segment_is_there_when_it_was_archived_twice(where: Where, cluster_folder: Path) -> None:
    for _ in range(2):
        archive(where, cluster_folder / "segment", WAL, data_dir=cluster_folder)

    assert stored(where) == b"what happened" * 1000


def test_segment_is_not_replaced_when_another_cluster_sent_it(where: Where, cluster_folder: Path) -> None:
    archive(where, cluster_folder / "segment", WAL, data_dir=cluster_folder)
    (cluster_folder / "other").write_bytes(b"something else")

    with pytest.raises(BackupError, match="does a copy of this cluster archive there too"):
        archive(where, cluster_folder / "other", WAL, data_dir=cluster_folder)
    assert stored(where) == b"what happened" * 1000


def test_segment_is_replaced_when_what_is_there_is_damaged(where: Where, cluster_folder: Path) -> None:
    archive(where, cluster_folder / "segment", WAL, data_dir=cluster_folder)
    path = Path(where.target.removeprefix("file://")) / wal_file(SYSTEM, WAL)
    path.write_bytes(path.read_bytes()[:500])

    archive(where, cluster_folder / "segment", WAL, data_dir=cluster_folder)

    assert stored(where) == b"what happened" * 1000


def test_archiving_fails_when_the_target_is_full(where: Where, cluster_folder: Path) -> None:
    folder = Path(where.target.removeprefix("file://")) / SYSTEM / "wal"
    folder.mkdir(parents=True)
    (folder / f"{WAL}.part").symlink_to("/dev/full")

    with pytest.raises(BackupError, match="no space left"):
        archive(where, cluster_folder / "segment", WAL, data_dir=cluster_folder)
    assert not (folder / WAL).exists()


def test_archiving_refuses_a_name_that_is_no_segment(where: Where, cluster_folder: Path) -> None:
    with pytest.raises(BackupError, match="no WAL file"):
        archive(where, cluster_folder / "segment", "../../identity", data_dir=cluster_folder)


def test_notes_about_base_backups_are_not_sent(where: Where, cluster_folder: Path) -> None:
    archive(replace(where, target="file:///nowhere"), cluster_folder / "segment", f"{WAL}.00000028.backup")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("[backup]\n", "backup.target is not set", id="no target"),
        pytest.param("[backup\n", "Expected", id="no TOML"),
        pytest.param('[backup]\ntarget = "ftp://door"\n', "", id="no key"),
    ],
)
def test_archiver_fails_with_one_line_when_the_settings_cannot_be_used(
    text: str, told: str, cluster_folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(cluster_folder)
    (cluster_folder / "agent.toml").write_text(text)

    assert main([str(cluster_folder / "agent.toml"), "segment", WAL]) == 1
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1


def test_archiver_wants_three_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["agent.toml"]) == 2
    assert "usage" in capsys.readouterr().err
