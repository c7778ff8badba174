"""What ``python -m gateway monitor …`` does: the service, what it sees, and one pass over the ladder by hand."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Mapping
from typing import Any, Final, NoReturn, TextIO

from bridge.process.clock import Clock
from gateway.connectivity.config import Config
from gateway.connectivity.diagnosis import Diagnosis, diagnose
from gateway.connectivity.earlier_answers import EarlierAnswers
from gateway.connectivity.findings import KEEP, LINE, Finding, Rung
from gateway.connectivity.line import Line
from gateway.connectivity.netlink import dump_network
from gateway.connectivity.runner import climb
from gateway.connectivity.small_files import read_object

SECTIONS: Final = ("alerts", "bridge", "connectivity", "log", "watches")
"""What the lean process is given of the settings."""
STALE_S: Final = 60.0


def run(options: argparse.Namespace, settings: bytes, *, clock: Clock, out: TextIO) -> int:
    """Do what ``options`` say, and return the exit code. ``settings`` is the :data:`SECTIONS` as JSON."""
    if options.monitor == "serve":
        become_monitor(settings)
    config = Config.from_json(json.loads(settings))
    if options.monitor == "status":
        return status(config, as_json=options.json, clock=clock, out=out)
    return check(config, as_json=options.json, clock=clock, out=out)


def become_monitor(settings: bytes) -> NoReturn:
    """Become the lean process, which gets ``settings`` by an inherited descriptor; systemd sees the same process."""
    descriptor = os.memfd_create("settings", 0)  # without MFD_CLOEXEC
    os.write(descriptor, settings)
    os.lseek(descriptor, 0, os.SEEK_SET)
    command = [sys.executable, "-m", "gateway.monitor", str(descriptor)]
    os.execv(sys.executable, command)  # noqa: S606 - this very interpreter, and a module of ours


def status(config: Config, *, as_json: bool, clock: Clock, out: TextIO) -> int:
    """Print the running monitor's snapshot. Returns 1 where none is running."""
    snapshot = read_object(config.status)
    at = snapshot.get("at") if snapshot else None
    if snapshot is None or not isinstance(at, int | float) or clock.time() - at > STALE_S:
        out.write(f"The monitor is not running: {config.status} is {'old' if snapshot else 'not there'}.\n")
        return 1
    if as_json:
        out.write(json.dumps(snapshot, ensure_ascii=False, indent=2) + "\n")
        return 0
    out.writelines(f"{each['name']:<9} {each['state']:<8} {each['summary']}\n" for each in snapshot["rungs"])
    diagnosis = snapshot["diagnosis"]
    out.write(f"{diagnosis['summary'] if diagnosis else 'Nothing is known to be broken.'}\n")
    return 0


def check(config: Config, *, as_json: bool, clock: Clock, out: TextIO) -> int:
    """Look at every rung once, and print what was found; 1 where one is broken. One look, so no hysteresis."""
    found, diagnoses = asyncio.run(_look(config, clock))
    if as_json:
        value = {
            "rungs": [_as_dict(rung, *found[rung]) for rung in found],
            "diagnoses": [{"code": each.code, "summary": each.summary} for each in diagnoses],
        }
        out.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")
    else:
        for rung in (*LINE, *KEEP):
            finding, took_ms = found.get(rung, (None, 0.0))
            if finding is None:
                out.write(f"{rung.value:<9} {'—':<8} not looked at while what carries it is broken\n")
                continue
            out.write(f"{rung.value:<9} {finding.state:<8} {finding.summary} ({took_ms:.0f} ms)\n")
            out.writelines(f"{'':<18} {name}: {value}\n" for name, value in finding.evidence.items())
        out.writelines(f"{each.summary}\n" for each in diagnoses)
    return 1 if diagnoses else 0


async def _look(config: Config, clock: Clock) -> tuple[dict[Rung, tuple[Finding, float]], list[Diagnosis]]:
    earlier = EarlierAnswers.beside(config.journal, clock).read(config.targets)
    line = Line(config, clock, dump_network(), target_addresses=earlier)
    found: dict[Rung, tuple[Finding, float]] = {}
    for branch in (LINE, KEEP):
        await climb(line, branch, lambda rung, finding, took_ms: found.update({rung: (finding, took_ms)}))
    broken = [(rung, finding) for rung, (finding, _) in found.items() if finding.state == "down"]
    return found, [diagnose(rung, finding, since=clock.time()) for rung, finding in broken]


def _as_dict(rung: Rung, finding: Finding, took_ms: float) -> Mapping[str, Any]:
    return {
        "name": rung.value, "state": finding.state, "took_ms": round(took_ms, 1), "summary": finding.summary,
        "evidence": dict(finding.evidence), "code": finding.code or None,
    }  # fmt: skip
