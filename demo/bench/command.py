"""``python -m demo bench`` and ``python -m demo profile``."""

from __future__ import annotations

import argparse
import json
import os
import pstats
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter

from bridge.process.clock import SystemClock, utc
from demo.appliance import ROOT
from demo.bench import report
from demo.bench.chat import chat
from demo.bench.hold import hold, rush
from demo.bench.hop import Hop, Setting
from demo.bench.report import Conditions, Report
from demo.bench.revocation import revocation
from demo.bench.rounds import compare, profiled
from demo.bench.saturation import saturation
from demo.bench.sign_in import sign_in
from demo.bench.stage import Stage
from demo.bench.tokens import verification
from demo.bench.trail import trail
from demo.installation import LISTEN_HOST
from demo.processes import DemoError

_HOP_S: Final = 120.0
_SHOWN: Final = 30

Say = Callable[[str], None]

_ALONE: Final[Mapping[str, Callable[[Report, Stage, Say], Report]]] = {
    "audit": lambda known, stage, say: replace(known, trail=trail(stage, say)),
    "chat": lambda known, stage, say: replace(known, chat=chat(stage, say)),
    "revocation": lambda known, stage, say: replace(known, revocation=revocation(stage, say)),
    "saturation": lambda known, stage, say: replace(known, saturation=saturation(stage, say)),
    "sign-in": lambda known, stage, say: replace(known, sign_in=sign_in(stage, say)),
    "tokens": lambda known, _stage, say: replace(known, verification=verification(say)),
}


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the two commands."""
    bench = commands.add_parser("bench", help="measure against bare floors, into docs/performance.md")
    bench.add_argument("--rounds", type=int, default=7, help="how often everything is measured (7)")
    bench.add_argument("--seconds", type=float, default=3.0, help="how long each measurement takes (3)")
    bench.add_argument("--minutes", type=float, default=5.0, help="how long a hundred people ask (5)")
    bench.add_argument("--only", choices=tuple(_ALONE), help="measure that alone, and keep the other figures")
    bench.add_argument("--dry", action="store_true", help="print the tables, and write nothing")
    profile = commands.add_parser("profile", help="say where gateway and agent spend their time")
    profile.add_argument("--seconds", type=float, default=5.0, help="how long they are watched (5)")
    profile.add_argument("--sort", choices=("tottime", "cumtime"), default="tottime", help="own time, or all in all")


def bench(arguments: argparse.Namespace, say: Say) -> None:
    """Measure, and write ``docs/performance.json`` and the tables of ``docs/performance.md``. Raises DemoError."""
    found = _everything(arguments, say) if arguments.only is None else _alone(arguments.only, say)
    if arguments.dry:
        print(report.tables(found))
        return
    report.write(found)
    say(f"wrote {report.RESULTS.relative_to(ROOT)} and {report.PAGE.relative_to(ROOT)}")


def _alone(what: str, say: Say) -> Report:
    with Stage() as stage:
        stage.start()
        return _ALONE[what](report.read(), stage, say)


def _everything(arguments: argparse.Namespace, say: Say) -> Report:
    clock = SystemClock()
    with Stage() as stage:
        stage.start()
        comparison = compare(stage, rounds=arguments.rounds, seconds=arguments.seconds, say=say)
        say("what the bridge adds")
        hop = _hop(stage)
        held = hold(stage, seconds=arguments.minutes * 60, say=say)
        rushed = rush(stage, say)
        chatted = chat(stage, say)
        verified = trail(stage, say)
        checked, revoked = verification(say), revocation(stage, say)
        saturated = saturation(stage, say)
        refused = sign_in(stage, say)
    date = utc(clock.time()).date().isoformat()
    conditions = Conditions.here(date, arguments.rounds, arguments.seconds)
    return Report(conditions, comparison, hop, held, rushed, chatted, verified, refused, checked, revoked, saturated)


def profile(arguments: argparse.Namespace, say: Say) -> None:
    """Print what takes gateway and agent most time, for cached and for uncached lists. Raises DemoError."""
    with tempfile.TemporaryDirectory(prefix="drawbridge-profile-") as name:
        folder = Path(name)
        with Stage(profile_into=folder) as stage:
            stage.start()
            profiled(stage, arguments.seconds, say)
            stage.stop_agent()
        for each in ("cached", "uncached", "agent"):
            print(f"\n{each}")
            pstats.Stats(str(folder / f"{each}.prof")).sort_stats(arguments.sort).print_stats(_SHOWN)


def _hop(stage: Stage) -> Hop:
    gateway = stage.gateway("gateway", {})
    user = stage.sign_in(gateway)[0]
    stage.stop(gateway)
    setting = Setting(LISTEN_HOST, stage.agent_port, stage.gateway_folder, user.token, stage.logins.source, user.person)
    process = subprocess.Popen(
        [sys.executable, "-m", "demo.bench.hop"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.sched_setaffinity(process.pid, stage.door_cpus)
    output, errors = process.communicate(json.dumps(asdict(setting), default=str), timeout=_HOP_S)
    if process.returncode != 0:
        msg = f"measuring the bridge failed: {errors.strip()}"
        raise DemoError(msg)
    return TypeAdapter(Hop).validate_json(output)
