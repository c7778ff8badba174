"""What is open, seen by scanning: exactly what docs/appliance.md names, from each place."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.lab import clinic, network
from tests.lab.console import Console
from tests.lab.host import Host
from tests.lab.lab import Lab
from tests.lab.shell import LabError, wait_until

pytestmark = pytest.mark.usefixtures("testssl")  # which needs minutes, and the front door as it is here

SCAN = ("nmap", "-n", "-Pn", "-sS", "-p-", "--min-rate", "20000", "--max-retries", "1", "--open", "-oG", "-")


def open_ports(scan: Callable[..., str], *hosts: Host) -> list[set[int]]:
    """Return the TCP ports of each host that answer; they are scanned side by side."""
    with ThreadPoolExecutor() as threads:
        said = list(threads.map(lambda host: scan(*SCAN, host.address), hosts))
    return [{int(port) for port in re.findall(r"(\d+)/open/tcp", text)} for text in said]


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
    with network.route(network.INET, "10.77.0.0/24", via=network.OUTSIDE), network.kernel_log() as lines:
        assert open_ports(scan, door, keep) == [{80, 443}, set()]  # as if the router hid nothing
        wait_until(
            lambda: {host.address for host in (door, keep) if f"DST={host.address} " in told(lines())}
            == {door.address, keep.address},
            timeout_s=10, what="both hosts' lines about what they refused",
        )  # fmt: skip
    assert refused(door) > before


def told(lines: list[str]) -> str:
    """Return what the firewall says of what it refused: at most ten lines at once, and five a minute."""
    return "\n".join(line for line in lines if "edge refused: " in line)


def test_designed_ports_are_open_when_somebody_scans_in_the_house(door: Host, keep: Host) -> None:
    def scan(*command: str) -> str:
        return network.inside(network.ADM, *command)

    assert open_ports(scan, door, keep) == [{22, 80, 443}, {22, 2222, 5432}]


@pytest.mark.story("health/US-BE-07.1")
def test_bridge_is_open_to_the_door_when_it_scans_the_keep(door: Host, keep: Host) -> None:
    assert open_ports(door.from_its_place, keep) == [{22, 2222, 5432, 8443, 8444}]


@pytest.mark.story("health/US-BE-49.1")
def test_rescue_and_relay_are_open_to_the_keep_when_it_scans_the_door(door: Host, keep: Host) -> None:
    assert open_ports(keep.from_its_place, door) == [{22, 80, 443, 2222, 3128}]


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


def test_wrong_changes_undo_themselves_when_nobody_confirms_them(lab: Lab, door: Host, keep: Host) -> None:
    """All three ways in at once: the usual sshd, the rescue console's, and the firewall of the other host."""
    keep.sudo("(cat /etc/drawbridge/sshd.conf; echo AllowUsers nobody) > /run/wrong_sshd")
    keep.sudo("sed 's/^AllowUsers rescue/AllowUsers nobody/' /etc/ssh/sshd_rescue_config > /run/wrong_rescue_sshd")
    door.sudo("sed 's/tcp dport 22 accept/tcp dport 2202 accept/' /etc/drawbridge/firewall.nft > /run/wrong.nft")
    wrong = ((keep, "sshd", "/run/wrong_sshd"), (keep, "rescue-sshd", "/run/wrong_rescue_sshd"),
             (door, "firewall", "/run/wrong.nft"))  # fmt: skip
    for host, subject, candidate in wrong:
        apply = f"/usr/bin/python3 -m rescue.changes apply {subject} {candidate} --undo-after 10"
        host.sudo(f"systemd-run --quiet --collect --working-directory=/usr/local/lib/drawbridge {apply}")
    console = Console(lab)
    wait_until(lambda: not is_open(door, 22), timeout_s=10, what="the wrong firewall")
    wait_until(lambda: not lets_in(keep), timeout_s=10, what="the wrong sshd")
    wait_until(lambda: not console.works(), timeout_s=10, what="the wrong rescue sshd")
    wait_until(lambda: is_open(door, 22), timeout_s=30, what="the right firewall")
    wait_until(lambda: lets_in(keep), timeout_s=30, what="the right sshd")
    wait_until(console.works, timeout_s=30, what="the right rescue sshd")
    assert "tcp dport 2202" not in door.sudo("nft list table inet edge")
    assert "AllowUsers" not in keep.sudo("cat /etc/ssh/sshd_config.d/10-drawbridge.conf")
    assert "AllowUsers rescue" in keep.sudo("cat /etc/ssh/sshd_rescue_config")


def lets_in(host: Host) -> bool:
    return "in" in host.ssh("echo in", check=False).split()
