"""Clocks that a test moves under a running agent or gateway: its every clock, or the time of day alone.

All of both reads :class:`~bridge.process.clock.SystemClock` and its event loop's time. These are led by a file that
test and process share: a step forward lets everything come due that an hour of waiting would, in its order, and leaves
out only the waiting.
"""

from __future__ import annotations

import asyncio
import mmap
import struct
import time
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from selectors import EpollSelector
from typing import Any, Final, TypeVar

VARIABLE: Final = "TESTS_CLOCK"
"""Names the file to the process."""

LOOK_S: Final = 0.02
"""The process looks at its clocks as often as this: it cannot be told of a step."""

T = TypeVar("T")

_MOVED: Final = struct.Struct("dd")
_LOOKS: Final = struct.Struct("Q")
_BYTES: Final = _MOVED.size + _LOOKS.size
_LOOKS_A_STEP: Final = 4


class ClockHand:
    """The test's side: how far the process's clocks are from this machine's."""

    def __init__(self, file: Path) -> None:
        self.file = file
        file.write_bytes(bytes(_BYTES))
        self._memory = _share(file)
        self._day_s = self._all_s = 0.0

    async def step(self, seconds: float) -> None:
        """Let ``seconds`` pass at once, by every clock of the process, and return when it has looked a few times."""
        self._all_s += seconds
        self._write()
        (looks,) = _LOOKS.unpack_from(self._memory, _MOVED.size)
        while _LOOKS.unpack_from(self._memory, _MOVED.size)[0] < looks + _LOOKS_A_STEP:  # noqa: ASYNC110 - another process
            await asyncio.sleep(LOOK_S)

    def set_day(self, seconds: float) -> None:
        """Set the process's time of day so far from this machine's, as NTP or a hand does: no time passes."""
        self._day_s = seconds
        self._write()

    def _write(self) -> None:
        _MOVED.pack_into(self._memory, 0, self._day_s, self._all_s)


class _Selector(EpollSelector):
    """Waits for no longer than :data:`LOOK_S`, and counts how often."""

    def __init__(self, memory: mmap.mmap) -> None:
        super().__init__()
        self._memory = memory
        self._looks = 0

    def select(self, timeout: float | None = None) -> list[Any]:
        self._looks += 1
        _LOOKS.pack_into(self._memory, _MOVED.size, self._looks)
        return super().select(LOOK_S if timeout is None else min(timeout, LOOK_S))


def led_by(file: Path) -> Mapping[str, object]:
    """Return what a process whose clocks are led by ``file`` has replaced, by its name."""
    memory = _share(file)
    # as they are now: they are replaced
    time_of_day, monotonic = time.time, time.monotonic

    def now() -> float:
        day_s, all_s = _MOVED.unpack_from(memory)
        return time_of_day() + float(day_s) + float(all_s)

    def passed() -> float:
        _, all_s = _MOVED.unpack_from(memory)
        return monotonic() + float(all_s)

    class Loop(asyncio.SelectorEventLoop):
        def time(self) -> float:
            return passed()

    def run(main: Coroutine[Any, Any, T]) -> T:
        loop_factory: Callable[[], asyncio.AbstractEventLoop] = lambda: Loop(_Selector(memory))  # noqa: E731
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            return runner.run(main)

    return {
        "bridge.process.clock.SystemClock.time": staticmethod(now),
        "bridge.process.clock.SystemClock.monotonic": staticmethod(passed),
        "uvloop.run": run,
    }


def _share(file: Path) -> mmap.mmap:
    with file.open("r+b") as opened:
        return mmap.mmap(opened.fileno(), _BYTES)
