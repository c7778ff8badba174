from __future__ import annotations

import json
import ssl
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bridge.keys import load_keyring
from bridge.pki import IDENTITY_FILE, read_identity
from demo.installation import Access, Installation
from demo.processes import DemoError

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    installation = Installation(tmp_path / "demo")
    installation.claim("demo")
    return installation


def _serial(folder: Path) -> int:
    return read_identity(folder / IDENTITY_FILE).certificate.serial_number


def test_folder_is_closed_to_others_when_claimed(installation: Installation) -> None:
    closed = [installation.folder, *(path for path in installation.folder.rglob("*") if path.is_dir())]

    assert {path.stat().st_mode & 0o777 for path in closed} == {0o700}


def test_folder_is_refused_when_it_was_made_for_another_database(installation: Installation) -> None:
    installation.claim("demo")

    with pytest.raises(DemoError, match="DATA_DIR="):
        installation.claim("db.example:5432/records?")


def test_folder_is_refused_when_it_holds_something_else(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("do not touch", "utf-8")

    with pytest.raises(DemoError, match="is not empty"):
        Installation(tmp_path).claim("demo")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_certificates_are_kept_when_they_are_not_due(installation: Installation) -> None:
    assert installation.issue_certificates(NOW) == 3
    before = [
        _serial(folder) for folder in (installation.agent / "tls", installation.gateway / "tls", installation.web)
    ]

    assert installation.issue_certificates(NOW + timedelta(days=5)) == 0
    after = [_serial(folder) for folder in (installation.agent / "tls", installation.gateway / "tls", installation.web)]
    assert after == before


@pytest.mark.parametrize("days_later", [15, 40, 500])
def test_certificates_are_made_anew_when_due_or_expired(installation: Installation, days_later: int) -> None:
    installation.issue_certificates(NOW)
    root = installation.ca_file.read_bytes()

    assert installation.issue_certificates(NOW + timedelta(days=days_later)) == 3
    assert installation.ca_file.read_bytes() == root  # a browser that trusts it goes on doing so


def test_ca_file_can_be_trusted_when_a_program_loads_it(installation: Installation) -> None:
    installation.issue_certificates(NOW)

    assert len(ssl.create_default_context(cafile=installation.ca_file).get_ca_certs()) == 1


def test_keys_are_shared_once_when_made_twice(installation: Installation) -> None:
    installation.make_keys(NOW)
    first = load_keyring(installation.agent / "keys").key_ids
    installation.make_keys(NOW + timedelta(days=1))

    assert load_keyring(installation.agent / "keys").key_ids == first
    assert load_keyring(installation.gateway / "keys").key_ids == first


def test_settings_hold_no_secret_when_written(installation: Installation, tmp_path: Path) -> None:
    installation.write_agent(port=1234, mapping=tmp_path / 'odd "name".toml', credentials={"store.dsn": "secret-dsn"})
    installation.write_gateway(port=8443, agent_port=1234)

    agent = (installation.agent / "agent.toml").read_text("utf-8")
    assert "secret-dsn" not in agent
    assert tomllib.loads(agent)["source"]["mapping"] == str(tmp_path / 'odd "name".toml')
    assert tomllib.loads((installation.gateway / "gateway.toml").read_text("utf-8"))["bridge"]["port"] == 1234
    assert (installation.agent / "credentials" / "store.dsn").read_text("utf-8") == "secret-dsn"


def test_conversations_stay_readable_when_the_gateway_s_settings_are_written_again(installation: Installation) -> None:
    installation.write_gateway(port=8443, agent_port=1234)
    key = (installation.gateway / "credentials" / "chat.seal-key").read_bytes()
    installation.write_gateway(port=8443, agent_port=5678)

    assert (installation.gateway / "credentials" / "chat.seal-key").read_bytes() == key


def test_access_is_for_its_owner_alone_when_written(installation: Installation) -> None:
    access = Access("https://localhost:8443", str(installation.ca_file), "anna@example.org", "Demo-1", "token")
    installation.write_access(access)

    path = installation.folder / "demo.json"
    assert set(json.loads(path.read_text("utf-8"))) == {"url", "ca_file", "email", "password", "token"}
    assert {file.stat().st_mode & 0o777 for file in (path, installation.curl_file)} == {0o600}
