"""Each cut of the line gives its own diagnosis, one report raised and one cleared: the real monitor and network."""

from __future__ import annotations

import sys
import time
from typing import Final

import pytest

from tests.integration.gateway.connectivity.cuts import CUTS, Cut, Do, drop
from tests.integration.gateway.connectivity.post import EMAIL, is_told_in_the_log, mails, post, trusting
from tests.integration.gateway.connectivity.world import KEEP, ROUTER, World, monitoring, playing
from tests.namespaces import PROBE
from tests.waiting import until

pytestmark = pytest.mark.slow

DIAGNOSED_S: Final = 15.0
ALERTED_S: Final = 30.0


@pytest.mark.story("health/US-BE-10.4", "health/US-BE-46.4", "health/US-BE-20.1")
@pytest.mark.parametrize("cut", CUTS, ids=lambda cut: cut.name)
async def test_monitor_names_the_cut_and_tells_it_once_when_the_line_is_cut(world: World, cut: Cut) -> None:
    """``test_goals.py`` and ``make bench-monitor`` hold the same goals to the default periods."""
    cut.before(world)
    with (
        playing(world.router, sys.executable, "-I", "-S", str(PROBE), "listen", "8443"),
        monitoring(world.folder, world.box),
    ):
        await until(lambda: world.snapshot["state"] == "up", timeout_s=20)
        began = time.monotonic()
        cut.cut(world)
        await until(lambda: world.code == cut.code, timeout_s=DIAGNOSED_S)
        snapshot = world.snapshot
        assert snapshot["rung"] == cut.rung
        told = " ".join(snapshot["diagnosis"]["evidence"].values()) + " ".join(snapshot["diagnosis"]["evidence"])
        assert all(each in told for each in cut.evidence)
        left_s = began + ALERTED_S - time.monotonic()
        await until(lambda: is_told_in_the_log(world, f"line.{cut.code}"), timeout_s=left_s)
        cut.mend(world)
        await until(lambda: world.snapshot["state"] == "up" and world.code is None, timeout_s=20)
    assert world.told() == {(f"line.{cut.code}", "raised"): 1, (f"line.{cut.code}", "cleared"): 1}
    [outage] = world.snapshot["outages"]
    assert (outage["code"], outage["rung"]) == (cut.code, cut.rung)
    assert outage["began"] < outage["ended"]


@pytest.mark.story("health/US-BE-46.4")
async def test_monitor_tells_agent_and_gateway_apart_when_either_is_stopped(world: World) -> None:
    with monitoring(world.folder, world.box):
        await until(lambda: world.code == "agent_down", timeout_s=DIAGNOSED_S)
        with playing(world.router, sys.executable, "-I", "-S", str(PROBE), "listen", "8443"):
            await until(lambda: world.snapshot["state"] == "up", timeout_s=20)
            (world.folder / "gateway-1.sock").unlink()
            await until(lambda: world.code == "gateways_down", timeout_s=DIAGNOSED_S)


async def test_monitor_tells_flapping_once_when_the_cable_comes_and_goes(world: World) -> None:
    with (
        playing(world.router, sys.executable, "-I", "-S", str(PROBE), "listen", "8443"),
        monitoring(world.folder, world.box),
    ):
        await until(lambda: world.snapshot["state"] == "up", timeout_s=20)
        for _ in range(4):
            world.router.run("ip", "link", "set", "lan0", "down")
            await until(lambda: world.code == "cable_out", timeout_s=5)
            world.router.run("ip", "link", "set", "lan0", "up")
            await until(lambda: world.snapshot["state"] == "up", timeout_s=10)
        assert world.code == "line_flapping"
    assert world.told() == {
        ("line.cable_out", "raised"): 1, ("line.cable_out", "cleared"): 1,
        ("line.line_flapping", "raised"): 1, ("line.line_flapping", "cleared"): 0,
    }  # fmt: skip
    assert [each["code"] for each in world.snapshot["outages"]] == ["cable_out"] * 4


async def test_monitor_tells_flapping_once_when_the_keep_comes_and_goes(world: World) -> None:
    with (
        playing(world.router, sys.executable, "-I", "-S", str(PROBE), "listen", "8443"),
        monitoring(world.folder, world.box),
    ):
        await until(lambda: world.snapshot["state"] == "up", timeout_s=20)
        for _ in range(3):
            world.router.run("ip", "address", "del", f"{KEEP}/32", "dev", "lan0")
            await until(lambda: world.snapshot["rung"] == "bridge", timeout_s=DIAGNOSED_S)
            world.router.run("ip", "address", "add", f"{KEEP}/32", "dev", "lan0")
            await until(lambda: world.snapshot["state"] == "up", timeout_s=20)
        assert world.code == "keep_flapping"
        told = "The keep comes and goes: down 3 times within the hour"
        assert world.snapshot["diagnosis"]["summary"].startswith(told)
        await until(lambda: "line.keep_flapping" in {each["cause"] for each in world.snapshot["alerts"]}, timeout_s=20)
    assert world.told() == {
        ("line.keep_away", "raised"): 1, ("line.keep_away", "cleared"): 1,
        ("line.keep_flapping", "raised"): 1, ("line.keep_flapping", "cleared"): 0,
    }  # fmt: skip
    assert [each["code"] for each in world.snapshot["outages"]] == ["keep_away"] * 3


async def test_monitor_continues_the_outage_when_it_is_started_again_during_one(world: World) -> None:
    with playing(world.router, sys.executable, "-I", "-S", str(PROBE), "listen", "8443"):
        with monitoring(world.folder, world.box):
            await until(lambda: world.snapshot["state"] == "up", timeout_s=20)
            world.router.run("ip", "link", "set", "lan0", "down")
            await until(lambda: world.code == "cable_out", timeout_s=5)
        with monitoring(world.folder, world.box):
            await until(lambda: world.code == "cable_out", timeout_s=5)
            world.router.run("ip", "link", "set", "lan0", "up")
            await until(lambda: world.snapshot["state"] == "up", timeout_s=20)
    assert world.told() == {("line.cable_out", "raised"): 1, ("line.cable_out", "cleared"): 1}
    [outage] = world.snapshot["outages"]
    assert outage["ended"] is not None


@pytest.mark.parametrize(
    ("cut", "code"),
    [
        pytest.param(drop("router", "forward", "iifname lan0"), "upstream_black_hole", id="all beyond the router"),
        pytest.param(drop("internet", "input", "udp dport 53"), "dns_dead", id="the resolver alone"),
    ],
)
async def test_monitor_tells_a_cut_line_from_a_dead_resolver_when_it_is_started_during_the_outage(
    world: World, cut: tuple[Do, Do], code: str
) -> None:
    begin, end = cut
    with playing(world.router, sys.executable, "-I", "-S", str(PROBE), "listen", "8443"):
        with monitoring(world.folder, world.box):
            await until((world.folder / "targets.json").exists, timeout_s=20)
        begin(world)
        (world.folder / "status.json").unlink()
        with monitoring(world.folder, world.box):
            await until(lambda: world.code is not None, timeout_s=DIAGNOSED_S)
            assert world.code == code
            end(world)
            await until(lambda: world.snapshot["state"] == "up" and world.code is None, timeout_s=20)
    assert world.told() == {(f"line.{code}", "raised"): 1, (f"line.{code}", "cleared"): 1}


async def test_owner_is_mailed_with_the_length_of_the_outage_when_the_line_is_back(world: World) -> None:
    with (
        post(world),
        playing(world.router, sys.executable, "-I", "-S", str(PROBE), "listen", "8443"),
        monitoring(world.folder, world.box, command=(*trusting(world), sys.executable), email=EMAIL),
    ):
        await until(lambda: world.snapshot["state"] == "up", timeout_s=20)
        world.router.run("ip", "link", "set", "lan0", "down")
        await until(lambda: is_told_in_the_log(world, "line.cable_out"), timeout_s=ALERTED_S)
        assert mails(world.folder, "line.cable_out") == []
        world.router.run("ip", "link", "set", "lan0", "up")
        await until(lambda: any("It lasted 1" in text for text in mails(world.folder, "line.cable_out")), timeout_s=20)
    assert len(mails(world.folder, "line.cable_out")) <= 2, "that it began, and that it is over"


async def test_owner_is_mailed_once_with_the_length_when_the_monitor_is_killed_during_the_outage(world: World) -> None:
    command = (*trusting(world), sys.executable)
    with post(world), playing(world.router, sys.executable, "-I", "-S", str(PROBE), "listen", "8443"):
        with monitoring(world.folder, world.box, command=command, email=EMAIL) as process:
            await until(lambda: world.snapshot["state"] == "up", timeout_s=20)
            world.router.run("ip", "link", "set", "lan0", "down")
            await until(lambda: is_told_in_the_log(world, "line.cable_out"), timeout_s=ALERTED_S)
            process.kill()
            process.wait(5)
        (world.folder / "status.json").unlink()
        with monitoring(world.folder, world.box, command=command, email=EMAIL):
            await until(lambda: world.code == "cable_out", timeout_s=DIAGNOSED_S)
            await until(lambda: _has_failed(world), timeout_s=20)
            world.router.run("ip", "link", "set", "lan0", "up")
            await until(lambda: bool(mails(world.folder, "line.cable_out")), timeout_s=20)
    [mail] = mails(world.folder, "line.cable_out")
    assert "It lasted" in mail
    assert world.told() == {("line.cable_out", "raised"): 1, ("line.cable_out", "cleared"): 1}
    [outage] = world.snapshot["outages"]
    assert outage["began"] < outage["ended"]


def _has_failed(made: World) -> bool:
    """Say whether the monitor has tried to send a mail, and given up for now."""
    return '"alert_channel_failed"' in (made.folder / "monitor.log").read_text("utf-8")


async def test_monitor_finds_nothing_broken_when_the_router_answers_no_probe(world: World) -> None:
    cut, _ = drop("router", "input", f"ip daddr {ROUTER}")
    cut(world)
    with (
        playing(world.router, sys.executable, "-I", "-S", str(PROBE), "listen", "8443"),
        monitoring(world.folder, world.box),
    ):
        await until(lambda: world.snapshot["state"] == "up", timeout_s=20)
        [router] = [each for each in world.snapshot["rungs"] if each["name"] == "router"]
    assert (router["state"], router["evidence"]["answer"]) == ("up", "none")
    assert router["evidence"]["neighbour"] in {"reachable", "stale", "delay", "probe"}
    assert world.told() == {}
