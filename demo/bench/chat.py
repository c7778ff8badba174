"""The chat: how long a message takes to be read, and an answer to come while sixteen people ask without a pause.

No answer of the agent is ever fresh, so that each question goes over the bridge to PostgreSQL.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pydantic import TypeAdapter

from demo.appliance import ROOT
from demo.bench.load import Client, Latencies, Plan
from demo.bench.stage import Stage
from demo.bench.understanding import Understanding
from demo.processes import DemoError

PEOPLE: Final = 16
_ASK_S: Final = 15.0
_WARM_S: Final = 3.0
_READ_S: Final = 120.0
_NEVER_FRESH: Final = {
    f"BRIDGE__CACHE__SYMPTOMS_{operation}__{age}_S": "0"
    for operation in ("LIST", "NAMES", "STATS")
    for age in ("FRESH", "STALE_WHILE_REVALIDATE")
}
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
    """``answers``: a whole ``POST /api/v1/chat``, uncached, ``people`` asking at once without a pause."""

    understanding: Understanding
    people: int
    requests_per_s: float
    answers: Latencies
    errors: dict[str, int]


def chat(stage: Stage, say: Callable[[str], None]) -> Chat:
    """Measure both. Raises DemoError."""
    say("reading questions")
    understanding = _understanding()
    gateway = stage.gateway("gateway", _NEVER_FRESH)
    users = stage.sign_in(gateway)[:PEOPLE]
    say(f"{PEOPLE} people chat for {_WARM_S + _ASK_S:.0f} s")
    clients = tuple(
        Client(tuple(user.post("chat", "/api/v1/chat", {"message": question}) for question in _QUESTIONS))
        for user in users
    )
    result = stage.play(Plan(gateway.socket, clients, _ASK_S, warm_s=_WARM_S))
    stage.stop(gateway)
    return Chat(understanding, PEOPLE, result.requests_per_s, result.overall, result.errors)


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
