"""``make bench-monitor``: what watching costs, and how soon each cut is diagnosed and told; printed as Markdown.

Memory is PSS: run it where nothing else of Debian's Python runs, which would share some of it.

The monitor is the real process with the default periods, watches and alerts on, and the environment of its unit. Its
gateways give metrics as long as a busy gateway's; a mail server on the Internet takes the alerts.

It ends with exit code 1 when a cut missed a goal: its diagnosis after 15 s, or its alert after 30 s.

``--minutes N`` (60) measures the cost over N minutes in which all is well, and the memory once every cut was told after
that; ``--cuts N`` (2) plays each cut N times, each time for a monitor that knows nothing of the others.
"""

# ruff: noqa: T201 - it prints

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from prometheus_client import CollectorRegistry, generate_latest

from gateway.settings import GatewaySettings
from gateway.web.metrics import RequestDurations
from tests import watch_facts
from tests.integration.gateway.connectivity.cuts import CUTS, Cut
from tests.integration.gateway.connectivity.post import EMAIL, is_told_in_the_log, mails, post, trusting
from tests.integration.gateway.connectivity.world import KEEP, ROOT, World, monitoring, playing, world
from tests.namespaces import PROBE
from tests.waiting import until

PYTHON: Final = Path("/usr/bin/python3")
"""Debian's own, as on the Pis."""
UNIT: Final = ROOT / "systemd" / "door" / "gateway-monitor.service"

DIAGNOSED_S: Final = 15.0
ALERTED_S: Final = 30.0

_SETTLED_S: Final = 60.0
_TOLD_S: Final = 60.0
_UP_S: Final = 60.0
_PHASES_S: Final = (3.3, 5.9, 4.5, 7.2)
"""After all was well, so that the cut comes at different times between two looks."""


@dataclass(frozen=True)
class Weight:
    """What a process weighs and has used."""

    pss_mb: float
    cpu_s: float

    @classmethod
    def of(cls, pid: int) -> Weight:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii")
        fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
        own_ticks = sum(map(int, fields[11:13]))  # utime, stime: proc_pid_stat(5)
        children_ticks = sum(map(int, fields[13:15]))
        ticks = os.sysconf("SC_CLK_TCK")
        return cls(_pss_mb(rollup), (own_ticks + children_ticks) / ticks)


@dataclass(frozen=True)
class Told:
    """Seconds from a cut to its diagnosis, its alert in the log, its mail; and from the mending to "up"."""

    diagnosed_s: float
    logged_s: float
    mailed_s: float | None
    mailed_after_s: float | None
    """Where no mail could leave during the cut: seconds from the mending."""
    up_s: float


def _pss_mb(rollup: str) -> float:
    found = re.search(r"^Pss: +(\d+) kB", rollup, re.MULTILINE)
    assert found is not None
    return int(found[1]) / 1024


def _bare_mb() -> float:
    command = [str(PYTHON), "-c", "print(open('/proc/self/smaps_rollup').read())"]
    said = [subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(5)]
    return sorted(map(_pss_mb, said))[2]


def _environment() -> list[str]:
    """Return what the unit sets in the environment."""
    return re.findall(r"^Environment=(.+)$", UNIT.read_text("utf-8"), re.MULTILINE)


def _busy_metrics() -> bytes:
    """Return the request histograms of a gateway that has answered every route in several ways."""
    registry = CollectorRegistry()
    durations = RequestDurations(registry)
    described = json.loads((ROOT / "gateway" / "web" / "openapi.json").read_text("utf-8"))
    for route in described["paths"]:
        for status, outcome in ((200, "ok"), (401, "unauthenticated"), (503, "unreachable")):
            durations.observe(route, status, outcome, 0.01)
    return generate_latest(registry)


@contextmanager
def _furnished() -> Iterator[World]:
    """Make a world with a mail server, and gateways that tell of themselves and of the keep."""
    with tempfile.TemporaryDirectory(prefix="drawbridge-monitor-") as name, world(Path(name)) as made:
        folder = made.folder
        (folder / "metrics").write_bytes(_busy_metrics())
        report: Mapping[str, Any] = {
            "host": asdict(watch_facts.host("keep", at=time.time())), "backup": None, "certificates": [], "events": [],
        }  # fmt: skip
        (folder / "keep").write_text(json.dumps(report), "utf-8")
        made.play(made.box, "door", str(folder / "gateway-2.sock"), KEEP, "8443")
        with post(made), playing(made.router, sys.executable, "-I", "-S", str(PROBE), "listen", "8443"):
            yield made


@contextmanager
def _watching(made: World) -> Iterator[subprocess.Popen[str]]:
    """Run the monitor as its unit does, with the default periods, until the end."""
    defaults = GatewaySettings().connectivity
    periods = {name: getattr(defaults, name) for name in type(defaults).model_fields if name.endswith("every_s")}
    command = (*trusting(made), *_environment(), str(PYTHON))
    sockets = tuple(made.folder / f"gateway-{number}.sock" for number in (1, 2))
    with monitoring(made.folder, made.box, command=command, email=EMAIL, gateway_sockets=sockets, **periods) as process:
        yield process


@contextmanager
def _prepared(made: World, cut: Cut) -> Iterator[None]:
    cut.before(made)
    yield


def _is_well(made: World) -> bool:
    return made.snapshot["state"] == "up" and made.code is None


def _is_mailed(made: World, cause: str) -> bool:
    return bool(mails(made.folder, cause))


async def _since(began: float, what: str, condition: Callable[[], bool], timeout_s: float) -> float:
    try:
        await until(condition, timeout_s=timeout_s)
    except TimeoutError as error:
        msg = f"{what}: not within {timeout_s:.0f} s"
        raise TimeoutError(msg) from error
    return time.monotonic() - began


async def _play(made: World, cut: Cut) -> Told:
    cause = f"line.{cut.code}"
    began = time.monotonic()
    cut.cut(made)
    diagnosed_s = await _since(began, cause, lambda: made.code == cut.code, _TOLD_S)
    logged_s = await _since(began, f"{cause} logged", lambda: is_told_in_the_log(made, cause), _TOLD_S)
    mailed_s = mailed_after_s = None
    with suppress(TimeoutError):
        mailed_s = await _since(began, f"{cause} mailed", lambda: _is_mailed(made, cause), max(1.0, 35.0 - logged_s))
    mended = time.monotonic()
    cut.mend(made)
    up_s = await _since(mended, f"up after {cause}", lambda: _is_well(made), _UP_S)
    if mailed_s is None:
        mailed_after_s = await _since(mended, f"{cause} mailed", lambda: _is_mailed(made, cause), _TOLD_S)
    return Told(diagnosed_s, logged_s, mailed_s, mailed_after_s, up_s)


async def cost(minutes: float) -> None:
    """Print what the monitor costs while all is well, and what it weighs once it has told of every cut."""
    bare_mb = _bare_mb()
    with _furnished() as made, _watching(made) as process:
        await until(lambda: _is_well(made), timeout_s=_UP_S)
        await asyncio.sleep(_SETTLED_S)
        before = Weight.of(process.pid)
        began = time.monotonic()
        await asyncio.sleep(minutes * 60)
        after, passed_s = Weight.of(process.pid), time.monotonic() - began
        share = 100 * (after.cpu_s - before.cpu_s) / passed_s
        size = len((made.folder / "metrics").read_bytes())
        print(f"metrics of each of 2 gateways: {size / 1e3:.0f} kB; a bare interpreter: {bare_mb:.1f} MB")
        print(f"| over {passed_s / 60:.0f} minutes | {share:.2f} % of a core, its children's time too |")
        print(f"| memory (PSS) above bare, at the beginning | {before.pss_mb - bare_mb:.1f} MB |")
        print(f"| memory (PSS) above bare, at the end | {after.pss_mb - bare_mb:.1f} MB |", flush=True)
        kinds = {cut.code: cut for cut in CUTS}  # a cause is told once an hour
        for cut in kinds.values():
            await _play(made, cut)
        last_mb = Weight.of(process.pid).pss_mb - bare_mb
        print(f"| memory (PSS) above bare, after {len(kinds)} kinds of outage | {last_mb:.1f} MB |", flush=True)


async def cuts(rounds: int, chosen: list[str]) -> list[str]:
    """Print how soon each cut is diagnosed and told, the slowest of ``rounds``; return those that missed a goal."""
    late: list[str] = []
    print("| cut | diagnosed | told in the log | mailed | up again |\n|---|---|---|---|---|")
    for cut in CUTS:
        if chosen and cut.code not in chosen:
            continue
        told: list[Told] = []
        for number in range(rounds):
            with _furnished() as made, _prepared(made, cut), _watching(made):
                await until(lambda made=made: _is_well(made), timeout_s=_UP_S)  # type: ignore[misc]
                await asyncio.sleep(_PHASES_S[number % len(_PHASES_S)])
                told.append(await _play(made, cut))
        print(_row(cut, told), flush=True)
        if any(each.diagnosed_s > DIAGNOSED_S or each.logged_s > ALERTED_S for each in told):
            late.append(cut.name)
    return late


def _row(cut: Cut, told: list[Told]) -> str:
    late = [each.mailed_after_s for each in told if each.mailed_after_s is not None]
    mailed = [each.mailed_s for each in told if each.mailed_s is not None]
    said = f"{max(mailed):.1f}" if mailed and not late else f"{max(late):.1f} after the mending"
    diagnosed, logged, up = (max(getattr(each, name) for each in told) for name in ("diagnosed_s", "logged_s", "up_s"))
    return f"| {cut.name} | {diagnosed:.1f} | {logged:.1f} | {said} | {up:.1f} |"


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench-monitor", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0, help="how long the cost is measured; 0: not at all")
    parser.add_argument("--cuts", type=int, default=2, help="how often each cut is played; 0: not at all")
    parser.add_argument("--only", nargs="*", default=[], metavar="CODE", help="these cuts alone")
    options = parser.parse_args()
    if options.minutes:
        asyncio.run(cost(options.minutes))
    if options.cuts and (late := asyncio.run(cuts(options.cuts, options.only))):
        sys.exit(f"too late: {', '.join(late)}")


if __name__ == "__main__":
    main()
