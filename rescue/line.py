"""The line to the Internet, as the door's monitor last wrote it: is it up, and the ladder of what was looked at.

The file is another service's, in the shape that the status page reads it in (docs/status.md). It may be away, old,
damaged or large; none of that keeps the console from saying the rest.
"""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from rescue.settings import Paths
from rescue.words import printable

STALE_S: Final = 60.0
BYTES_MAX: Final = 2 * 2**20
_RUNGS_MAX: Final = 20
_TEXT_MAX: Final = 200
_HOUR_MIN: Final = 60
_DAY_MIN: Final = 1440


def line_report(paths: Paths, now: float | None = None) -> list[str]:
    """Return what there is to say of the line, at least one line of text. ``now`` is Unix time, for tests."""
    now = time.time() if now is None else now
    try:
        snapshot = json.loads(_content(paths.run / "monitor" / "status.json"))
        at = float(snapshot["at"])
        report = list(_lines(snapshot, now))
    except FileNotFoundError:
        return ["line: nobody knows, the monitor does not run"]
    except (OSError, ValueError, OverflowError, RecursionError, KeyError, TypeError, AttributeError):
        return ["line: nobody knows, what the monitor wrote cannot be read"]
    if not abs(now - at) <= STALE_S:
        return [f"line: nobody knows, the monitor has been silent for {_since(now - at)}; before that", *report]
    return report


def _lines(snapshot: dict[str, Any], now: float) -> Iterator[str]:
    diagnosis = snapshot.get("diagnosis") or {}
    match snapshot.get("state"):
        case "up":
            yield "line: up"
        case "down":
            reason = _text(diagnosis.get("summary")) or _text(snapshot.get("rung"))
            yield f"line: DOWN, {reason or 'no reason is known'}"
        case _:
            yield "line: not looked at yet"
    for rung in list(snapshot.get("rungs") or ())[:_RUNGS_MAX]:
        since = rung.get("since")
        lasting = f" for {_since(now - float(since))}" if isinstance(since, int | float) else ""
        state = f"{_text(rung.get('state'))}{lasting}"
        yield f"  {_text(rung.get('name')):<12} {state:<20} {_text(rung.get('summary'))}".rstrip()


def _text(value: object) -> str:
    return printable(" ".join(str(value)[:_TEXT_MAX].split())) if isinstance(value, str) else ""


def _since(seconds: float) -> str:
    minutes = int(max(seconds, 0) // 60)
    if minutes >= _DAY_MIN:
        return f"{minutes // _DAY_MIN} d {minutes // 60 % 24} h"
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= _HOUR_MIN else f"{minutes} min"


def _content(path: Path) -> bytes:
    """Return a file's content. Raises OSError, also where it is no file, or a large one."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor, not a path
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(0, "it is no file")
        content = file.read(BYTES_MAX + 1)
    if len(content) > BYTES_MAX:
        raise OSError(0, "it is too large")
    return content
