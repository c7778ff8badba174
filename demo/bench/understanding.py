"""Reading questions, in a process of its own (``python -m demo.bench.understanding``): how long, and how much memory.

The questions are those of the tests, each dialog read as ``gateway understand`` reads it; a figure is of one message.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import cryptography.hazmat.primitives.ciphers.aead  # noqa: F401 - what the gateway has in memory anyway
import rapidfuzz.process  # noqa: F401

import bridge.contracts.health  # noqa: F401
import gateway.web.calls
import gateway.web.described
import gateway.web.pages
import gateway.web.rate_limits
import gateway.web.relayed
import gateway.web.session  # noqa: F401 - the package of the app has the pages of the chat too
from bridge.process.clock import SystemClock
from demo.appliance import ROOT
from demo.bench.load import Latencies
from demo.bench.usage import memory

QUESTIONS: Final = ROOT / "tests" / "unit" / "gateway" / "apps" / "health" / "chat" / "questions"
_ROUNDS: Final = 3


@dataclass(frozen=True, slots=True)
class Understanding:
    """``added_mb``: what the process grew by, its words and expressions, and all it kept of the messages."""

    messages: int
    per_message: Latencies
    added_mb: float


def measure(folder: Path = QUESTIONS) -> Understanding:
    """Read every dialog of ``folder``, three times, the first as a warm-up."""
    before = memory(os.getpid()).rss_mb
    from gateway.apps.health.chat.symptoms import base_lexicon  # noqa: PLC0415 - it is part of what is measured
    from gateway.apps.health.chat.understand import Dialog, predict  # noqa: PLC0415

    lexicon, clock = base_lexicon(), SystemClock()
    lines = [line for path in sorted(folder.glob("*.jsonl")) for line in path.read_text("utf-8").splitlines()]
    took: list[float] = []
    for number in range(_ROUNDS):
        for line in lines:
            dialog = Dialog.model_validate_json(line)
            started = clock.monotonic()
            predict(dialog, lexicon)
            if number:
                took.append((clock.monotonic() - started) / len(dialog.turns))
    return Understanding(len(took), Latencies.of(took), round(memory(os.getpid()).rss_mb - before, 1))


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asdict(measure())))
