"""Visitors who keep asking, so that a change under them can be seen to lose no call."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from typing import Final

from tests.lab.visitor import Answer, Visitor

VISITORS: Final = 2
ENOUGH: Final = 20
"""Answers before a change, and after it."""
PAUSE_S: Final = 0.1
"""Between two questions of a visitor: nginx lets an address ask 20 times a second."""
_LIMITS: Final = 100
_SEVERITIES: Final = 10
"""A thousand different questions: what was not asked before goes over the bridge."""


@contextmanager
def asking(visitor: Visitor, token: str) -> Iterator[list[Answer]]:
    """Let visitors ask for records through nginx, gateway and bridge; yield their answers as they come."""
    answers: list[Answer] = []
    done = threading.Event()

    def ask(first: int) -> None:
        for number in count(first, VISITORS):
            if done.wait(PAUSE_S):
                return
            question = f"limit={1 + number % _LIMITS}&min_severity={1 + number // _LIMITS % _SEVERITIES}"
            answers.append(visitor.ask(f"/api/v1/health/symptoms?{question}", token=token))

    with ThreadPoolExecutor(VISITORS) as visitors:
        running = [visitors.submit(ask, first) for first in range(VISITORS)]
        try:
            yield answers
        finally:
            done.set()
        for each in running:
            each.result()


def lost(answers: list[Answer]) -> list[tuple[int, str]]:
    """Return status and body of what went wrong, old answers in place of new ones (``as_of``) among it."""
    return [
        (answer.status, answer.body[:200]) for answer in answers if answer.status != 200 or "as_of" in answer.json()
    ]  # fmt: skip
