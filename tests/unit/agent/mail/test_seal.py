"""The seal of waiting mails."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest

from agent.mail.seal import MailKey, MailKeyError, SealBroken

MAIL = UUID(int=1)
ANN = "ann@example.org"


def test_key_is_made_once_and_for_its_owner_alone_when_there_is_none(tmp_path: Path) -> None:
    path = tmp_path / "mail" / "key"
    sealed = MailKey.load(path).seal(b"a link", MAIL, ANN)
    assert MailKey.load(path).open(sealed, MAIL, ANN) == b"a link"
    assert path.stat().st_mode & 0o777 == 0o600


def test_sealed_mail_shows_nothing_and_never_looks_the_same_when_it_is_stored() -> None:
    key = MailKey(bytes(32))
    first, second = (key.seal(b"a link", MAIL, ANN) for _ in range(2))
    assert b"a link" not in first
    assert first[1:] != second[1:]


@pytest.mark.parametrize(
    ("mail_id", "recipient"), [(UUID(int=2), ANN), (MAIL, "eve@example.org")], ids=["mail", "recipient"]
)
def test_sealed_mail_does_not_open_when_it_was_moved(mail_id: UUID, recipient: str) -> None:
    key = MailKey(bytes(32))
    with pytest.raises(SealBroken):
        key.open(key.seal(b"a link", MAIL, ANN), mail_id, recipient)


def test_sealed_mail_does_not_open_when_the_key_is_another() -> None:
    with pytest.raises(SealBroken):
        MailKey(b"\x01" * 32).open(MailKey(bytes(32)).seal(b"a link", MAIL, ANN), MAIL, ANN)


@pytest.mark.parametrize("sealed", [b"", b"\x01short", b"\x02" + bytes(40)], ids=["empty", "short", "version"])
def test_sealed_mail_does_not_open_when_it_is_none(sealed: bytes) -> None:
    with pytest.raises(SealBroken):
        MailKey(bytes(32)).open(sealed, MAIL, ANN)


@pytest.mark.parametrize("content", [b"no hex", b"", b"ab" * 16, b"\xff"], ids=["text", "empty", "short", "bytes"])
def test_key_is_refused_when_its_file_holds_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(MailKeyError, match="key"):
        MailKey.load(path)


def test_key_is_refused_when_others_could_read_it(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("ab" * 32)
    path.chmod(0o644)
    with pytest.raises(MailKeyError, match="chmod 600"):
        MailKey.load(path)
