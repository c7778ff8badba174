"""The alerts' part of the monitor: reads the inbox, keeps the book, and has the channels tell what is to be told."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from bridge.process.clock import Clock, ClockSteps
from gateway.alerts import wording
from gateway.alerts.book import Book
from gateway.alerts.channels import TRY_S, Channel, NotSent, Refused
from gateway.alerts.channels.journal import Journal
from gateway.alerts.errand import errands
from gateway.alerts.message import Message
from gateway.alerts.outbox import JOURNAL, Outbox
from gateway.alerts.report import Report, State
from gateway.alerts.settings import Settings
from gateway.alerts.store import Waiting, load, new_instance, save

LOOK_S: Final = 1.0
_UNDELIVERABLE: Final = "alerts.refused"
_log: Final = logging.getLogger(__name__)
T = TypeVar("T")


class Alerts:
    """Owns the book. :meth:`run` until it is cancelled; :meth:`snapshot` at any time."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        *,
        inbox: Path | None = None,
        book: Path | None = None,
        channels: Sequence[Channel] | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._steps = ClockSteps(clock)
        self._began = clock.time()
        self._path = book or settings.book
        self._waiting = Waiting(inbox or settings.inbox)
        self._channels = errands(settings) if channels is None else list(channels)
        self._journal = Journal()
        self._is_inbox_missing = False
        names = (JOURNAL, *(channel.name for channel in self._channels))
        hours = settings.quiet_hours
        self._book = load(
            self._path,
            lambda: Book(new_instance(), hours, Outbox(names)),
            lambda values: Book.from_json(values, new_instance(), hours, names),
        )
        self._book.outbox.retry_refused(clock.time())
        self._is_saved = self._is_kept = True
        self._saving = asyncio.Lock()

    def snapshot(self) -> list[dict[str, Any]]:
        """Return the newest alerts, as ``status.json`` shows them."""
        return self._book.shown()

    def raised(self) -> frozenset[str]:
        """Return the causes that were raised and not cleared."""
        return self._book.raised()

    def began_at(self, cause: str) -> float | None:
        """Return when ``cause`` last began or happened, Unix time; None where the book does not know it."""
        case = self._book.cases.get(cause)
        return None if case is None else case.raised

    async def run(self) -> None:
        """Take reports and deliver alerts until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._repeat(self.look), name="alerts: inbox")
            for channel in self._channels:
                tasks.create_task(self._repeat(partial(self.deliver, channel)), name=f"alerts: {channel.name}")

    async def _repeat(self, step: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await step()
            except OSError as error:  # a full disk, say: what is in the inbox stays there
                if self._is_kept:
                    fields = {"reason": error.strerror or type(error).__name__}
                    _log.error("alerts_not_kept", extra={"drawbridge_fields": fields})
                self._is_kept = False
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Enter what waits in the inbox, decide what is to be told, and tell it to the journal. Raises OSError."""
        self._follow_clock()
        now = self._clock.time()
        if not self._is_saved:
            self._waiting.look_again()
        names = self._names(now)
        if names is not None and self._enter(names, now):
            self._is_saved = False
        if self._book.compose(now):
            self._is_saved = False
        if not self._is_saved:
            await self._save()
        if names is not None:
            self._waiting.remove(names)
        while (message := self._book.outbox.next(JOURNAL, now)) is not None:
            self._journal.send(self._put(message))
            self._book.outbox.delivered(JOURNAL, message.id, now)
            await self._save()

    def _follow_clock(self) -> None:
        if by_s := self._steps.by_s():
            self._book.clock_set(by_s, self._began)
            self._began += by_s
            self._is_saved = False

    def _names(self, now: float) -> list[str] | None:
        try:
            names = self._waiting.names(now)
        except OSError as error:
            if not self._is_inbox_missing:
                fields = {"reason": error.strerror or ""}
                _log.warning("alert_inbox_unreadable", extra={"drawbridge_fields": fields})
            self._is_inbox_missing = True
            return None
        self._is_inbox_missing = False
        return names

    def _enter(self, names: list[str], now: float) -> bool:
        new = [name for name in names if name not in self._book.taken]
        for report in self._waiting.read(new):
            self._book.take(report, now)
        turned_away = self._waiting.turned_away()
        if turned_away:
            self._book.flooded(turned_away, "the inbox was full", now)
        self._book.taken = set(names)
        return bool(new or turned_away)

    async def deliver(self, channel: Channel) -> None:
        """Give ``channel`` what waits for it, until there is nothing more or it fails. Raises OSError."""
        while (message := self._book.outbox.next(channel.name, self._clock.time())) is not None:
            words = self._put(message)
            try:
                async with asyncio.timeout(2 * TRY_S):
                    await _in_thread(partial(channel.send, words), name=f"alerts: {channel.name}")
            except Refused as error:
                self._refused(channel, message, error)
            except (NotSent, TimeoutError) as error:
                reason = error.reason if isinstance(error, NotSent) else "it took too long"
                self._failed(channel, reason, error.wait_s if isinstance(error, NotSent) else None)
            except Exception as error:  # noqa: BLE001 - a channel's fault is no reason for the others to be silent
                self._failed(channel, type(error).__name__, None)
            else:
                self._delivered(channel, message)
            await self._save()

    def _put(self, message: Message) -> wording.Words:
        return wording.put(message, name=self._settings.name, zone=self._settings.zone)

    def _delivered(self, channel: Channel, message: Message) -> None:
        now = self._clock.time()
        was_failing = self._book.outbox.back_offs.get(channel.name)
        self._book.outbox.delivered(channel.name, message.id, now)
        if was_failing:
            fields = {"channel": channel.name, "failures": was_failing.failures}
            _log.warning("alert_channel_works_again", extra={"drawbridge_fields": fields})
        if f"{_UNDELIVERABLE}:{channel.name}" in self._book.cases:
            self._report(channel, "cleared", "takes alerts again", "", now)

    def _failed(self, channel: Channel, reason: str, wait_s: float | None) -> None:
        is_first = channel.name not in self._book.outbox.back_offs
        self._book.outbox.failed(channel.name, reason, self._clock.time(), wait_s=wait_s)
        if is_first:
            fields = {"channel": channel.name, "reason": reason}
            _log.warning("alert_channel_failed", extra={"drawbridge_fields": fields})

    def _refused(self, channel: Channel, message: Message, error: Refused) -> None:
        self._book.outbox.refused(channel.name, message.id, error.reason)
        fields = {"channel": channel.name, "message_id": message.id, "reason": error.reason}
        _log.error("alert_refused", extra={"drawbridge_fields": fields})
        self._report(channel, "raised", f"refuses alerts: {error.reason}", error.advice, self._clock.time())

    def _report(self, channel: Channel, state: State, what: str, detail: str, now: float) -> None:
        cause = f"{_UNDELIVERABLE}:{channel.name}"
        self._book.take(Report(cause, state, "warning", f"The channel {channel.name} {what}", detail, at=now), now)

    async def _save(self) -> None:
        async with self._saving:
            self._is_saved = False
            content = json.dumps(self._book.as_json()).encode()
            await asyncio.to_thread(save, self._path, content)
            self._is_saved = self._is_kept = True


async def _in_thread(call: Callable[[], T], *, name: str) -> T:
    """Return what ``call`` does in a thread of its own, which may be left behind: nothing waits for it at the end."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def finish(value: T | None, error: BaseException | None) -> None:
        if future.cancelled():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(value)  # type: ignore[arg-type] # without an error there is a value

    def work() -> None:
        try:
            done: tuple[T | None, BaseException | None] = (call(), None)
        except BaseException as error:  # noqa: BLE001 - it is raised where the result is awaited
            done = (None, error)
        try:
            loop.call_soon_threadsafe(finish, *done)
        except RuntimeError:  # the loop has ended
            return

    threading.Thread(target=work, name=name, daemon=True).start()
    return await future
