"""``gateway-monitor``, assembled: the ladder, the watches and the alerts, in one small process.

It imports neither pydantic nor aiohttp: the goal is 15 MB above the interpreter. ``python -m gateway monitor`` reads
and checks the settings, and then becomes this process, which gets them as JSON.
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sys
import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from bridge.process.clock import Clock, SystemClock, rfc3339
from bridge.process.notify import READY, STOPPING, WATCHDOG, notify, watchdog_interval_s
from gateway.connectivity.config import Config
from gateway.connectivity.journal import Journal
from gateway.connectivity.reports import LineReport
from gateway.connectivity.runner import Runner
from gateway.connectivity.small_files import read_object
from gateway.connectivity.watch import Watch

Part = Callable[[], Awaitable[None]]
"""Something that runs until it is cancelled."""
Keys = Callable[[], Mapping[str, Any]]
"""Returns keys of the snapshot, at once."""

_log: Final = logging.getLogger(__name__)


class Monitor:
    """Everything of the process. ``parts`` run side by side; ``keys`` bring what the snapshot has beside the line."""

    def __init__(self, sections: Mapping[str, Any], clock: Clock) -> None:
        config = Config.from_json(sections)
        journal = Journal(config.journal)
        before = read_object(config.status) or {}
        watch = Watch(clock=clock, journal=journal, emit=self._report)
        journal.start(clock.time(), last_seen=_number(before.get("at")))
        self._watch = watch
        self._runner = Runner(config, clock=clock, watch=watch, others=self._others)
        self.parts: list[Part] = [self._runner.run, _beat]
        self.keys: list[Keys] = []

    async def run(self, stopping: asyncio.Event) -> None:
        """Run every part until ``stopping``; one that fails ends them all, and systemd starts the process again."""
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(_run(part)) for part in self.parts]
                notify(READY)
                await stopping.wait()
                for task in tasks:
                    task.cancel()
        finally:
            notify(STOPPING)
            self._watch.stop()
            self._runner.write()

    def _report(self, report: LineReport) -> None:
        fields = {"cause": report.cause, "state": report.state, "summary": report.summary}
        _log.info("line_reported", extra={"drawbridge_fields": fields})

    def _others(self) -> dict[str, Any]:
        return {name: value for keys in self.keys for name, value in keys().items()}


async def _run(part: Part) -> None:
    await part()


async def _beat() -> None:
    """Feed systemd's watchdog: this loop turns. Neither the line nor the keep has a part in it."""
    interval_s = watchdog_interval_s()
    while interval_s is not None:
        notify(WATCHDOG)
        await asyncio.sleep(interval_s)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


class JsonLines(logging.Formatter):
    """The log lines of ``bridge.process.logs``, whose formatter costs 3 MB: pydantic's."""

    def __init__(self, host: str) -> None:
        super().__init__()
        self._host = host

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": rfc3339(record.created), "level": record.levelname.lower(), "host": self._host, "app": "monitor",
            "event": record.getMessage(), **getattr(record, "drawbridge_fields", {}),
        }  # fmt: skip
        if record.exc_info and (error := record.exc_info[1]):
            trace = "".join(traceback.format_tb(error.__traceback__))
            line["exception"] = f"{trace}{type(error).__qualname__}"  # its message could quote what was read
        return json.dumps(line, ensure_ascii=False, separators=(",", ":"), default=str)


def _configure_log(host: str, level: str) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines(host))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.getLogger("asyncio").setLevel(logging.WARNING)


async def _serve(monitor: Monitor) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    await monitor.run(stopping)


def main(arguments: Sequence[str]) -> int:
    """Run with the settings that the descriptor in ``arguments`` holds."""
    with open(int(arguments[0]), "rb") as file:  # noqa: PTH123 - a descriptor, not a path
        sections = json.load(file)
    _configure_log(sections["log"]["host"], sections["log"]["level"])
    asyncio.run(_serve(Monitor(sections, SystemClock())))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
