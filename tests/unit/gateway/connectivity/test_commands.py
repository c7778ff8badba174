from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from bridge.process.settings import SettingsError, load
from gateway import __main__ as command
from gateway.connectivity import verbs
from gateway.connectivity.config import Config
from gateway.settings import PREFIX, GatewaySettings
from gateway.settings.plain import as_json
from tests.clocks import TurnedClock

ROOT: Final = Path(__file__).parents[4]
HEAVY: Final = {"aiohttp", "cryptography", "prometheus_client", "pydantic", "pydantic_core", "pyroute2", "uvloop"}
HALF_A_MEGABYTE: Final = {"calendar", "email", "hashlib", "http", "random", "secrets", "shutil", "tempfile"}
"""Each, with what it imports: ``os.urandom``, ``os.statvfs`` and ``datetime`` do the same."""


def _settings(folder: Path, **given: object) -> GatewaySettings:
    paths = {"status": folder / "status.json", "journal": folder / "outages.jsonl", "resolv_conf": folder / "none"}
    return GatewaySettings.model_validate({"connectivity": {**paths, "gateway_sockets": [folder / "g.sock"], **given}})


def _config(folder: Path, **given: object) -> Config:
    return Config.from_json(json.loads(as_json(_settings(folder, **given), verbs.SECTIONS)))


def _status(config: Config, clock: TurnedClock, *, as_json: bool = False) -> tuple[int, str]:
    out = io.StringIO()
    code = verbs.status(config, as_json=as_json, clock=clock, out=out)
    return code, out.getvalue()


def test_config_is_the_settings_when_they_were_json_in_between(tmp_path: Path) -> None:
    config = _config(tmp_path, resolvers=["192.168.1.1", "fd00::1"], targets=["a.example"], ca_file=tmp_path / "ca.pem")
    assert config.resolvers == ("192.168.1.1", "fd00::1")
    assert (config.targets, config.ca_file) == (("a.example",), tmp_path / "ca.pem")
    assert (config.keep_host, config.keep_port) == ("127.0.0.1", 8443)


def test_settings_go_to_the_lean_process_without_what_it_does_not_need(tmp_path: Path) -> None:
    sections = json.loads(as_json(_settings(tmp_path), verbs.SECTIONS))
    assert set(sections) == {"alerts", "bridge", "connectivity", "log", "watches"}


@pytest.mark.parametrize(
    "line",
    [
        'mirror = "http://mirror.example.org/"', "targets = []", 'targets = ["https://a.example/"]', "every_s = 0",
        'resolvers = ["router"]', 'interface = "an interface with a long name"',
    ],
    ids=["plain mirror", "no target", "target with a scheme", "no period", "resolver by name", "interface"],
)  # fmt: skip
def test_settings_are_refused_when_they_cannot_work(tmp_path: Path, line: str) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text(f"[connectivity]\n{line}\n", "utf-8")
    with pytest.raises(SettingsError, match="connectivity"):
        load(GatewaySettings, file, prefix=PREFIX, environ={})


def test_status_says_that_no_monitor_runs_when_there_is_no_snapshot_or_an_old_one(tmp_path: Path) -> None:
    config, clock = _config(tmp_path), TurnedClock()
    assert _status(config, clock) == (1, f"The monitor is not running: {config.status} is not there.\n")
    config.status.write_text(json.dumps({"at": clock.time()}), "utf-8")
    clock.advance(verbs.STALE_S + 1)
    assert _status(config, clock) == (1, f"The monitor is not running: {config.status} is old.\n")


def test_status_prints_the_rungs_and_the_diagnosis_when_a_monitor_runs(tmp_path: Path) -> None:
    config, clock = _config(tmp_path), TurnedClock()
    snapshot: dict[str, Any] = {
        "at": clock.time(), "rungs": [{"name": "link", "state": "down", "summary": "The cable is out"}],
        "diagnosis": {"summary": "Put it in."},
    }  # fmt: skip
    config.status.write_text(json.dumps(snapshot), "utf-8")
    assert _status(config, clock) == (0, "link      down     The cable is out\nPut it in.\n")
    assert json.loads(_status(config, clock, as_json=True)[1]) == snapshot


@pytest.mark.parametrize("form", [[], ["--json"]], ids=["text", "JSON"])
def test_check_prints_every_rung_and_ends_with_1_when_something_is_broken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], form: list[str]
) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text(
        f'[connectivity]\ninterface = "none0"\ngateway_sockets = ["{tmp_path}/g.sock"]\n[log]\nhost = "door"\n', "utf-8"
    )
    assert command.main(["monitor", "check", "--config", str(file), *form]) == 1
    out = capsys.readouterr().out
    if form:
        found = json.loads(out)
        assert [each["code"] for each in found["diagnoses"]] == ["interface_down", "gateways_down"]
        assert [each["name"] for each in found["rungs"]] == ["link", "bridge"]
    else:
        lines = out.splitlines()
        assert lines[0].startswith("link      down     This machine has no none0 (")
        assert "dns       —        not looked at while what carries it is broken" in lines
        assert lines[-1].startswith("None of our gateways answers (gateway@1), since ")


@pytest.mark.story("health/US-BE-20.4")
def test_lean_process_imports_nothing_heavy() -> None:
    code = "import sys, gateway.monitor; print(*{name.partition('.')[0] for name in sys.modules})"
    alone = {
        name: value for name, value in os.environ.items() if not name.startswith("COV")
    }  # which imports much itself
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=alone, capture_output=True, text=True, check=True
    )
    assert not (HEAVY | HALF_A_MEGABYTE) & set(result.stdout.split())


@pytest.mark.slow
def test_serve_becomes_the_lean_process_and_tells_systemd_when_it_starts_and_stops(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(str(tmp_path / "notify"))
        channel.settimeout(30)
        settings = {
            "interface": "none0",
            "gateway_sockets": [str(tmp_path / "g.sock")],
            "status": str(tmp_path / "status.json"),
            "journal": str(tmp_path / "outages.jsonl"),
        }
        file = tmp_path / "gateway.toml"
        lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
        file.write_text("\n".join(["[connectivity]", *lines, ""]), "utf-8")
        with subprocess.Popen(
            [sys.executable, "-m", "gateway", "monitor", "serve", "--config", str(file)],
            cwd=ROOT, env={**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify")}, stderr=subprocess.PIPE, text=True,
        ) as process:  # fmt: skip
            try:
                assert channel.recv(100) == b"READY=1"
                assert "gateway.monitor" in Path(f"/proc/{process.pid}/cmdline").read_text("utf-8")
                process.send_signal(signal.SIGTERM)
                assert channel.recv(100) == b"STOPPING=1"
                assert process.wait(10) == 0
            finally:
                process.kill()
    snapshot = json.loads((tmp_path / "status.json").read_text("utf-8"))
    assert {"at", "started", "state", "rung", "diagnosis", "rungs", "outages", "availability"} <= set(snapshot)
    assert snapshot["diagnosis"]["code"] == "interface_down"
