"""Bare bcrypt (``python -m demo.bench.hashing COST SECONDS``): how many passwords one thread checks a second."""

from __future__ import annotations

import sys
from typing import Final

import bcrypt

from bridge.process.clock import SystemClock

_PASSWORD: Final = b"Correct-horse-1"


def measure(cost: int, seconds: float) -> float:
    hashed = bcrypt.hashpw(_PASSWORD, bcrypt.gensalt(cost))
    started, checked = SystemClock.monotonic(), 0
    while SystemClock.monotonic() - started < seconds:
        bcrypt.checkpw(_PASSWORD, hashed)
        checked += 1
    return checked / (SystemClock.monotonic() - started)


if __name__ == "__main__":
    sys.stdout.write(f"{measure(int(sys.argv[1]), float(sys.argv[2]))}\n")
