"""What the playbook makes of an inventory, as Ansible itself says."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

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


def preflight(folder: Path, inventory: object) -> tuple[int, str]:
    """Run what the playbook begins with, this machine standing for both hosts; return its exit code and output."""
    (folder / "inventory.yml").write_text(json.dumps(inventory))  # JSON is YAML
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8", "ANSIBLE_NOCOLOR": "1"}
    command: list[str | Path] = [ANSIBLE.with_name("ansible-playbook"), "-i", folder / "inventory.yml", "preflight.yml"]
    local = {"ansible_connection": "local", "ansible_become": False, "ansible_python_interpreter": sys.executable}
    done = subprocess.run(
        [*command, "-e", json.dumps(local)], env=environ, cwd=FOLDER, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def inventory(**settings: object) -> dict[str, Any]:
    hosts = {"door": {"rpi4": "192.168.1.4"}, "keep": {"rpi3": "192.168.1.3"}}
    common = {
        "drawbridge_domain": "health.example.org",
        "drawbridge_email": "a@example.org",
        "drawbridge_lan": "192.168.1.0/24",
    }
    return {
        "all": {
            "vars": common | settings,
            "children": {
                group: {"hosts": {name: {"ansible_host": address} for name, address in of.items()}}
                for group, of in hosts.items()
            },
        }
    }  # fmt: skip


@pytest.mark.timeout(60)
def test_playbook_stops_before_anything_when_the_inventory_cannot_work(tmp_path: Path) -> None:
    code, said = preflight(tmp_path, inventory(drawbridge_sorce_database="clinic", drawbridge_lan="192.168.2.0/24"))
    assert code == 2
    assert "nothing was changed" in said
    assert "drawbridge_sorce_database: there is no such setting" in said
    assert "192.168.1.4 is not in drawbridge_lan, 192.168.2.0/24" in said
    assert re.findall(r"changed=(\d+)", said) == ["0", "0"]
    assert "Look at what the keep serves already" not in said


@pytest.mark.timeout(60)
def test_playbook_names_the_setting_when_it_is_missing_or_of_the_wrong_kind(tmp_path: Path) -> None:
    without = inventory(drawbridge_releases_kept="three")
    del without["all"]["vars"]["drawbridge_email"]
    code, said = preflight(tmp_path, without)
    assert code == 2
    assert "missing required arguments: drawbridge_email" in said
    assert "drawbridge_releases_kept" in said


@pytest.mark.timeout(60)
def test_playbook_names_what_it_would_cut_off_when_the_inventory_is_well(tmp_path: Path) -> None:
    """This machine stands for a bare keep, with a listener that the inventory says nothing of, and then names."""
    with socket.create_server(("0.0.0.0", 0)) as listener:  # noqa: S104 - on an address of the LAN's kind
        port = listener.getsockname()[1]
        code, said = preflight(tmp_path, inventory())
        assert code == 2
        assert f"{port}/tcp" in said
        assert "drawbridge_keep_open" in said
        named = [{"name": "a test", "port": port, "from": ["lan"]}]
        _, said = preflight(tmp_path, inventory(drawbridge_keep_open=named))
        assert f"{port}/tcp" not in said


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("all: {children: {doors: {hosts: {rpi4: {}}}}}", "Could not match supplied host pattern"),
        ("all: [", "Completely failed to parse inventory source"),
    ],
)
def test_provisioning_fails_when_the_inventory_has_nobody_or_cannot_be_read(
    tmp_path: Path, text: str, reason: str
) -> None:
    (tmp_path / "inventory.yml").write_text(text)
    command = ["make", "provision", "PYTHON=true", f"INVENTORY={tmp_path / 'inventory.yml'}", "ARGS=--list-hosts"]
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LC_ALL": "C.UTF-8", "ANSIBLE_NOCOLOR": "1"}
    done = subprocess.run(command, env=environ, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert reason in done.stderr


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("host", "program", "setting"),
    [("rpi4", "gateway", "drawbridge_gateway_settings"), ("rpi3", "agent", "drawbridge_agent_settings")],
)
def test_settings_of_before_stay_in_force_when_the_new_ones_cannot_be_used(
    tmp_path: Path, host: str, program: str, setting: str
) -> None:
    """What the role has Ansible ask before it puts the file in its place, asked of the file that it would put there."""
    task = next(
        task
        for task in yaml.safe_load((FOLDER / f"roles/{program}/tasks/main.yml").read_text("utf-8"))
        if task.get("ansible.builtin.template", {}).get("dest") == f"/etc/drawbridge/{program}.toml"
    )
    release = {"{{ release_folder }}/.venv/bin/python": sys.executable, "{{ release_folder }}": str(ROOT)}
    ask = task["ansible.builtin.template"]["validate"]
    for written, here in release.items():
        ask = ask.replace(written, here)
    words = ask.replace("%s", str(tmp_path / "settings.toml")).split()
    template = (FOLDER / f"roles/{program}/templates/{program}.toml.j2").read_text("utf-8")
    (tmp_path / "template").write_text(template.partition("{{ lookup(")[0])  # backup's part is another role's
    lines = f"lookup('ansible.builtin.template', '{tmp_path / 'template'}')"
    for limit, code in (("sign_in_per_account", 0), ("sign_in_per_accounts", 78)):
        limits = {"limits": {limit if program == "agent" else limit.replace("account", "minute"): 600}}
        (tmp_path / "settings.toml").write_text(said(tmp_path, host, lines, **{setting: limits}))
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (done.returncode, "limits.sign_in_per_" in done.stderr) == (code, code == 78), done.stderr
