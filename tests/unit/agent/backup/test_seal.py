"""A sealed file opens under its own name, with its own key, from its first byte to its last; or not at all."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.backup.errors import BackupError, SealBroken
from agent.backup.seal import SealKey

CONTENT = b"nobody at the door reads this" * 50


def new_key(folder: Path, name: str = "identity") -> SealKey:
    subprocess.run(["age-keygen", "-o", folder / name], check=True, capture_output=True)
    return SealKey.read(folder / name)


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> SealKey:
    return new_key(tmp_path_factory.mktemp("key"))


@pytest.fixture(scope="module")
def sealed(key: SealKey) -> bytes:
    return key.seal("7/wal/A", CONTENT)


def test_sealed_file_opens_and_shows_nothing(key: SealKey, sealed: bytes) -> None:
    assert key.open("7/wal/A", sealed) == CONTENT
    assert b"nobody" not in sealed


@settings(max_examples=60)
@given(place=st.integers(0, 10**6), bit=st.integers(0, 7))
def test_sealed_file_is_refused_when_a_bit_is_flipped(key: SealKey, sealed: bytes, place: int, bit: int) -> None:
    damaged = bytearray(sealed)
    damaged[place % len(sealed)] ^= 1 << bit
    with pytest.raises(SealBroken):
        key.open("7/wal/A", bytes(damaged))


@settings(max_examples=30)
@given(st.integers(0, 10**6))
def test_sealed_file_is_refused_when_it_is_cut_short_or_longer(key: SealKey, sealed: bytes, length: int) -> None:
    with pytest.raises(SealBroken):
        key.open("7/wal/A", sealed[: length % len(sealed)])
    with pytest.raises(SealBroken):
        key.open("7/wal/A", sealed + b"\0" * (1 + length % 100))


def test_sealed_file_is_refused_under_another_name(key: SealKey, sealed: bytes) -> None:
    with pytest.raises(SealBroken, match="swapped or forged"):
        key.open("7/wal/B", sealed)


def test_sealed_file_names_its_key_when_it_is_opened_with_another(key: SealKey, sealed: bytes, tmp_path: Path) -> None:
    with pytest.raises(SealBroken, match=f"put key {key.key_id} there"):
        new_key(tmp_path).open("7/wal/A", sealed)


def test_stream_and_bytes_are_sealed_alike(key: SealKey, tmp_path: Path) -> None:
    content = os.urandom(1_000_003)
    source = tmp_path / "source"
    source.write_bytes(content)
    size = key.seal_stream("big", source.open("rb"), tmp_path / "sealed")

    assert (tmp_path / "sealed").stat().st_size == size
    assert key.open("big", (tmp_path / "sealed").read_bytes()) == content
    with key.open_stream("big", tmp_path / "sealed") as stream:
        assert stream.read() == content


def test_stream_gives_nothing_when_its_last_byte_is_wrong(key: SealKey, tmp_path: Path) -> None:
    path = tmp_path / "sealed"
    path.write_bytes(key.seal("big", CONTENT)[:-1] + b"x")
    with pytest.raises(SealBroken), key.open_stream("big", path):
        pytest.fail("gave a stream")


@pytest.mark.parametrize("text", [b"", b"AGE-SECRET-KEY-1A\nAGE-SECRET-KEY-1B\n", b"age1abc\n", b"\xff"])
def test_key_is_refused_when_the_file_is_no_identity(text: bytes, tmp_path: Path) -> None:
    (tmp_path / "identity").write_bytes(text)
    with pytest.raises(BackupError, match="put the copy that you kept"):
        SealKey.read(tmp_path / "identity")


def test_sealing_says_so_when_age_refuses_the_identity(tmp_path: Path) -> None:
    (tmp_path / "identity").write_text("AGE-SECRET-KEY-1NONE\n")
    with pytest.raises(BackupError, match="age failed"):
        SealKey.read(tmp_path / "identity").seal("name", b"x")


def test_key_does_not_show_when_it_is_printed(key: SealKey) -> None:
    assert key.mac_key.hex() not in repr(key)
    assert repr(key.mac_key) not in repr(key)
