"""nginx's access log and what rotation has left of it, read for one request."""

from __future__ import annotations

import gzip
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rescue import access_log
from rescue.access_log import LINES_MAX, AccessLog
from rescue.settings import Paths

ID = "5a9c0aefd33a65b3988a1597b1058d44"
LINE = b'{"app":"nginx","request_id":"%b","status":200}\n' % ID.encode()
OTHER_LINE = LINE.replace(b"5a9c", b"0000")
SINCE = datetime(2026, 11, 7, tzinfo=UTC)


def write(path: Path, content: bytes, written_at: datetime) -> None:
    path.write_bytes(content)
    os.utime(path, (written_at.timestamp(),) * 2)


def day(number: int) -> datetime:
    return datetime(2026, 11, number, tzinfo=UTC)


def test_lines_come_from_all_files_since_then_the_newest_first_when_some_were_rotated(tmp_path: Path) -> None:
    numbered = [LINE.replace(b"200", b"%d" % number) for number in range(200, 205)]
    write(tmp_path / "access.log", OTHER_LINE + numbered[0], day(21))
    write(tmp_path / "access.log.1", numbered[1] + OTHER_LINE, day(20))
    write(tmp_path / "access.log.10.gz", gzip.compress(numbered[2]), day(11))
    write(tmp_path / "access.log.11.gz", gzip.compress(numbered[3]), day(6))
    write(tmp_path / "access.log.bak", numbered[4], day(21))
    write(tmp_path / "error.log", numbered[4], day(21))
    log = AccessLog(tmp_path)

    assert log.lines_of(ID, since=SINCE) == numbered[:3]
    assert log.faults == []


def test_line_is_not_the_requests_when_the_id_is_elsewhere_in_it(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_bytes(OTHER_LINE.replace(b"nginx", ID.encode()))

    assert AccessLog(tmp_path).lines_of(ID, since=SINCE) == []


def test_newest_lines_are_kept_when_there_are_too_many(tmp_path: Path) -> None:
    numbered = [LINE.replace(b"200", b"%d" % number) for number in range(LINES_MAX + 5)]
    write(tmp_path / "access.log.1", b"".join(numbered), day(20))
    write(tmp_path / "access.log", LINE * 3, day(21))

    assert AccessLog(tmp_path).lines_of(ID, since=SINCE) == [LINE] * 3 + numbered[8:]


def test_reading_ends_and_says_so_when_time_is_up(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_bytes(LINE * 5)
    log = AccessLog(tmp_path)

    assert log.lines_of(ID, since=SINCE, within_s=0) == [LINE]
    assert log.faults == ["access.log: not read to its end within 0 s, nor older ones"]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"no gzip", id="no gzip"),
        pytest.param(gzip.compress(LINE)[:-9], id="cut"),
        pytest.param(gzip.compress(LINE)[:12] + b"\xff" * 30, id="overwritten"),
    ],
)
def test_other_files_are_read_when_one_is_damaged(tmp_path: Path, content: bytes) -> None:
    write(tmp_path / "access.log.2.gz", content, day(21))
    write(tmp_path / "access.log.1", LINE, day(20))
    (tmp_path / "access.log").mkdir()
    log = AccessLog(tmp_path)

    assert LINE in log.lines_of(ID, since=SINCE)
    assert log.faults[0] == "access.log: Is a directory"
    assert log.faults[1].startswith("access.log.2.gz: ")


def test_fault_says_what_is_missing_when_there_is_no_log(tmp_path: Path) -> None:
    empty, missing = AccessLog(tmp_path), AccessLog(tmp_path / "nginx")
    assert empty.lines_of(ID, since=SINCE) == missing.lines_of(ID, since=SINCE) == []
    assert empty.faults == [f"{tmp_path}: there is no access.log"]
    assert missing.faults == [f"{tmp_path / 'nginx'}: No such file or directory"]


def test_program_prints_lines_and_faults_apart_when_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.setattr(access_log, "USUAL_PATHS", Paths(web_log=tmp_path))
    (tmp_path / "access.log").write_bytes(LINE + LINE.rstrip())  # nginx is writing
    (tmp_path / "access.log.1").mkdir()

    assert access_log.main([ID, SINCE.isoformat()]) == 0
    assert capfdbinary.readouterr() == (LINE + LINE, b"access.log.1: Is a directory\n")
