from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import trustme

from gateway.web.tls import WebCertificate


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


def issue(authority: trustme.CA, folder: Path, name: str = "localhost") -> tuple[Path, Path]:
    issued = authority.issue_cert(name)
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    key.write_bytes(issued.private_key_pem.bytes())
    return certificate, key


def subject_seen(served: WebCertificate, authority: trustme.CA) -> object:
    """Return the name that a client sees, by a handshake in memory."""
    client_context = ssl.create_default_context()
    authority.configure_trust(client_context)
    client_context.check_hostname = False
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(to_client, to_server)
    server = served.context.wrap_bio(to_server, to_client, server_side=True)
    for side in (client, server, client, server):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    certificate = client.getpeercert()
    assert certificate is not None
    return certificate["subjectAltName"]


def test_certificate_is_replaced_when_its_files_are(authority: trustme.CA, tmp_path: Path) -> None:
    served = WebCertificate(*issue(authority, tmp_path))
    assert not served.reload_if_changed()

    issue(authority, tmp_path, "new.example")

    assert served.reload_if_changed()
    assert subject_seen(served, authority) == (("DNS", "new.example"),)


def test_old_certificate_stays_when_the_new_one_has_another_key(authority: trustme.CA, tmp_path: Path) -> None:
    certificate, key = issue(authority, tmp_path)
    served = WebCertificate(certificate, key)
    kept = key.read_bytes()
    issue(authority, tmp_path, "new.example")
    key.write_bytes(kept)

    assert not served.reload_if_changed()
    assert not served.reload_if_changed()

    assert subject_seen(served, authority) == (("DNS", "localhost"),)


def test_old_certificate_stays_when_the_files_are_gone(authority: trustme.CA, tmp_path: Path) -> None:
    certificate, key = issue(authority, tmp_path)
    served = WebCertificate(certificate, key)
    certificate.unlink()

    assert not served.reload_if_changed()

    assert subject_seen(served, authority) == (("DNS", "localhost"),)


def test_one_file_may_hold_certificate_and_key(authority: trustme.CA, tmp_path: Path) -> None:
    certificate, key = issue(authority, tmp_path)
    both = tmp_path / "both.pem"
    both.write_bytes(key.read_bytes() + certificate.read_bytes())

    assert subject_seen(WebCertificate(both, None), authority) == (("DNS", "localhost"),)


def test_start_fails_when_there_is_no_certificate(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"nothing\.pem|No such file"):
        WebCertificate(tmp_path / "nothing.pem", None)
