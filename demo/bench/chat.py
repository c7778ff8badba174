"""The chat: how long a message takes to be read, and an answer to come while sixteen people ask without a pause.

No record and no figure is ever fresh, so that each question goes over the bridge to PostgreSQL. The names of a person's
symptoms, which every question is read with, are kept for 30 s as shipped; a second run does not keep them either.
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
    """``answers``: whole ``POST /api/v1/chat``, ``people`` asking at once without a pause; ``bare``: names uncached."""

    understanding: Understanding
    people: int
    requests_per_s: float
    answers: Latencies
    bare: Latencies
    errors: dict[str, int]


def chat(stage: Stage, say: Callable[[str], None]) -> Chat:
    """Measure both. Raises DemoError."""
    say("reading questions")
    understanding = _understanding()
    answered = _answered(stage, _never_fresh("LIST", "STATS"), say)
    bare = _answered(stage, _never_fresh("LIST", "STATS", "NAMES"), say)
    errors = {**answered.errors, **bare.errors}
    return Chat(understanding, PEOPLE, answered.requests_per_s, answered.overall, bare.overall, errors)


def _answered(stage: Stage, settings: Mapping[str, str], say: Callable[[str], None]) -> Result:
    gateway = stage.gateway("gateway", settings)
    users = stage.sign_in(gateway)[:PEOPLE]
    say(f"{PEOPLE} people chat for {_WARM_S + _ASK_S:.0f} s")
    clients = tuple(
        Client(tuple(user.post("chat", "/api/v1/chat", {"message": question}) for question in _QUESTIONS))
        for user in users
    )
    result = stage.play(Plan(gateway.socket, clients, _ASK_S, warm_s=_WARM_S))
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
