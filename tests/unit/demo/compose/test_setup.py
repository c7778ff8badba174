from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bridge.keys import load_keyring
from bridge.pki import IDENTITY_FILE, read_identity
from bridge.tls import ReloadingClientTLS
from demo.compose.setup import SAMPLE_DSN, Setup

NOW = datetime(2026, 11, 21, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for volume in ("root", "agent", "gateway", "web"):
        (tmp_path / volume).mkdir()
    return tmp_path


def run(folder: Path, now: datetime = NOW, *, domain: str = "localhost", database_url: str = "") -> None:
    setup = Setup(folder, now)
    setup.make_pki()
    setup.make_keys()
    setup.issue_web_certificate(domain)
    setup.write_credentials(database_url)
    setup.give_the_agent_its_ca()
    setup.hand_over()


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_setup_makes_what_the_services_need_when_there_is_nothing(folder: Path) -> None:
    run(folder)
    agent, gateway = folder / "agent", folder / "gateway"
    assert set(load_keyring(agent / "keys").rings) == {"gateway", "monitor"}
    assert set(load_keyring(gateway / "keys").rings) == {"gateway"}
    ReloadingClientTLS(gateway / "tls")  # raises where it cannot be used
    assert (agent / "credentials" / "source.dsn").read_text() == SAMPLE_DSN
    assert all((folder / volume / "ready").exists() for volume in ("agent", "gateway", "web"))


def test_setup_gives_the_agent_no_key_of_a_root_when_it_hands_the_ca_over(folder: Path) -> None:
    run(folder)
    given = {path.relative_to(folder).as_posix() for path in folder.rglob("root.key")}
    assert given == {"root/root.key", "root/web/root.key"}
    assert not (folder / "agent" / "pki" / "web").exists()


def test_setup_changes_nothing_when_repeated(folder: Path) -> None:
    run(folder)
    before = contents(folder)
    run(folder, NOW + timedelta(days=25))  # the units' certificates are due, and renewed by their holders
    assert contents(folder) == before


def test_setup_issues_for_a_unit_anew_when_it_can_renew_no_more(folder: Path) -> None:
    run(folder)
    run(folder, later := NOW + timedelta(days=30 + 366))
    assert read_identity(folder / "gateway" / "tls" / IDENTITY_FILE).certificate.not_valid_after_utc > later


@pytest.mark.parametrize(("domain", "days"), [("localhost", 310), ("door.example.org", 0)])
def test_setup_makes_another_web_certificate_when_it_is_due_or_for_another_name(
    folder: Path, domain: str, days: int
) -> None:
    run(folder)
    before = (folder / "web" / "fullchain.pem").read_bytes()
    run(folder, NOW + timedelta(days=days), domain=domain)
    assert (folder / "web" / "fullchain.pem").read_bytes() != before


def test_setup_passes_a_new_database_on_and_keeps_the_seal_key_when_the_url_changes(folder: Path) -> None:
    run(folder)
    seal_key = folder / "gateway" / "credentials" / "chat.seal-key"
    before = seal_key.read_bytes()
    run(folder, database_url="postgresql://reader:secret@db.example.org/clinic")
    dsn = folder / "agent" / "credentials" / "source.dsn"
    assert dsn.read_text() == "postgresql://reader:secret@db.example.org/clinic"
    assert dsn.stat().st_mode & 0o077 == 0
    assert seal_key.read_bytes() == before
