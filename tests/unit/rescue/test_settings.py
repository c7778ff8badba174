"""``rescue.toml``, and where things lie."""

from __future__ import annotations

from pathlib import Path

import pytest

from rescue.settings import Host, Paths, Settings, SettingsError, load_settings
from rescue.units import unit_name


def test_settings_are_read_when_they_are_right(tmp_path: Path) -> None:
    (tmp_path / "rescue.toml").write_text('host = "keep"\npeer = "192.168.1.4"\n')
    assert load_settings(tmp_path / "rescue.toml") == Settings(Host.KEEP, "192.168.1.4")
    assert Host.KEEP.other is Host.DOOR
    assert Host.DOOR.other is Host.KEEP


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "host is missing"),
        ('host = "keep"', "peer is missing"),
        ('host = "attic"\npeer = "10.0.0.1"', "host must be door or keep"),
        ('host = "keep"\npeer = "-oProxyCommand=sh"', "an IP address"),
        ('host = "keep"\npeer = "10.0.0.1"\nport = 1', "unknown key port"),
        ("host =", "rescue.toml"),
    ],
)
def test_settings_are_refused_with_the_reason_when_they_are_wrong(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "rescue.toml").write_text(text)
    with pytest.raises(SettingsError, match=reason):
        load_settings(tmp_path / "rescue.toml")


def test_settings_say_who_writes_them_when_there_are_none(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"rescue.toml: No such file or directory; the playbook writes it$"):
        load_settings(tmp_path / "rescue.toml")


def test_paths_are_those_of_the_appliance_when_nothing_else_is_said() -> None:
    told = (Path(__file__).parents[3] / "docs" / "appliance.md").read_text()
    paths = Paths()
    for path in (paths.release, paths.socket, paths.credentials, paths.etc / "rescue.toml", paths.state / "backup"):
        assert str(path) in told


def test_store_is_the_newest_cluster_of_ours_when_there_are_several(tmp_path: Path) -> None:
    for version, name in (("9.6", "drawbridge"), ("15", "drawbridge"), ("17", "main")):
        (tmp_path / version / name).mkdir(parents=True)
    assert unit_name("store", tmp_path) == "postgresql@15-drawbridge.service"
    assert unit_name("store", tmp_path / "none") == "postgresql@none-drawbridge.service"
    assert unit_name("gateway@1") == "gateway@1.service"
