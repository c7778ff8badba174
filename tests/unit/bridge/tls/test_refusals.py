"""Each reason for a refusal, as OpenSSL itself reports it."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from bridge.pki import IDENTITY_FILE, ROOTS_FILE, Profile, write_certificates
from bridge.tls import Refusal, client_context, explain_tls_error, server_context
from tests.certificates import Folders, shake_hands

DAY: Final = timedelta(days=1)


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(tmp_path)


def server_of(folder: Path) -> ssl.SSLContext:
    return server_context(folder / IDENTITY_FILE, folder / ROOTS_FILE)


def client_of(folder: Path) -> ssl.SSLContext:
    return client_context(folder / IDENTITY_FILE, folder / ROOTS_FILE)


def expired(folders: Folders) -> Path:
    return folders.issue("gateway", now=datetime.now(UTC) - 40 * DAY)


def of_the_future(folders: Folders) -> Path:
    return folders.issue("gateway", now=datetime.now(UTC) + 40 * DAY)


def of_another_ca(folders: Folders) -> Path:
    folder = Folders(folders.folder / "elsewhere").issue("gateway")
    write_certificates(folder / ROOTS_FILE, folders.roots)
    return folder


def of_a_server(folders: Folders) -> Path:
    return folders.issue("agent", into="gateway")


def of_another_domain(folders: Folders) -> Path:
    profile = Profile((x509.DNSName("gateway.example.com"),), ExtendedKeyUsageOID.CLIENT_AUTH)
    return folders.issue_as(profile, into="gateway")


@pytest.mark.parametrize(
    ("caller", "refusal"),
    [
        (expired, Refusal.EXPIRED),
        (of_the_future, Refusal.NOT_YET_VALID),
        (of_another_ca, Refusal.UNKNOWN_CA),
        (of_a_server, Refusal.WRONG_PURPOSE),
        (of_another_domain, Refusal.WRONG_NAME),
    ],
)
def test_caller_is_refused_by_reason_when_its_certificate_is_not_good(
    folders: Folders, caller: Callable[[Folders], Path], refusal: Refusal
) -> None:
    _, _, server_error, client_error = shake_hands(server_of(folders.issue("agent")), client_of(caller(folders)))

    assert server_error is not None
    assert explain_tls_error(server_error) is refusal
    assert client_error is not None
    assert explain_tls_error(client_error) is Refusal.REFUSED_BY_PEER


def test_server_is_refused_by_reason_when_its_name_is_not_the_pinned_one(folders: Folders) -> None:
    _, _, server_error, client_error = shake_hands(
        server_of(folders.issue("agent")),
        client_of(folders.issue("gateway")),
        server_hostname="monitor.drawbridge.internal",
    )

    assert client_error is not None
    assert explain_tls_error(client_error) is Refusal.WRONG_NAME
    assert server_error is not None
    assert explain_tls_error(server_error) is Refusal.REFUSED_BY_PEER


def test_caller_is_refused_by_reason_when_it_shows_no_certificate(folders: Folders) -> None:
    agent = folders.issue("agent")

    _, _, error, _ = shake_hands(server_of(agent), ssl.create_default_context(cafile=agent / ROOTS_FILE))

    assert error is not None
    assert explain_tls_error(error) is Refusal.NO_CERTIFICATE


@pytest.mark.story("health/US-BE-44.2")
def test_caller_is_refused_by_reason_when_it_speaks_an_older_tls(folders: Folders) -> None:
    client = client_of(folders.issue("gateway"))
    client.minimum_version = client.maximum_version = ssl.TLSVersion.TLSv1_2

    _, _, server_error, client_error = shake_hands(server_of(folders.issue("agent")), client)

    assert server_error is not None
    assert explain_tls_error(server_error) is Refusal.PROTOCOL_VERSION
    assert client_error is not None
    assert explain_tls_error(client_error) is Refusal.PROTOCOL_VERSION


@pytest.mark.parametrize("first_bytes", [b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"SSH-2.0-OpenSSH_9.2p1\r\n"])
def test_caller_is_refused_by_reason_when_it_speaks_no_tls(folders: Folders, first_bytes: bytes) -> None:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = server_of(folders.issue("agent")).wrap_bio(incoming, outgoing, server_side=True)
    incoming.write(first_bytes)

    with pytest.raises(ssl.SSLError) as caught:
        server.do_handshake()

    assert explain_tls_error(caught.value) is Refusal.NOT_TLS


def test_caller_has_left_when_its_bytes_end(folders: Folders) -> None:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = server_of(folders.issue("agent")).wrap_bio(incoming, outgoing, server_side=True)
    incoming.write_eof()

    with pytest.raises(ssl.SSLError) as caught:
        server.do_handshake()

    assert explain_tls_error(caught.value) is Refusal.CLOSED


@pytest.mark.parametrize(
    ("error", "refusal"),
    [
        (ConnectionResetError(), Refusal.CLOSED),
        (ssl.SSLZeroReturnError(), Refusal.CLOSED),
        (ConnectionAbortedError("SSL handshake is taking longer than 5 seconds"), Refusal.TIMEOUT),
        (TimeoutError(), Refusal.TIMEOUT),
        (ssl.SSLError("new in OpenSSL 9"), Refusal.PROTOCOL),
        (OSError("no route"), Refusal.PROTOCOL),
        (ValueError(), Refusal.PROTOCOL),
    ],
)
def test_error_has_a_reason_when_it_comes_from_elsewhere(error: BaseException, refusal: Refusal) -> None:
    assert explain_tls_error(error) is refusal
