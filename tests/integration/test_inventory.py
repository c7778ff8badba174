"""What the playbook makes of an inventory, as Ansible itself says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest

from agent.settings import Tracing as AgentTracing
from gateway.settings import Tracing
from tests.unit_files import ROOT

ANSIBLE: Final = Path(sys.executable).parent / "ansible"
FOLDER: Final = ROOT / "ansible"


def said(tmp_path: Path, host: str, expression: str, **variables: object) -> Any:  # noqa: ANN401 - whatever it is
    """Return what ``expression`` is for a host of the example inventory, with the defaults of its service's role."""
    role = {"rpi3": "agent", "rpi4": "gateway"}[host]
    given = {"ansible_python_interpreter": sys.executable, **variables}
    command: list[str | Path] = [
        ANSIBLE, host, "-i", FOLDER / "inventory.example.yml", "-c", "local", "--playbook-dir", FOLDER, "-m", "debug",
        "-e", f"@{FOLDER / 'roles' / role / 'defaults' / 'main.yml'}", "-e", json.dumps(given),
        "-a", f"msg={{{{ {{'found': {expression}}} | to_json }}}}",
    ]  # fmt: skip
    environ = {
        "PATH": os.environ["PATH"], "HOME": str(tmp_path), "LC_ALL": "C.UTF-8", "ANSIBLE_LOAD_CALLBACK_PLUGINS": "1",
        "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.minimal", "ANSIBLE_NOCOLOR": "1",
    }  # fmt: skip
    done = subprocess.run(command, env=environ, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    answer = json.loads(done.stdout.partition("=>")[2])["msg"]
    return (json.loads(answer) if isinstance(answer, str) else answer)["found"]


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("endpoint", "collector"),
    [
        ("http://192.168.1.9:4318", {"address": "192.168.1.9", "port": 4318}),
        ("https://[fd00::9]:4318/otlp", {"address": "fd00::9", "port": 4318}),
        ("http://collector.lan:4318", {}),
    ],
)
def test_collector_is_let_through_when_its_endpoint_is_an_address(
    tmp_path: Path, endpoint: str, collector: dict[str, object]
) -> None:
    tracing = {"endpoint": endpoint}
    found = said(tmp_path, "rpi3", "[firewall_collector, units_collector]", drawbridge_tracing=tracing)
    assert found == [collector, collector.get("address", "")]


@pytest.mark.timeout(60)
def test_both_hosts_send_traces_when_the_inventory_says_where(tmp_path: Path) -> None:
    tracing = {"endpoint": "http://192.168.1.9:4318", "ratio": 0.25}
    lines = f"lookup('ansible.builtin.template', '{FOLDER}/roles/gateway/templates/gateway.toml.j2')"
    door = tomllib.loads(said(tmp_path, "rpi4", lines, drawbridge_tracing=tracing))["tracing"]
    assert Tracing.model_validate(door) == Tracing.model_validate(tracing)
    keep = said(tmp_path, "rpi3", "agent_tracing", drawbridge_tracing=tracing)
    assert AgentTracing.model_validate(keep).endpoint == tracing["endpoint"]


@pytest.mark.timeout(60)
def test_nothing_is_traced_when_the_inventory_does_not_say_where(tmp_path: Path) -> None:
    assert said(tmp_path, "rpi3", "[agent_tracing, firewall_collector, units_collector]") == [{}, {}, ""]
