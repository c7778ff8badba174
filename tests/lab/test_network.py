"""What is open, seen by scanning: exactly what docs/appliance.md names, from each place."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.lab import clinic, network
from tests.lab.host import Host
from tests.lab.lab import Lab
from tests.lab.shell import LabError, wait_until

SCAN = ("nmap", "-n", "-Pn", "-sS", "-p-", "--min-rate", "20000", "--max-retries", "1", "--open", "-oG", "-")


def open_ports(scan: Callable[..., str], address: str) -> set[int]:
    """Return the TCP ports of ``address`` that answer."""
    return {int(port) for port in re.findall(r"(\d+)/open/tcp", scan(*SCAN, address))}


def is_open(host: Host, port: int) -> bool:
    """Say whether a port answers in the house."""
    said = network.inside(network.ADM, "nc", "-zvw", "1", host.address, str(port), check=False)
    return "succeeded" in said


def refused(host: Host) -> int:
    """Return how many packets the firewall has refused."""
    return sum(int(count) for count in re.findall(r"packets (\d+)", host.sudo("nft list counters table inet edge")))


@pytest.mark.story("health/US-BE-13.1", "health/US-BE-17.3", "health/US-BE-19.2")
def test_only_the_web_is_open_when_somebody_scans_from_outside(door: Host, keep: Host) -> None:
    def scan(*command: str) -> str:
        return network.inside(network.INET, *command)

    before = refused(door)
    with network.route(network.INET, "10.77.0.0/24", via=network.OUTSIDE):  # as if the router hid nothing
        assert open_ports(scan, door.address) == {80, 443}
        assert open_ports(scan, keep.address) == set()
    assert refused(door) > before


def test_designed_ports_are_open_when_somebody_scans_in_the_house(door: Host, keep: Host) -> None:
    def scan(*command: str) -> str:
        return network.inside(network.ADM, *command)

    assert open_ports(scan, door.address) == {22, 80, 443}
    assert open_ports(scan, keep.address) == {22, 2222, 5432}


@pytest.mark.story("health/US-BE-07.1")
def test_bridge_is_open_to_the_door_when_it_scans_the_keep(door: Host, keep: Host) -> None:
    assert open_ports(door.from_its_place, keep.address) == {22, 2222, 5432, 8443, 8444}


@pytest.mark.story("health/US-BE-49.1")
def test_rescue_and_relay_are_open_to_the_keep_when_it_scans_the_door(door: Host, keep: Host) -> None:
    assert open_ports(keep.from_its_place, door.address) == {22, 80, 443, 2222, 3128}


def test_agent_answers_nobody_without_a_certificate_when_they_are_at_the_door(door: Host, keep: Host) -> None:
    ask = "curl --silent --insecure --max-time 5 --output /dev/null --write-out '%{http_code}'"
    assert door.sudo(f"{ask} https://{keep.address}:8443/v1/system.status", check=False).strip() == "000"
    refusals = keep.sudo("journalctl -u agent -o cat --no-pager --since=-1min | grep connection_refused")
    assert door.address in refusals


@pytest.mark.story("health/US-BE-07.6", "health/US-BE-49.6")
def test_other_clients_keep_their_database_when_the_firewall_is_up(lab: Lab, keep: Host) -> None:
    assert int(clinic.ask(keep, "count")) > 20_000
    with network.route(network.INET, "10.77.0.0/24", via=network.OUTSIDE):
        try:
            reply = network.inside(network.INET, "nc", "-zvw", "2", keep.address, "5432")
        except LabError as error:
            reply = str(error)
    assert "succeeded" not in reply


def test_ban_holds_when_the_rules_are_loaded_again(door: Host) -> None:
    door.sudo("/usr/local/sbin/drawbridge-rescue bans add 11.22.33.66 30 --yes")
    try:
        assert "11.22.33.66" in door.sudo("nft list set inet edge ban4")
        door.sudo("systemctl reload nftables")
        assert "11.22.33.66" in door.sudo("nft list set inet edge ban4")
        with network.addresses(network.INET, ["11.22.33.66"]):
            banned = network.inside(
                network.INET, "nc", "-zw", "2", "-s", "11.22.33.66", network.OUTSIDE, "443", check=False
            )
            allowed = network.inside(network.INET, "nc", "-zvw", "2", network.OUTSIDE, "443", check=False)
        assert "succeeded" not in banned
        assert "succeeded" in allowed
    finally:
        door.sudo("/usr/local/sbin/drawbridge-rescue bans remove 11.22.33.66 --yes")


def test_wrong_firewall_undoes_itself_when_nobody_confirms_it(door: Host) -> None:
    door.sudo("sed 's/tcp dport 22 accept/tcp dport 2202 accept/' /etc/drawbridge/firewall.nft > /run/wrong.nft")
    apply = "/usr/bin/python3 -m rescue.changes apply firewall /run/wrong.nft --undo-after 8"
    door.sudo(f"systemd-run --quiet --collect --working-directory=/opt/drawbridge/current {apply}")
    wait_until(lambda: not is_open(door, 22), timeout_s=8, what="the wrong firewall")
    wait_until(lambda: is_open(door, 22), timeout_s=30, what="the right firewall")
    assert "tcp dport 2202" not in door.sudo("nft list table inet edge")
