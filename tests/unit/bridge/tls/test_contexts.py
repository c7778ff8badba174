"""What the two contexts agree on, and which files they do not take."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from bridge.pki import IDENTITY_FILE, ROOTS_FILE, read_identity
from bridge.process.files import replace_file
from bridge.tls import client_context, server_context
from tests.certificates import Folders, shake_hands

REPOSITORY: Final = Path(__file__).parents[4]
PRINT_CIPHER: Final = """
import sys
from pathlib import Path
from bridge.tls import client_context, server_context
from tests.certificates import shake_hands
agent, gateway = map(Path, sys.argv[1:])
server, *_ = shake_hands(
    server_context(agent / "identity.pem", agent / "roots.pem"),
    client_context(gateway / "identity.pem", gateway / "roots.pem"),
)
print(server.cipher()[0])
"""


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(tmp_path)


@pytest.fixture
def server(folders: Folders) -> ssl.SSLContext:
    folder = folders.issue("agent")
    return server_context(folder / IDENTITY_FILE, folder / ROOTS_FILE)


@pytest.fixture
def client(folders: Folders) -> ssl.SSLContext:
    folder = folders.issue("gateway")
    return client_context(folder / IDENTITY_FILE, folder / ROOTS_FILE)


def test_both_ends_know_each_other_when_they_met(server: ssl.SSLContext, client: ssl.SSLContext) -> None:
    server_end, client_end, server_error, client_error = shake_hands(server, client)

    assert server_error is None
    assert client_error is None
    assert server_end.version() == "TLSv1.3"
    assert server_end.selected_alpn_protocol() == "http/1.1"
    assert (server_end.getpeercert() or {})["subjectAltName"] == (("DNS", "gateway.drawbridge.internal"),)
    assert (client_end.getpeercert() or {})["subjectAltName"] == (("DNS", "agent.drawbridge.internal"),)


def test_caller_gets_no_ticket_when_they_met(server: ssl.SSLContext, client: ssl.SSLContext) -> None:
    _, client_end, _, _ = shake_hands(server, client)

    session = client_end.session
    assert session is not None
    assert not session.has_ticket


def test_encrypted_key_is_refused_without_asking_when_loaded(folders: Folders) -> None:
    folder = folders.issue("agent")
    identity = read_identity(folder / IDENTITY_FILE)
    key = identity.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    replace_file(folder / "locked.pem", key + identity.pem)

    with pytest.raises(ssl.SSLError):
        server_context(folder / "locked.pem", folder / ROOTS_FILE)


@pytest.mark.parametrize(
    ("configuration", "cipher"),
    [("bridge/openssl.cnf", "TLS_CHACHA20_POLY1305_SHA256"), ("/dev/null", "TLS_AES_256_GCM_SHA384")],
)
def test_chacha20_goes_first_when_openssl_is_configured(folders: Folders, configuration: str, cipher: str) -> None:
    arguments = [str(folders.issue(unit)) for unit in ("agent", "gateway")]

    run = subprocess.run(
        [sys.executable, "-c", PRINT_CIPHER, *arguments],
        cwd=REPOSITORY,
        env=os.environ | {"OPENSSL_CONF": configuration},
        capture_output=True,
        text=True,
        check=True,
    )

    assert run.stdout.strip() == cipher
