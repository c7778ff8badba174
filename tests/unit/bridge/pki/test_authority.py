"""The PKI folder, as the control machine uses it."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

import pytest

from bridge.pki import (
    IDENTITY_FILE,
    REVOKED_FILE,
    ROOTS_FILE,
    Authority,
    Identity,
    PKIRefused,
    Profile,
    generate_key,
    read_certificates,
    read_identity,
    read_revoked,
    serial_text,
    write_certificates,
)

NOW: Final = datetime(2026, 11, 21, tzinfo=UTC)
DAY: Final = timedelta(days=1)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    authority = Authority(tmp_path / "pki")
    authority.init(now=NOW)
    return authority


def test_init_refuses_when_there_is_a_pki(authority: Authority) -> None:
    assert authority.exists
    with pytest.raises(PKIRefused, match="holds a PKI already"):
        authority.init(now=NOW)


def test_init_begins_again_when_it_was_interrupted(authority: Authority, tmp_path: Path) -> None:
    (tmp_path / "pki" / "root.pem").unlink()

    authority.init(now=NOW)

    assert authority.exists


def test_unit_folder_is_complete_when_issued(authority: Authority, tmp_path: Path) -> None:
    leaf = authority.issue_unit("gateway", tmp_path / "tls", now=NOW)

    identity = read_identity(tmp_path / "tls" / IDENTITY_FILE)
    assert identity.certificate == leaf
    assert len(identity.chain) == 2
    assert read_certificates(tmp_path / "tls" / ROOTS_FILE) == read_certificates(tmp_path / "pki" / "root.pem")
    assert read_revoked(tmp_path / "tls" / REVOKED_FILE) == frozenset()
    assert (tmp_path / "tls").stat().st_mode & 0o777 == 0o700


def test_units_are_issued_and_renewed_when_the_root_key_is_away(authority: Authority, tmp_path: Path) -> None:
    (tmp_path / "pki" / "root.key").unlink()

    authority.issue_unit("gateway", tmp_path / "tls", now=NOW)

    assert authority.renew(tmp_path / "tls", now=NOW) is not None
    with pytest.raises(PKIRefused, match=r"root\.key cannot be read"):
        authority.prolong_intermediate(now=NOW)


def test_browsers_trust_another_root_when_a_web_server_is_issued(authority: Authority, tmp_path: Path) -> None:
    profile = Profile.of_web_server(["localhost"], [ip_address("127.0.0.1")])

    authority.issue_web_server(profile, tmp_path / "web", now=NOW)
    renewed = authority.renew(tmp_path / "web", now=NOW)

    (web_root,) = read_certificates(tmp_path / "web" / ROOTS_FILE)
    assert (web_root,) != read_certificates(tmp_path / "pki" / "root.pem")
    assert renewed is not None
    renewed.verify_directly_issued_by(web_root)
    assert Profile.of_certificate(renewed) == profile


def test_renewal_replaces_key_and_certificate_when_due(authority: Authority, tmp_path: Path) -> None:
    before = authority.issue_unit("gateway", tmp_path / "tls", now=NOW)

    assert authority.renew(tmp_path / "tls", now=NOW + 10 * DAY, only_if_due=True) is None
    assert read_identity(tmp_path / "tls" / IDENTITY_FILE).certificate == before

    after = authority.renew(tmp_path / "tls", now=NOW + 11 * DAY, only_if_due=True)

    assert after is not None
    assert after.not_valid_after_utc == NOW + 41 * DAY
    assert after.public_key() != before.public_key()
    assert read_identity(tmp_path / "tls" / IDENTITY_FILE).certificate == after


def test_unit_gets_a_successor_and_it_is_listed_when_the_folder_is_the_copy_for_renewals(
    authority: Authority, tmp_path: Path
) -> None:
    old = authority.issue_unit("gateway", tmp_path / "tls", now=NOW)
    (tmp_path / "pki" / "root.key").unlink()
    shutil.rmtree(tmp_path / "pki" / "web")
    key = generate_key()

    chain = authority.renew_for(old, Identity(key, ()).request(), now=NOW + 15 * DAY)

    assert chain[0].public_key() == key.public_key()
    assert Profile.of_certificate(chain[0]) == Profile.of_unit("gateway")
    assert serial_text(chain[0]) in {one.serial for one in authority.issued()}
    assert authority.renew_for(chain[0], Identity(key, ()).request(), now=NOW + 30 * DAY)


def test_unit_gets_no_successor_when_its_leaf_is_not_in_the_list(authority: Authority, tmp_path: Path) -> None:
    old = authority.issue_unit("gateway", tmp_path / "tls", now=NOW)
    path = tmp_path / "pki" / "issued" / f"{serial_text(old)}.pem"
    other = authority.issue_unit("monitor", tmp_path / "other", now=NOW)

    write_certificates(path, (other,))
    with pytest.raises(PKIRefused, match="is not in the list of what was issued"):
        authority.renew_for(old, Identity(generate_key(), ()).request(), now=NOW)
    path.unlink()
    with pytest.raises(PKIRefused, match="is not in the list of what was issued"):
        authority.renew_for(old, Identity(generate_key(), ()).request(), now=NOW)


def test_unit_gets_no_successor_when_its_leaf_was_revoked(authority: Authority, tmp_path: Path) -> None:
    old = authority.issue_unit("gateway", tmp_path / "tls", now=NOW)
    authority.revoke([old.serial_number])

    with pytest.raises(PKIRefused, match="was revoked"):
        authority.renew_for(old, Identity(generate_key(), ()).request(), now=NOW)


def test_leaf_outlives_the_first_intermediate_when_it_was_prolonged(authority: Authority, tmp_path: Path) -> None:
    (first,) = read_identity(tmp_path / "pki" / "intermediate.pem").chain
    authority.issue_unit("gateway", tmp_path / "tls", now=first.not_valid_after_utc - DAY)

    prolonged = authority.prolong_intermediate(now=first.not_valid_after_utc - DAY)
    renewed = authority.renew(tmp_path / "tls", now=first.not_valid_after_utc - DAY)

    assert renewed is not None
    assert renewed.not_valid_after_utc == first.not_valid_after_utc + 29 * DAY
    assert prolonged.not_valid_after_utc > renewed.not_valid_after_utc
    assert read_identity(tmp_path / "tls" / IDENTITY_FILE).chain == (renewed, prolonged)


def test_revoked_leaf_is_listed_everywhere_and_not_renewed_when_revoked(authority: Authority, tmp_path: Path) -> None:
    authority.issue_unit("agent", tmp_path / "agent", now=NOW)
    first = authority.issue_unit("gateway", tmp_path / "gateway", now=NOW)
    second = authority.issue_unit("gateway", tmp_path / "other", now=NOW + DAY)

    authority.revoke([first.serial_number], folders=[tmp_path / "agent"])
    authority.revoke([second.serial_number])

    assert authority.revoked() == {first.serial_number, second.serial_number}
    assert read_revoked(tmp_path / "agent" / REVOKED_FILE) == {first.serial_number}
    with pytest.raises(PKIRefused, match="was revoked"):
        authority.renew(tmp_path / "gateway", now=NOW)
    assert [(one.name.partition(".")[0], one.serial, one.is_revoked) for one in authority.issued()][1:] == [
        ("gateway", serial_text(second), True),
        ("gateway", serial_text(first), True),
    ]
    assert not authority.issued()[0].is_revoked
