"""The box is found from the Internet: its name follows its address, and the router maps its ports."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.lab import network
from tests.lab.host import Host
from tests.lab.lab import Lab
from tests.lab.network import OUTSIDE
from tests.lab.report import note
from tests.lab.shell import wait_until
from tests.lab.visitor import Visitor

MOVED = "11.22.33.2"


def ddns(door: Host) -> dict[str, Any]:
    status: dict[str, Any] = json.loads(door.at_the_console("cat", "/run/drawbridge/ddns/status.json"))
    return status


def is_published(lab: Lab, address: str) -> bool:
    (name,) = ddns(lab.door)["names"]
    return (lab.internet.published(), name["published"], name["state"]) == (address, address, "current")


def test_name_follows_when_the_router_gets_another_address(lab: Lab, outside: Visitor) -> None:
    wait_until(lambda: is_published(lab, OUTSIDE), timeout_s=60, what="the first address at the name server")
    with network.readdressed(MOVED):
        took_s = wait_until(lambda: is_published(lab, MOVED), timeout_s=30, what="the new address")
        assert replace(outside, address=MOVED).ask("/health").status == 200
    note(f"the router's new address: at the name server after {took_s:.1f} s")
    wait_until(lambda: is_published(lab, OUTSIDE), timeout_s=30, what="the old address")


@pytest.mark.story("health/US-BE-17.4")
def test_site_is_reached_when_the_router_was_never_set_up_by_hand(lab: Lab, outside: Visitor) -> None:
    with network.without_forwarding(lab.door.address):
        assert lab.router.mapped() == {80, 443}
        assert outside.ask("/health").status == 200
        lab.router.restart()
        assert lab.router.mapped() == set()
        wait_until(lambda: lab.router.mapped() == {80, 443}, timeout_s=60, what="the ports after the router's restart")
        assert outside.ask("/health").status == 200
    shown = lab.door.sudo("drawbridge ddns ports")
    assert "443" in shown
    assert "mapped" in shown
