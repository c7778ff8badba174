from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway.ddns.mapping.nonces import nonces


def test_nonce_is_the_same_after_a_restart_and_another_for_each_port(tmp_path: Path) -> None:
    path = tmp_path / "new" / "nonce"
    first = nonces(path)
    assert (len(first(443)), first(443)) == (12, nonces(path)(443))
    assert first(443) != first(80)
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="files can be given away by root alone")
def test_nonce_belongs_to_the_folders_user_when_root_makes_it(tmp_path: Path) -> None:
    os.chown(tmp_path, 64_001, 64_002)
    nonces(tmp_path / "nonce")
    made = (tmp_path / "nonce").stat()
    assert (made.st_uid, made.st_gid) == (64_001, 64_002)


def test_nonce_is_anothers_when_the_file_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "nonce"
    before = nonces(path)(443)
    path.write_bytes(b"short")
    assert nonces(path)(443) != before
    assert len(path.read_bytes()) == 32


def test_nonce_lasts_for_the_process_when_it_cannot_be_kept(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    nonce_of = nonces(tmp_path / "file" / "nonce")
    assert nonce_of(443) == nonce_of(443)
