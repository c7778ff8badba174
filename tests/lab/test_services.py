"""Services under a real systemd: their sandbox, their restarts, and a reboot of both hosts."""

from __future__ import annotations

from functools import partial

import pytest

from tests.lab.host import Host
from tests.lab.lab import DOOR, KEEP, Lab
from tests.lab.shell import wait_until
from tests.lab.visitor import Visitor

UNITS = [
    (DOOR, "gateway@1"), (DOOR, "gateway@2"), (DOOR, "bans"), (DOOR, "rescue-helper"), (DOOR, "rescue-sshd"),
    (DOOR, "rescue-selftest"), (DOOR, "certificate"), (DOOR, "gateway-monitor"), (DOOR, "gateway-ddns"),
    (DOOR, "gateway-relay"),
    (KEEP, "agent"), (KEEP, "agent-migrate"), (KEEP, "bans"), (KEEP, "rescue-helper"), (KEEP, "rescue-sshd"),
    (KEEP, "backup"), (KEEP, "backup-drill"), (KEEP, "keys-rotate"), (KEEP, "audit-witness"),
]  # fmt: skip
RESTARTED = [
    (DOOR, "gateway@1"), (DOOR, "bans"), (DOOR, "rescue-sshd"), (DOOR, "nginx"), (KEEP, "agent"), (KEEP, "rescue-sshd"),
    (KEEP, "postgresql@{version}-drawbridge"), (DOOR, "gateway-monitor"), (DOOR, "gateway-ddns"),
    (DOOR, "gateway-relay"),
]  # fmt: skip
WATCHED = [
    (DOOR, "gateway@1"), (DOOR, "gateway@2"), (DOOR, "gateway-monitor"), (DOOR, "gateway-ddns"), (DOOR, "bans"),
    (DOOR, "gateway-relay"), (KEEP, "agent"), (KEEP, "bans"),
]  # fmt: skip
EXPOSURE_MAX = 15
"""Ten times systemd's score."""


def pid_of(host: Host, unit: str) -> str:
    return host.ssh(f"systemctl show -P MainPID {unit}").strip()


def is_active(host: Host, unit: str) -> bool:
    return host.ssh(f"systemctl is-active {unit}", check=False).strip() == "active"


def is_back(host: Host, unit: str, before: str) -> bool:
    """Say whether a unit runs as another process than ``before``."""
    return pid_of(host, unit) not in {before, "0"} and is_active(host, unit)


@pytest.mark.parametrize(("name", "unit"), UNITS)
def test_exposure_is_low_when_it_is_read_on_the_running_host(lab: Lab, name: str, unit: str) -> None:
    lab.hosts[name].sudo(f"systemd-analyze security --no-pager --threshold={EXPOSURE_MAX} {unit}")


@pytest.mark.parametrize(("name", "unit"), RESTARTED)
def test_service_is_back_when_it_was_killed(lab: Lab, name: str, unit: str, outside: Visitor) -> None:
    host = lab.hosts[name]
    unit = unit.format(version=host.ssh("ls /usr/lib/postgresql 2>/dev/null | tail -1").strip())
    before = pid_of(host, unit)
    host.sudo(f"kill -9 {before}")
    wait_until(partial(is_back, host, unit, before), timeout_s=40, what=f"{unit} again")
    wait_until(lambda: outside.ask("/health/ready").status == 200, timeout_s=40, what="the appliance")


def test_services_are_back_when_they_hung(lab: Lab, outside: Visitor) -> None:
    before = {}
    for name, unit in WATCHED:
        before[name, unit] = pid_of(lab.hosts[name], unit)
        lab.hosts[name].sudo(f"kill -STOP {before[name, unit]}")
    for (name, unit), pid in before.items():
        host = lab.hosts[name]
        wait_until(partial(is_back, host, unit, pid), timeout_s=60, what=f"{unit} again")
    wait_until(lambda: outside.ask("/health/ready").status == 200, timeout_s=40, what="the appliance")


def test_gateway_is_not_started_again_and_again_when_its_settings_are_wrong(door: Host, outside: Visitor) -> None:
    door.sudo("cp -p /etc/drawbridge/gateway.toml /run/gateway.toml; echo 'wrong = 1' > /etc/drawbridge/gateway.toml")
    try:
        door.sudo("systemctl restart gateway@1", check=False)
        assert door.ssh("systemctl show -P ExecMainStatus gateway@1").strip() == "78"
        for _ in range(5):
            assert outside.ask("/health").status == 200  # the other one answers
        assert int(door.ssh("systemctl show -P NRestarts gateway@1")) <= 1
    finally:
        door.sudo("cp -p /run/gateway.toml /etc/drawbridge/gateway.toml; systemctl restart gateway@1.socket gateway@1")
    assert is_active(door, "gateway@1")


@pytest.mark.story("health/US-BE-19.3")
def test_everything_is_back_when_both_hosts_rebooted(lab: Lab, outside: Visitor) -> None:
    lab.door.sudo("/usr/local/sbin/drawbridge-rescue bans add 11.22.33.77 600 --yes")
    lab.keep.reboot()
    lab.door.reboot()
    for host in (lab.keep, lab.door):
        host.wait(timeout_s=60)
    wait_until(lambda: outside.ask("/health/ready").status == 200, timeout_s=60, what="the appliance")
    for host in (lab.keep, lab.door):
        assert host.ssh("systemctl --failed --no-legend --plain") == ""
        assert "hook input" in host.sudo("nft list table inet edge")
    assert "11.22.33.77" in lab.door.sudo("nft list set inet edge ban4")
    lab.door.sudo("/usr/local/sbin/drawbridge-rescue bans remove 11.22.33.77 --yes")
