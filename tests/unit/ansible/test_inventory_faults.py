"""What the playbook refuses before it changes anything."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest
import yaml

from tests.unit_files import ROOT

ROLE: Final = ROOT / "ansible/roles/inventory"
KEY: Final = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDb1sUlsEzUSqkPLJ5pRGZmZSI0xXQDi5RkyX9hAV9Vh you@laptop"


def plugin() -> ModuleType:
    spec = importlib.util.spec_from_file_location("inventory_faults", ROLE / "filter_plugins/inventory_faults.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PLUGIN: Final = plugin()


def sample(folder: Path, host: str) -> dict[str, Any]:
    """Return what the sample inventory says of a host, its key filled in and its mapping written."""
    (folder / "source.toml").touch()
    inventory = yaml.safe_load((ROOT / "ansible/inventory.example.yml").read_text("utf-8"))["all"]
    hosts = {group: next(iter(of["hosts"].values())) for group, of in inventory["children"].items()}
    other = hosts["keep" if host == "door" else "door"]["ansible_host"]
    return {**inventory["vars"], **hosts[host], "drawbridge_rescue_keys": [KEY], "drawbridge_peer": other}


@pytest.mark.parametrize("host", ["door", "keep"])
def test_sample_is_accepted_when_it_is_filled_in(tmp_path: Path, host: str) -> None:
    given = sample(tmp_path, host)
    assert PLUGIN.inventory_faults(given, str(tmp_path)) == []
    names = [name for name in given if name.startswith("drawbridge_")]
    assert PLUGIN.inventory_unknown(names, str(ROLE.parent)) == []


def test_name_is_refused_when_it_is_no_setting() -> None:
    names = ["drawbridge_sorce_database", "drawbridge_lan", "backup_remote", "backup_remotes", "firewall_output"]
    assert PLUGIN.inventory_unknown(names, str(ROLE.parent)) == [
        "backup_remotes: there is no such setting", "drawbridge_sorce_database: there is no such setting",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("groups", "faults"),
    [
        ({"door": ["rpi4"], "keep": ["rpi3"]}, []),
        ({"door": ["rpi4"]}, ["the group keep needs one host, and has 0"]),
        ({"door": ["a", "b"], "keep": ["rpi3"]}, ["the group door needs one host, and has 2"]),
        ({"door": ["pi"], "keep": ["pi"]}, ["door and keep are one host: they have to be two"]),
    ],
)
def test_groups_are_refused_when_they_are_not_one_door_and_one_keep(
    groups: dict[str, list[str]], faults: list[str]
) -> None:
    assert PLUGIN.inventory_group_faults(groups) == faults


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("ansible_host", "rpi4.lan", "ansible_host: must be the Pi's address"),
        ("ansible_host", "192.168.1.3", "ansible_host: both Pis have 192.168.1.3"),
        ("ansible_host", "192.168.2.4", "ansible_host: 192.168.2.4 is not in drawbridge_lan, 192.168.1.0/24"),
        ("drawbridge_lan", "192.168.1.4/24", "drawbridge_lan: must be the network"),  # sshd would let nobody in
        ("drawbridge_lan", "192.168.1", "drawbridge_lan: must be the network"),
        ("drawbridge_domain", "https://health.example.org", "drawbridge_domain: must be a name"),
        ("drawbridge_domain", "health", "drawbridge_domain: must be a name"),
        ("drawbridge_email", "owner", "drawbridge_email: must be an address"),
        ("drawbridge_lan_name", "drawbridge.lan", "drawbridge_lan_name: must be one word and .local"),
        ("drawbridge_restart_window", 750, "drawbridge_restart_window: must be a time"),  # what YAML makes of 12:30
        ("drawbridge_restart_window", "24:00", "drawbridge_restart_window: must be a time"),
        ("drawbridge_time_zone", "Europe/Londn", "drawbridge_time_zone: there is no Europe/Londn"),
        ("drawbridge_journal_max", "lots", "drawbridge_journal_max: must be a size"),
        ("drawbridge_rescue_keys", [KEY, "ssh-rsa AAAAB3Nz you"], "drawbridge_rescue_keys: number 2 is no public key"),
        ("drawbridge_rescue_keys", ["ssh-ed25519 AAAA… you"], "drawbridge_rescue_keys: number 1 is no public key"),
        ("drawbridge_rescue_keys", [f'{KEY} "x"'], "drawbridge_rescue_keys: number 1 is no public key"),
        ("drawbridge_keep_open", [5432], "drawbridge_keep_open: each must look like"),
        ("drawbridge_keep_open", [{"name": "x", "port": 0, "from": ["lan"]}], "drawbridge_keep_open: 0 is no port"),
        ("drawbridge_keep_open", [{"name": 'a"b', "port": 1, "from": []}], "drawbridge_keep_open: a name is without"),
        ("drawbridge_keep_open", [{"name": "x", "port": 1, "from": ["wan"]}], "drawbridge_keep_open: wan is neither"),
        ("drawbridge_source_database", "", "drawbridge_source_tables: drawbridge_source_database is missing"),
        ("drawbridge_source_tables", [], "drawbridge_source_tables: name the tables"),
        ("drawbridge_source_cluster", "15", "drawbridge_source_cluster: must look like 15/main"),
        ("drawbridge_source_mapping", "none.toml", "drawbridge_source_mapping: there is no "),
        ("drawbridge_acme_dns_server", "ns.example.org", "drawbridge_acme_dns_server: must be an address"),
        ("drawbridge_acme_dns_server", "192.0.2.53", "drawbridge_acme_dns_key: drawbridge_acme_dns_server needs it"),
        ("drawbridge_acme_ca", "none.pem", "drawbridge_acme_ca: there is no none.pem"),
        ("drawbridge_tracing", {"endpoint": "http://collector.lan:4318"}, "drawbridge_tracing: its endpoint wants"),
        ("drawbridge_tracing", {"endpoint": "http://192.168.1.9"}, "drawbridge_tracing: its endpoint wants"),
        ("drawbridge_secrets", {"mail.pasword": "x"}, "drawbridge_secrets: nothing asks for mail.pasword"),
    ],
)
def test_value_is_refused_with_what_is_allowed_when_it_cannot_work(
    tmp_path: Path, name: str, value: object, fault: str
) -> None:
    given = sample(tmp_path, "keep") | {"drawbridge_peer": "192.168.1.3", "ansible_host": "192.168.1.4", name: value}
    faults = PLUGIN.inventory_faults(given, str(tmp_path))
    assert [said for said in faults if said.startswith(fault)], faults


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("drawbridge_restart_window", ""),
        ("drawbridge_restart_window", "23:59"),
        ("drawbridge_rescue_keys", []),
        ("drawbridge_tracing", {"endpoint": "https://[fd00::9]:4318/otlp"}),
        ("drawbridge_secrets", {"ddns.desec": "x", "alerts.email.password": "x", "oidc.client-secret": "x"}),
        ("drawbridge_keep_open", [{"name": "NFS", "port": 2049, "from": ["192.168.1.9", "fd00::/8", "anywhere"]}]),
    ],
)
def test_value_is_accepted_when_it_is_one_of_those_allowed(tmp_path: Path, name: str, value: object) -> None:
    assert PLUGIN.inventory_faults(sample(tmp_path, "keep") | {name: value}, str(tmp_path)) == []
