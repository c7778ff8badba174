"""The key that heads of the audit trail are signed with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from agent.audit import Head
from agent.audit.heads import KEY_FILE, HeadKey, HeadKeyError, genuine
from bridge.heads import find_heads

HEAD = Head(42, bytes(range(32)))


def test_key_is_made_once_and_for_its_owner_alone_when_there_is_none(tmp_path: Path) -> None:
    first, second = HeadKey.read_or_make(tmp_path / "tokens"), HeadKey.read_or_make(tmp_path / "tokens")
    assert first.key_id == second.key_id
    assert (tmp_path / "tokens" / KEY_FILE).stat().st_mode & 0o777 == 0o600
    assert second.signed(first.sign(HEAD, created=7))


def test_head_is_told_from_others_when_it_was_altered_or_is_anothers(tmp_path: Path) -> None:
    ours, theirs = HeadKey.read_or_make(tmp_path / "ours"), HeadKey.read_or_make(tmp_path / "theirs")
    head = ours.sign(HEAD, created=7)
    forged = [
        theirs.sign(HEAD, created=7), replace(theirs.sign(HEAD, created=7), key_id=ours.key_id),
        replace(head, number=43), replace(head, hash=bytes(32)), replace(head, created=8),
    ]  # fmt: skip
    assert genuine(ours, [head, *forged, head]) == ([HEAD, HEAD], len(forged))
    assert genuine(ours, find_heads(f"{head}")) == ([HEAD], 0)


def test_key_is_refused_with_its_files_name_when_it_cannot_be_used(tmp_path: Path) -> None:
    key = tmp_path / KEY_FILE
    with pytest.raises(HeadKeyError, match=KEY_FILE):
        HeadKey.read(tmp_path)
    key.write_text("no key")
    key.chmod(0o600)
    with pytest.raises(HeadKeyError, match=KEY_FILE):
        HeadKey.read_or_make(tmp_path)
    key.write_bytes(generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(HeadKeyError, match="is not an Ed25519 key"):
        HeadKey.read(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(HeadKeyError, match="file"):
        HeadKey.read_or_make(tmp_path / "file")
