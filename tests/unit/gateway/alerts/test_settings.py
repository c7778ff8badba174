from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bridge.process.settings import SettingsError, load
from gateway.alerts.service import channels_of
from gateway.alerts.settings import Settings
from gateway.settings import PREFIX, GatewaySettings

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


def test_only_the_journal_tells_when_nothing_is_configured() -> None:
    settings = Settings.of(load(GatewaySettings, None, prefix=PREFIX, environ={}).alerts.revealed())

    assert channels_of(settings) == []
    assert settings.name == "box"


def test_lean_process_gets_everything_as_json(tmp_path: Path) -> None:
    settings = Settings.of(json.loads(json.dumps(loaded(tmp_path, WHOLE).alerts.revealed())))

    assert settings.email is not None
    assert settings.webhook is not None
    assert (settings.email.port, settings.email.password) == (587, PASSWORD)
    assert settings.webhook.token == TOKEN
    assert settings.zone.key == "Europe/London"
    assert [channel.name for channel in channels_of(settings)] == ["email", "webhook"]


def test_secrets_are_in_no_representation(tmp_path: Path) -> None:
    checked = loaded(tmp_path, WHOLE)
    shown = f"{checked!r} {checked.model_dump()} {checked.model_dump_json()} {Settings.of(checked.alerts.revealed())!r}"

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
        ('username = "box"', "", "alerts.email"),
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


def test_alerts_bring_nothing_large_into_the_monitor() -> None:
    code = "import sys, gateway.alerts.service; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)

    loaded_modules = set(done.stdout.split())
    assert "gateway" in loaded_modules
    assert (
        loaded_modules & {"aiohttp", "pydantic", "pydantic_core", "cryptography", "pyroute2", "prometheus_client"}
        == set()
    )
