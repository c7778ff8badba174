"""``gateway-monitor``, assembled: the ladder, the watches and the alerts, in one small process.

It imports neither pydantic nor aiohttp: the goal is 15 MB above the interpreter. ``python -m gateway monitor`` reads
and checks the settings, and then becomes this process, which gets them as JSON.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import signal
import sys
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from bridge.process.clock import Clock, SystemClock, rfc3339
from bridge.process.notify import READY, STOPPING, WATCHDOG, notify, watchdog_interval_s
from gateway.alerts.report import Inbox, Report
from gateway.alerts.service import Alerts
from gateway.alerts.settings import Settings as AlertSettings
from gateway.alerts.watches import EVERY_S, Watches
from gateway.alerts.watches import Settings as WatchSettings
from gateway.alerts.watches.bans import NEW_BANS
from gateway.connectivity.config import Config
from gateway.connectivity.journal import Journal
from gateway.connectivity.reports import LineReport
from gateway.connectivity.runner import Runner
from gateway.connectivity.small_files import read_object
from gateway.connectivity.watch import Watch

_log: Final = logging.getLogger(__name__)

_AGAIN_S: Final = 5.0
"""How soon a report is tried again that the inbox did not take."""


class Monitor:
    """The line, the watches and the alerts, side by side. Both of the former leave what they notice in the inbox."""

    def __init__(self, sections: Mapping[str, Any], clock: Clock) -> None:
        config = Config.from_json(sections)
        journal = Journal(config.journal)
        before = read_object(config.status) or {}
        alerts = AlertSettings.of(sections["alerts"])
        self._inbox = Inbox(alerts.inbox)
        self._noticed: asyncio.Queue[LineReport] = asyncio.Queue()
        self._alerts = Alerts(alerts, clock)
        self._watches = Watches(
            WatchSettings.of(sections["watches"]), report=self._inbox.report, clock=clock,
            raised=self._alerts.raised(), bans_told=self._alerts.began_at(NEW_BANS),
        )  # fmt: skip
        self._seen: Mapping[str, Any] = {}
        self._watch = Watch(clock=clock, journal=journal, emit=self._noticed.put_nowait)
        journal.start(clock.time(), last_seen=_number(before.get("at")))
        self._runner = Runner(config, clock=clock, watch=self._watch, others=self._others)

    async def run(self, stopping: asyncio.Event) -> None:
        """Run every part until ``stopping``; one that fails ends them all, and systemd starts the process again."""
        parts = (self._runner.run(), self._alerts.run(), self._look_around(), self._report(), _beat())
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(part) for part in parts]
                notify(READY)
                await stopping.wait()
                for task in tasks:
                    task.cancel()
        finally:
            notify(STOPPING)
            while not self._noticed.empty():
                self._leave(self._noticed.get_nowait())
            self._watch.stop()
            self._runner.write()

    async def _report(self) -> None:
        """Leave what the line has to say in the inbox, on disk, in its order."""
        while True:
            report = await self._noticed.get()
            while not await asyncio.to_thread(self._leave, report):  # noqa: ASYNC110 - nobody says when there is room
                await asyncio.sleep(_AGAIN_S)

    def _leave(self, report: LineReport) -> bool:
        if not self._inbox.report(Report(**asdict(report))):
            return False
        fields = {"cause": report.cause, "state": report.state, "summary": report.summary}
        _log.info("line_reported", extra={"drawbridge_fields": fields})
        return True

    async def _look_around(self) -> None:
        while True:
            self._seen = await self._watches.run_once()
            gc.collect()  # by itself it comes seldom in so small a process, and what waits for it weighs
            await asyncio.sleep(EVERY_S)

    def _others(self) -> dict[str, Any]:
        return {**self._seen, "alerts": self._alerts.snapshot()}


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
    monitor = Monitor(sections, SystemClock())
    gc.freeze()  # what is here stays: there is little left for the collector to look at
    asyncio.run(_serve(monitor))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
