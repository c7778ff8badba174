"""The chat: how long a message takes to be read, and an answer to come while sixteen people ask.

No record and no figure is ever fresh, so that each question goes over the bridge to PostgreSQL. The names of a person's
symptoms, which every question is read with, are kept for 30 s as shipped; a last run does not keep them either.

People ask at the pace that the limits as shipped let them, 60 questions a minute each; then without a pause and with
the limits raised, which no people can, to find what limits.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from pydantic import TypeAdapter

from demo.appliance import ROOT
from demo.bench.load import Client, Latencies, Plan, Result
from demo.bench.stage import Stage
from demo.bench.understanding import Understanding
from demo.processes import DemoError

PEOPLE: Final = 16
_ASK_S: Final = 15.0
_PAUSE_S: Final = (0.8, 1.4)
_PACED_S: Final = 45.0
_WARM_S: Final = 3.0
_READ_S: Final = 120.0


def _never_fresh(*operations: str) -> dict[str, str]:
    ages = ("FRESH", "STALE_WHILE_REVALIDATE")
    return {f"BRIDGE__CACHE__SYMPTOMS_{operation}__{age}_S": "0" for operation in operations for age in ages}


_QUESTIONS: Final = (
    "How often did I have a headache this month?",
    "Show my symptoms of last week",
    "When did I last have insomnia?",
    "How bad was my back pain on average this year?",
    "Are my headaches getting worse?",
    "Compare headaches in March with February",
    "Which symptom do I have most often?",
    "worst migraine ever",
)


@dataclass(frozen=True, slots=True)
class Chat:
    """``answers``: whole ``POST /api/v1/chat``, ``people`` asking within their limits.

    ``rush``, of which there were ``rush_per_s``: the same people without a pause; ``bare``: and the names uncached.
    """

    understanding: Understanding
    people: int
    answers: Latencies
    rush_per_s: float
    rush: Latencies
    bare: Latencies
    errors: dict[str, int]


def chat(stage: Stage, say: Callable[[str], None]) -> Chat:
    """Measure all of it. Raises DemoError."""
    say("reading questions")
    understanding = _understanding()
    asking = _answered(stage, _never_fresh("LIST", "STATS"), say, is_paced=True)
    rush = _answered(stage, _never_fresh("LIST", "STATS"), say)
    bare = _answered(stage, _never_fresh("LIST", "STATS", "NAMES"), say)
    errors = {**asking.errors, **rush.errors, **bare.errors}
    return Chat(understanding, PEOPLE, asking.overall, rush.requests_per_s, rush.overall, bare.overall, errors)


def _answered(
    stage: Stage, settings: Mapping[str, str], say: Callable[[str], None], *, is_paced: bool = False
) -> Result:
    gateway = stage.gateway("gateway", settings, is_limited=is_paced)
    users = stage.sign_in(gateway)[:PEOPLE]
    seconds = _PACED_S if is_paced else _ASK_S
    say(f"{PEOPLE} people chat for {_WARM_S + seconds:.0f} s{'' if is_paced else ' without a pause'}")
    clients = tuple(
        Client(
            tuple(user.post("chat", "/api/v1/chat", {"message": question}) for question in _QUESTIONS),
            _PAUSE_S if is_paced else (0.0, 0.0),
        )
        for user in users
    )
    result = stage.play(Plan(gateway.socket, clients, seconds, warm_s=_WARM_S))
    stage.stop(gateway)
    return result


def _understanding() -> Understanding:
    done = subprocess.run(
        [sys.executable, "-m", "demo.bench.understanding"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=_READ_S,
    )
    if done.returncode != 0:
        msg = f"reading questions failed: {done.stderr.strip()}"
        raise DemoError(msg)
    return TypeAdapter(Understanding).validate_json(done.stdout)
