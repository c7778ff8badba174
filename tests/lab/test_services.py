"""Services under a real systemd: their sandbox, their restarts, and a reboot of both hosts."""

from __future__ import annotations

import json
import time
from functools import partial

import pytest

from tests.lab.host import Host
from tests.lab.lab import DOOR, KEEP, Lab
from tests.lab.report import note
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
    (DOOR, "gateway@1"), (DOOR, "gateway@2"), (DOOR, "bans"), (DOOR, "rescue-sshd"), (DOOR, "nginx"),
    (DOOR, "gateway-monitor"), (DOOR, "gateway-ddns"), (DOOR, "gateway-relay"), (KEEP, "agent"), (KEEP, "bans"),
    (KEEP, "rescue-sshd"), (KEEP, "postgresql@{version}-drawbridge"),
]  # fmt: skip
WATCHED = [
    (DOOR, "gateway@1"), (DOOR, "gateway@2"), (DOOR, "gateway-monitor"), (DOOR, "gateway-ddns"), (DOOR, "bans"),
    (DOOR, "gateway-relay"), (KEEP, "agent"), (KEEP, "bans"),
]  # fmt: skip
DOORS_OWN = ["gateway@1", "gateway-monitor", "gateway-ddns", "gateway-relay"]
"""What reads the door's settings; the other gateway is left alone."""
STOPPED = "9d1aaa27d60140bd96365438aad20286"
"""systemd's own number of the message that a unit has stopped."""
BACK_S = 60.0
EXPOSURE_MAX = 15
"""Ten times systemd's score."""


def pid_of(host: Host, unit: str) -> str:
    return host.sudo(f"systemctl show -P MainPID {unit}").strip()


def is_active(host: Host, unit: str) -> bool:
    return host.sudo(f"systemctl is-active {unit}", check=False).strip() == "active"


def is_back(host: Host, unit: str, before: str) -> bool:
    """Say whether a unit runs as another process than ``before``."""
    return pid_of(host, unit) not in {before, "0"} and is_active(host, unit)


@pytest.mark.parametrize(("name", "unit"), UNITS)
def test_exposure_is_low_when_it_is_read_on_the_running_host(lab: Lab, name: str, unit: str) -> None:
    lab.hosts[name].sudo(f"systemd-analyze security --no-pager --threshold={EXPOSURE_MAX} {unit}")


@pytest.mark.parametrize("name", [DOOR, KEEP])
def test_services_are_back_when_they_were_killed(lab: Lab, name: str, outside: Visitor) -> None:
    """All of a host at once: each is back by itself, for no other one brings it."""
    host = lab.hosts[name]
    version = host.sudo("ls /usr/lib/postgresql 2>/dev/null | tail -1").strip()
    units = [unit.format(version=version) for place, unit in RESTARTED if place == name]
    before = {unit: pid_of(host, unit) for unit in units}
    assert "0" not in before.values()
    host.sudo(f"kill -9 {' '.join(before.values())}")
    for unit, pid in before.items():
        wait_until(partial(is_back, host, unit, pid), timeout_s=40, what=f"{unit} again")
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


def test_nothing_is_started_again_and_again_when_its_settings_are_wrong(lab: Lab, outside: Visitor) -> None:
    wrong = [(lab.door, "gateway.toml", unit) for unit in DOORS_OWN] + [(lab.keep, "agent.toml", "agent")]
    for host, file, _ in wrong:
        host.sudo(f"cp -pn /etc/drawbridge/{file} /run/{file}; echo 'wrong = 1' > /etc/drawbridge/{file}")
    try:
        for host, _, unit in wrong:
            host.sudo(f"systemctl restart {unit}", check=False)
            assert host.sudo(f"systemctl show -P ExecMainStatus {unit}").strip() == "78", unit
        for _ in range(5):
            assert outside.ask("/health").status == 200  # the other gateway answers
        for host, _, unit in wrong:
            assert int(host.sudo(f"systemctl show -P NRestarts {unit}")) <= 1, unit
    finally:
        for host, file, _ in wrong:
            host.sudo(f"if [ -e /run/{file} ]; then mv /run/{file} /etc/drawbridge/{file}; fi")
        for host, _, unit in wrong:
            host.sudo(f"systemctl reset-failed {unit}; systemctl restart {unit}")
        lab.door.sudo("systemctl restart gateway@1.socket gateway@1")
    wait_until(lambda: outside.ask("/health/ready").status == 200, timeout_s=40, what="the appliance")
    assert [unit for host, _, unit in wrong if not is_active(host, unit)] == []


@pytest.mark.story("health/US-BE-19.3")
def test_everything_is_back_when_both_hosts_rebooted(lab: Lab, outside: Visitor) -> None:
    lab.door.sudo("/usr/local/sbin/drawbridge-rescue bans add 11.22.33.77 600 --yes")
    lab.keep.reboot()
    lab.door.reboot()
    down = time.monotonic()
    for host in (lab.keep, lab.door):
        host.wait(timeout_s=BACK_S - (time.monotonic() - down))
    back = BACK_S - (time.monotonic() - down)
    wait_until(lambda: outside.ask("/health/ready").status == 200, timeout_s=back, what="the appliance")
    note(f"both hosts rebooted: everything back {time.monotonic() - down:.1f} s after the second one went down")
    for host in (lab.keep, lab.door):
        assert host.sudo("systemctl --failed --no-legend --plain") == ""
        assert "hook input" in host.sudo("nft list table inet edge")
    assert "11.22.33.77" in lab.door.sudo("nft list set inet edge ban4")
    lab.door.sudo("/usr/local/sbin/drawbridge-rescue bans remove 11.22.33.77 --yes")
    keeps, doors = stops(lab.keep), stops(lab.door)
    assert keeps["agent.service"] < next(place for unit, place in keeps.items() if unit.endswith("-drawbridge.service"))
    assert doors["nginx.service"] < min(doors["gateway@1.service"], doors["gateway@2.service"])


def stops(host: Host) -> dict[str, int]:
    """Return where in the order of the last shutdown each unit had stopped."""
    told = host.sudo(f"journalctl -b -1 -o json --no-pager _PID=1 MESSAGE_ID={STOPPED}").splitlines()
    return {json.loads(line)["UNIT"]: place for place, line in enumerate(told)}
