from __future__ import annotations

import io
import json
import signal
import socket
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bridge.keys import Keyring, Ring, generate, save_keyring
from bridge.process.settings import EXIT_CONFIG
from gateway import __main__ as command
from tests.certificates import Folders


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Return the settings file of a gateway whose keys and certificate are in order."""
    tls = Folders(tmp_path).issue("gateway")
    keys = tmp_path / "keys"
    keys.mkdir(mode=0o700)
    save_keyring(keys, Keyring({"gateway": Ring(generate("gateway", now=datetime.now(UTC)))}))
    file = tmp_path / "gateway.toml"
    file.write_text(
        f'[listen]\nkind = "unix"\npath = "{tmp_path}/s"\n[bridge]\nport = 1\ntls_dir = "{tls}"\nkeys_dir = "{keys}"\n'
    )
    return file


def test_check_config_is_content_when_everything_is_in_order(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["check-config", "--config", str(config)]) == 0
    assert capsys.readouterr().out == "The settings can be used.\n"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("[chat]\ntime_zone = 'Mars'", "chat.time_zone: "),
        ("[log]\ncolour = 'red'", "log.colour: "),
    ],
)
def test_check_config_names_the_setting_when_it_is_wrong(
    config: Path, capsys: pytest.CaptureFixture[str], line: str, said: str
) -> None:
    config.write_text(f"{config.read_text()}{line}\n")

    assert command.main(["check-config", "--config", str(config)]) == EXIT_CONFIG
    assert capsys.readouterr().err.startswith(said)


@pytest.mark.parametrize("folder", ["keys", "gateway"])
def test_check_config_names_the_file_when_keys_or_certificates_are_missing(
    config: Path, capsys: pytest.CaptureFixture[str], folder: str
) -> None:
    for file in (config.parent / folder).iterdir():
        file.unlink()

    assert command.main(["check-config", "--config", str(config)]) == EXIT_CONFIG
    assert str(config.parent / folder) in capsys.readouterr().err


def test_settings_alone_are_checked_when_keys_and_certificates_are_not_there_yet(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "gateway.toml").write_text("[limits]\nsign_in_per_minute = 5\n")
    asked = ["check-config", "--settings-only", "--config", str(tmp_path / "gateway.toml")]
    assert command.main(asked) == 0
    assert capsys.readouterr().out == "The settings can be used.\n"

    (tmp_path / "gateway.toml").write_text("[limits]\nsign_in_per_minutes = 5\n")
    assert command.main(asked) == EXIT_CONFIG
    assert "limits.sign_in_per_minutes" in capsys.readouterr().err


def test_check_config_names_the_web_certificate_when_it_is_missing(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text(config.read_text().replace("[bridge]", 'certificate = "/nowhere.pem"\n[bridge]'))

    assert command.main(["check-config", "--config", str(config)]) == EXIT_CONFIG
    assert "/nowhere.pem" in capsys.readouterr().err


@pytest.mark.story("health/US-BE-25.4")
def test_serve_says_one_line_when_the_address_is_taken(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket(socket.AF_UNIX) as taken:
        taken.bind(str(config.parent / "s"))
        taken.listen()

        assert command.main(["serve", "--config", str(config)]) == 1

    said = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("{")]
    assert said == [f"{config.parent}/s: another process serves it"]


@pytest.mark.parametrize("name", ["serve", "check-config"])
def test_start_names_the_limit_when_it_is_for_no_route(
    config: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    config.write_text(f'{config.read_text()}[limits.routes]\n"/nowhere" = 5\n')

    assert command.main([name, "--config", str(config)]) == EXIT_CONFIG

    said = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("{")]
    assert said == ["limits.routes: there is no route /nowhere; write it as `route` in the log does"]


def test_check_config_is_content_when_a_limit_is_for_a_route(config: Path) -> None:
    config.write_text(f'{config.read_text()}[limits.routes]\n"POST /api/v1/chat" = 5\n')

    assert command.main(["check-config", "--config", str(config)]) == 0


def test_understand_answers_a_line_when_given_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    line = {"id": "a", "now": "2026-05-20T10:00:00", "turns": ["how often did I have a headache in May?"]}
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(line) + "\n"))

    assert command.main(["understand"]) == 0

    said = json.loads(capsys.readouterr().out)
    assert (said["id"], said["intent"]) == ("a", "count")


def test_assets_are_in_the_folder_when_they_are_asked_for(tmp_path: Path) -> None:
    assert command.main(["assets", str(tmp_path / "static")]) == 0

    assert {file.suffix for file in (tmp_path / "static").iterdir()} >= {".css", ".js", ".svg"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serve_ends_well_when_it_is_told_to(config: Path, number: signal.Signals) -> None:
    arguments = [sys.executable, "-m", "gateway", "serve", "--config", str(config)]
    with subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        started = next(line for line in process.stderr if "gateway_started" in line)

        process.send_signal(number)

        rest = process.stderr.read()
        assert process.wait() == 0
    assert json.loads(started)["addresses"] == [f"unix:{config.parent}/s"]
    assert json.loads(rest.splitlines()[-1])["event"] == "gateway_stopped"
    assert not (config.parent / "s").exists()
