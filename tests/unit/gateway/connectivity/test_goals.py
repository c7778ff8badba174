"""Whatever is cut, and whenever: it is diagnosed right within 15 s and told within 30, with the default periods.

The real runner, checks, ladder and alerts, in simulated time.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from gateway.alerts.report import Inbox, Report
from gateway.alerts.service import Alerts
from gateway.alerts.settings import Settings as AlertSettings
from gateway.connectivity.config import Config
from gateway.connectivity.journal import Journal
from gateway.connectivity.reports import LineReport
from gateway.connectivity.runner import Runner
from gateway.connectivity.verbs import SECTIONS
from gateway.connectivity.watch import Watch
from gateway.settings import GatewaySettings
from gateway.settings.plain import as_json
from tests.integration.gateway.connectivity.cuts import CUTS, Cut
from tests.integration.gateway.connectivity.world import KEEP, RESOLVER
from tests.unit.gateway.connectivity.simulated import LoopClock, Outside, SimulatedLoop

DIAGNOSED_S: Final = 15.0
ALERTED_S: Final = 30.0
WELL_S: Final = 14.0
"""So long all is well before: longer than the longest period."""
PHASES_S: Final = tuple(number * 1.09 for number in range(10))
"""At different times between two looks: they cover the longest period."""
LOOK_S: Final = 0.2


def _set(**changed: object) -> Callable[[Outside], None]:
    def cut(outside: Outside) -> None:
        for name, value in changed.items():
            assert hasattr(outside, name)
            setattr(outside, name, value)
        outside.change()

    return cut


def _gone(outside: Outside) -> None:
    outside.router_gone_at = outside.clock.monotonic()


SIMULATED: Final[dict[str, Callable[[Outside], None]]] = {
    "cable out": _set(carrier=False),
    "interface down": _set(is_up=False),
    "address lost": _set(address=False),
    "route lost": _set(route=False),
    "router gone": _gone,
    "silent router gone": _gone,
    "DNS dead": _set(resolver="silent"),
    "DNS refused": _set(resolver="refused"),
    "DNS lying": _set(resolver="lying"),
    "captive portal": _set(tls="foreign", portal="http://portal.lan/sign-in"),
    "clock wrong": _set(tls="expired"),
    "upstream black hole": _set(tcp="silent"),
    "large packets lost": _set(tls="silent"),
    "HTTPS refused": _set(tcp="refused"),
    "name elsewhere": _set(published="198.51.100.99"),
    "name missing": _set(published=""),
    "port closed": _set(port="silent"),
    "keep away": _set(keep="silent"),
    "agent down": _set(keep="refused"),
    "bridge refused": _set(bridge="down"),
    "gateways down": _set(gateways="gone"),
    "gateways hang": _set(gateways="hanging"),
    "database down": _set(database="down"),
}


def test_every_cut_of_the_real_line_is_simulated_too() -> None:
    assert SIMULATED.keys() == {cut.name for cut in CUTS}


@pytest.mark.parametrize("cut", CUTS, ids=lambda cut: cut.name)
def test_cut_is_diagnosed_and_told_in_time_whenever_it_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut: Cut
) -> None:
    for phase_s in PHASES_S:
        folder = tmp_path / f"{phase_s:.2f}"
        folder.mkdir()
        with asyncio.Runner(loop_factory=SimulatedLoop) as loop:
            diagnosed_s, told_s = loop.run(_play(folder, monkeypatch, cut, phase_s))
        assert diagnosed_s <= DIAGNOSED_S, f"diagnosed after {diagnosed_s:.1f} s, cut at {phase_s:.2f}"
        assert told_s <= ALERTED_S, f"told after {told_s:.1f} s, cut at {phase_s:.2f}"


async def _play(folder: Path, monkeypatch: pytest.MonkeyPatch, cut: Cut, phase_s: float) -> tuple[float, float]:
    """Return the seconds from the cut to its diagnosis, and to its alert."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, SimulatedLoop)
    clock = LoopClock(loop)
    outside = Outside(clock)
    outside.put_in_place(monkeypatch)
    if cut.name == "silent router gone":
        outside.router = "silent"
    inbox = folder / "inbox"
    inbox.mkdir()
    sections = {
        "connectivity": {
            "resolvers": [RESOLVER], "ddns_status": _published(folder, clock), "mirror": "https://mirror.example.org/",
            "status": folder / "status.json", "journal": folder / "outages.jsonl",
        },
        "bridge": {"host": KEEP, "port": 8443}, "alerts": {"inbox": inbox, "book": folder / "alerts.json"},
    }  # fmt: skip
    plain = json.loads(as_json(GatewaySettings.model_validate(sections), SECTIONS))
    box = Inbox(inbox)

    def emit(report: LineReport) -> None:
        assert box.report(Report(**{slot: getattr(report, slot) for slot in LineReport.__slots__}))

    watch = Watch(clock=clock, journal=Journal(folder / "outages.jsonl"), emit=emit)
    alerts = Alerts(AlertSettings.of(plain["alerts"]), clock, channels=[])
    async with asyncio.TaskGroup() as group:
        parts = [group.create_task(each) for each in (
            Runner(Config.from_json(plain), clock=clock, watch=watch).run(), alerts.run(),
        )]  # fmt: skip
        await asyncio.sleep(WELL_S + phase_s)
        assert watch.snapshot()["state"] == "up", watch.snapshot()["rungs"]
        assert watch.diagnosis is None
        began = loop.time()
        SIMULATED[cut.name](outside)
        while watch.diagnosis is None or watch.diagnosis.code != cut.code:
            await asyncio.sleep(LOOK_S)
            assert loop.time() - began < 60, watch.snapshot()["diagnosis"]
        diagnosed_s = loop.time() - began
        while not any(
            each["cause"] == f"line.{cut.code}" and each["delivered"]["journal"] for each in alerts.snapshot()
        ):
            await asyncio.sleep(LOOK_S)
            assert loop.time() - began < 60, alerts.snapshot()
        told_s = loop.time() - began
        for part in parts:
            part.cancel()
    return diagnosed_s, told_s


def _published(folder: Path, clock: LoopClock) -> Path:
    path = folder / "ddns.json"
    status = {
        "at": clock.time(), "addresses": {"ipv4": {"value": "198.51.100.7", "state": "public"}},
        "names": [{"name": "box.example.org", "family": "ipv4", "state": "current"}],
    }  # fmt: skip
    path.write_text(json.dumps(status), "utf-8")
    return path
