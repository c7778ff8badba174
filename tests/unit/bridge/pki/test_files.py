"""Certificates and lists as files: what is read back, and what is refused by name."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from bridge.pki import (
    DOMAIN,
    Identity,
    PKIRefused,
    certificates_text,
    create_root,
    generate_key,
    parse_certificates,
    parse_request,
    read_certificates,
    read_identity,
    read_revoked,
    request_text,
    write_certificates,
    write_identity,
    write_revoked,
)
from bridge.process.files import replace_file

NOW: Final = datetime(2026, 11, 21, tzinfo=UTC)
ROOT: Final = create_root("Drawbridge root", now=NOW, permitted=DOMAIN, path_length=1)
OTHER: Final = create_root("Other root", now=NOW, path_length=0)


def test_identity_is_the_same_when_written_and_read(tmp_path: Path) -> None:
    write_identity(tmp_path / "identity.pem", Identity(ROOT.key, (*ROOT.chain, *OTHER.chain)))

    identity = read_identity(tmp_path / "identity.pem")

    assert identity.chain == (*ROOT.chain, *OTHER.chain)
    assert identity.key.private_numbers() == ROOT.key.private_numbers()
    assert (tmp_path / "identity.pem").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "content",
    [
        b"",
        ROOT.pem.split(b"-----BEGIN CERTIFICATE")[0],
        b"-----BEGIN CERTIFICATE" + ROOT.pem.split(b"-----BEGIN CERTIFICATE")[1],
        ROOT.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"1")) + ROOT.pem,
    ],
    ids=["empty", "key alone", "certificate alone", "encrypted key"],
)
def test_identity_is_refused_when_a_part_is_missing_or_locked(tmp_path: Path, content: bytes) -> None:
    replace_file(tmp_path / "identity.pem", content)

    with pytest.raises(PKIRefused, match=r"identity\.pem is no key with certificates in PEM"):
        read_identity(tmp_path / "identity.pem")


@pytest.mark.parametrize("key", [generate_key(), ed25519.Ed25519PrivateKey.generate()], ids=["another's", "ed25519"])
def test_identity_is_refused_when_the_key_is_not_the_certificates(
    tmp_path: Path, key: ed25519.Ed25519PrivateKey
) -> None:
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    replace_file(tmp_path / "identity.pem", pem + ROOT.pem[ROOT.pem.index(b"-----BEGIN CERTIFICATE") :])

    with pytest.raises(PKIRefused, match="the key is not the first certificate's"):
        read_identity(tmp_path / "identity.pem")


@pytest.mark.story("health/US-BE-07.3", "health/US-BE-44.3", "health/US-BE-50.2")
def test_identity_is_refused_when_open_to_others(tmp_path: Path) -> None:
    replace_file(tmp_path / "identity.pem", ROOT.pem, mode=0o644)

    with pytest.raises(PKIRefused, match="open to others"):
        read_identity(tmp_path / "identity.pem")


def test_certificates_are_the_same_and_public_when_written_and_read(tmp_path: Path) -> None:
    write_certificates(tmp_path / "roots.pem", (*ROOT.chain, *OTHER.chain))

    assert read_certificates(tmp_path / "roots.pem") == (*ROOT.chain, *OTHER.chain)
    assert (tmp_path / "roots.pem").stat().st_mode & 0o777 == 0o644


def test_certificates_are_refused_when_there_are_none(tmp_path: Path) -> None:
    with pytest.raises(PKIRefused, match=r"roots\.pem holds no certificate"):
        read_certificates(tmp_path / "roots.pem")
    replace_file(tmp_path / "roots.pem", b"")
    with pytest.raises(PKIRefused, match=r"roots\.pem holds no certificate"):
        read_certificates(tmp_path / "roots.pem")


def test_revoked_serials_are_the_same_when_written_and_read(tmp_path: Path) -> None:
    write_revoked(tmp_path / "revoked.txt", {255, 1 << 158})

    assert read_revoked(tmp_path / "revoked.txt") == {255, 1 << 158}


def test_revoked_list_may_hold_comments_when_written_by_hand(tmp_path: Path) -> None:
    replace_file(tmp_path / "revoked.txt", b"# lost Pi\n\nFF # the gateway's\n  0a\n")

    assert read_revoked(tmp_path / "revoked.txt") == {255, 10}


def test_revoked_list_is_refused_when_missing_or_malformed(tmp_path: Path) -> None:
    with pytest.raises(PKIRefused, match=r"revoked\.txt cannot be read"):
        read_revoked(tmp_path / "revoked.txt")
    for content in (b"gateway\n", b"\xff\n"):
        replace_file(tmp_path / "revoked.txt", content)
        with pytest.raises(PKIRefused, match=r"revoked\.txt is no list of serial numbers"):
            read_revoked(tmp_path / "revoked.txt")


def test_certificates_and_requests_are_the_same_when_told_as_text() -> None:
    request = ROOT.request()

    assert parse_certificates(certificates_text((*ROOT.chain, *OTHER.chain))) == (*ROOT.chain, *OTHER.chain)
    assert parse_request(request_text(request)) == request


@pytest.mark.parametrize("text", ["", "-----BEGIN CERTIFICATE REQUEST-----", "\N{SNOWMAN}"])
def test_text_is_refused_when_it_holds_neither_certificate_nor_request(text: str) -> None:
    with pytest.raises(PKIRefused, match="no certificate in PEM"):
        parse_certificates(text)
    with pytest.raises(PKIRefused, match="no signing request in PEM"):
        parse_request(text)
