"""What the other end may do wrong."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import pytest

from agent.backup import sftp
from agent.backup.errors import BackupError, MissingFile
from agent.backup.sftp import Sftp, SftpFailure


def packet(kind: int, payload: bytes) -> bytes:
    return struct.pack(">IB", len(payload) + 1, kind) + payload


VERSION = packet(2, struct.pack(">I", 3))


def status(number: int, code: int, text: bytes = b"") -> bytes:
    return packet(101, struct.pack(">III", number, code, len(text)) + text + struct.pack(">I", 0))


def server(*packets: bytes) -> list[str]:
    """Return a command that says ``packets``, whatever it is asked, and waits for the end of its input."""
    program = f"import sys; sys.stdout.buffer.write({b''.join(packets)!r}); sys.stdout.flush(); sys.stdin.buffer.read()"
    return [sys.executable, "-c", program]


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (["true"], "door cannot be reached: the connection ended"),
        (["sh", "-c", "echo no route >&2; exit 255"], "door cannot be reached: no route"),
        (["cat"], "door does not talk SFTP"),
        (["printf", r"\000\000"], "door cannot be reached"),  # half a length, and the end
    ],
)
def test_session_does_not_begin_when_the_other_end_is_no_server(command: list[str], told: str) -> None:
    with pytest.raises(BackupError, match=told):
        Sftp(command, place="door")


@pytest.mark.parametrize(
    ("answer", "error", "told"),
    [
        (status(1, 2, b"No such file"), MissingFile, "door: a: No such file"),
        (status(1, 3, b"Permission denied"), SftpFailure, "does the folder belong to the user"),
        (status(1, 4), SftpFailure, "door: a: failure"),
        (status(9, 0), BackupError, "answered out of turn"),
        (packet(105, struct.pack(">I", 1)), BackupError, "packet of type 105"),
    ],
)
def test_request_fails_with_what_the_other_end_said(answer: bytes, error: type[BackupError], told: str) -> None:
    with Sftp(server(VERSION, answer), place="door") as session, pytest.raises(error, match=told):
        session.remove("a")


def test_session_ends_when_a_packet_would_fill_the_memory() -> None:
    with pytest.raises(BackupError, match="does not talk SFTP"):
        Sftp(server(struct.pack(">I", 0xFFFF_FFFF)), place="door")


def test_listing_ends_when_it_has_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sftp, "_ENTRIES_MAX", 3)
    handle = packet(102, struct.pack(">II", 1, 1) + b"h")
    empty = [packet(104, struct.pack(">II", number, 0)) for number in range(2, 10)]
    with (
        Sftp(server(VERSION, handle, *empty), place="door") as session,
        pytest.raises(BackupError, match="more files than a backup can have"),
    ):
        list(session.folder("a"))


def test_reading_fails_when_a_file_becomes_shorter(tmp_path: Path) -> None:
    size = packet(105, struct.pack(">IIQ", 2, 1, 10))
    handle = packet(102, struct.pack(">II", 1, 1) + b"h")
    data = packet(103, struct.pack(">II", 3, 4) + b"four")
    with (
        Sftp(server(VERSION, handle, size, data), place="door") as session,
        (tmp_path / "sink").open("wb") as sink,
        pytest.raises(BackupError, match="became shorter"),
    ):
        session.read("a", sink, at_most=10)
