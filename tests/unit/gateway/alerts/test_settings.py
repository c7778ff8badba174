from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bridge.process.settings import SettingsError, load
from gateway.alerts.errand import errands
from gateway.alerts.sending import channels_of
from gateway.alerts.settings import Settings
from gateway.settings import PREFIX, GatewaySettings
from gateway.settings.plain import as_json

PROJECT = Path(__file__).parents[4]
PASSWORD, TOKEN = "planted-password", "planted-token"
WHOLE = """
[alerts]
name = "Surgery"
time_zone = "Europe/London"
quiet_hours = "22:00-07:00"
[alerts.email]
host = "mail.example.org"
sender = "box@example.org"
recipients = ["anna@example.org"]
username = "box"
[alerts.webhook]
shape = "ntfy"
url = "https://ntfy.sh"
target = "alerts"
"""


def loaded(tmp_path: Path, text: str) -> GatewaySettings:
    file = tmp_path / "gateway.toml"
    file.write_text(text)
    (tmp_path / "alerts.email.password").write_text(PASSWORD)
    (tmp_path / "alerts.webhook.token").write_text(TOKEN)
    return load(GatewaySettings, file, prefix=PREFIX, environ={"CREDENTIALS_DIRECTORY": str(tmp_path)})


def plain(settings: GatewaySettings) -> Mapping[str, Any]:
    """Return what the lean process gets of ``[alerts]``."""
    values: Mapping[str, Any] = json.loads(as_json(settings, {"alerts"}))["alerts"]
    return values


def test_only_the_journal_tells_when_nothing_is_configured() -> None:
    settings = Settings.of(plain(load(GatewaySettings, None, prefix=PREFIX, environ={})))

    assert channels_of(settings) == errands(settings) == []
    assert settings.name == "box"


def test_lean_process_gets_everything_as_json(tmp_path: Path) -> None:
    settings = Settings.of(plain(loaded(tmp_path, WHOLE)))

    assert settings.email is not None
    assert settings.webhook is not None
    assert (settings.email.port, settings.email.password) == (587, PASSWORD)
    assert settings.webhook.token == TOKEN
    assert settings.zone.key == "Europe/London"
    for channels in (channels_of(settings), errands(settings)):
        assert [channel.name for channel in channels] == ["email", "webhook"]


def test_secrets_are_in_no_representation(tmp_path: Path) -> None:
    checked = loaded(tmp_path, WHOLE)
    shown = f"{checked!r} {checked.model_dump()} {checked.model_dump_json()} {Settings.of(plain(checked))!r}"

    assert PASSWORD not in shown
    assert TOKEN not in shown


@pytest.mark.parametrize(
    ("line", "instead", "key"),
    [
        ('time_zone = "Europe/London"', 'time_zone = "Mars"', "alerts.time_zone"),
        ("22:00-07:00", "22-7", "alerts.quiet_hours"),
        ('"mail.example.org"', '"mail.example.org\\r\\n"', "alerts.email.host"),
        ('"box@example.org"', '"box@example.org\\nBcc: eve@example.org"', "alerts.email.sender"),
        ('["anna@example.org"]', '["Anna <anna@example.org>"]', "alerts.email.recipients"),
        ('["anna@example.org"]', "[]", "alerts.email"),
        ('"https://ntfy.sh"', '"http://ntfy.sh"', "alerts.webhook.url"),
        ('"https://ntfy.sh"', '"https://user:secret@ntfy.sh"', "alerts.webhook.url"),
        ('"https://ntfy.sh"', '"https://ntfy.sh:x"', "alerts.webhook.url"),
        ('"https://ntfy.sh"', '"https://ntfy.sh/ a"', "alerts.webhook.url"),
        ('target = "alerts"', "", "alerts.webhook"),
        ('"ntfy"', '"matrix"', "alerts.webhook"),
        ('"ntfy"', '"carrier pigeon"', "alerts.webhook.shape"),
    ],
)  # fmt: skip
def test_start_is_stopped_by_name_when_a_value_is_bad(tmp_path: Path, line: str, instead: str, key: str) -> None:
    assert line in WHOLE
    with pytest.raises(SettingsError, match=rf"(?m)^{key}") as raised:
        loaded(tmp_path, WHOLE.replace(line, instead, 1))

    assert PASSWORD not in str(raised.value)
    assert TOKEN not in str(raised.value)


@pytest.mark.parametrize(
    ("line", "instead", "lacking"),
    [
        ("", "", []),
        ('username = "box"', "", ["alerts.email: needs both username and password (a credential), or neither"]),
    ],
    ids=["whole", "password without a username"],
)
def test_missing_half_of_a_login_is_named(tmp_path: Path, line: str, instead: str, lacking: list[str]) -> None:
    assert loaded(tmp_path, WHOLE.replace(line, instead, 1)).alerts.lacks() == lacking


def test_monitor_does_not_start_and_gateways_do_when_secrets_are_missing(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text(WHOLE.replace('"ntfy"', '"slack"'))
    settings = load(GatewaySettings, file, prefix=PREFIX, environ={})  # as the gateways do, which have no such secret

    assert len(settings.alerts.lacks()) == 2
    command = [sys.executable, "-m", "gateway", "alerts", "list", "--config", str(file)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.splitlines()) == (78, settings.alerts.lacks())


def test_alerts_bring_nothing_large_into_the_monitor() -> None:
    code = "import sys, gateway.alerts.service; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)

    loaded_modules = set(done.stdout.split())
    assert "gateway" in loaded_modules
    assert (
        loaded_modules & {"aiohttp", "pydantic", "pydantic_core", "cryptography", "pyroute2", "prometheus_client"}
        == set()
    )
