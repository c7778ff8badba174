"""``python -m gateway ddns serve``: look, decide, act, tell; again when something changes, and every five minutes."""

from __future__ import annotations

import asyncio
import logging
import signal
import ssl
from collections.abc import Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final

from bridge.process import notify
from bridge.process.clock import Clock
from bridge.process.logs import log
from gateway.ddns.addresses.choice import Found
from gateway.ddns.addresses.echo import Echo
from gateway.ddns.addresses.finder import Finder
from gateway.ddns.addresses.interface import watch_interfaces
from gateway.ddns.addresses.router import Router
from gateway.ddns.alerts import MISSING_S, Report, address_cause, alerts_of, report_to_log, tell
from gateway.ddns.authority import Authority
from gateway.ddns.families import Family
from gateway.ddns.https import https_client
from gateway.ddns.mapping.alerts import Lasting
from gateway.ddns.mapping.start import keeper
from gateway.ddns.mapping.state import PortStatus, off
from gateway.ddns.records import make_records
from gateway.ddns.requests import POLL_S, make_folder, take_requests
from gateway.ddns.snapshot import snapshot_of, write_snapshot
from gateway.ddns.state import load_memory
from gateway.ddns.updater import NameState, Updater
from gateway.settings.ddns import Ddns

_log: Final = logging.getLogger(__name__)

SETTLE_S: Final = 0.3
"""An interface that comes up says so in several messages; they are waited for, and looked at once."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the service is given beside its settings."""

    clock: Clock
    report: Report = report_to_log
    router: Router | None = None
    """Whoever knows the router's external address; port mapping does, where it is enabled."""
    tls: ssl.SSLContext | None = None
    """Whose certificates are trusted: the system's, where it is None."""


class Service:
    """The updater, kept running."""

    def __init__(self, settings: Ddns, surroundings: Surroundings) -> None:
        self._settings = settings
        self._around = surroundings
        self._clock = surroundings.clock
        self._wake = asyncio.Event()
        mapping = settings.mapping
        self._keeper = keeper(mapping, self._clock, changed=self._wake.set) if mapping.enabled else None
        self._unmapped = Lasting()
        self._started = self._clock.time()
        self._missing_since: dict[Family, float] = {}
        """Since when a family has had no address, in monotonic seconds: a clock that is set makes nothing old."""

    async def run(self, stopping: asyncio.Event) -> None:
        """Serve until ``stopping``. Raises SettingsError before it begins, for secrets that cannot be used."""
        make_folder(self._settings.state_dir)
        settings, clock, tls = self._settings, self._clock, self._around.tls
        async with AsyncExitStack() as stack:
            client = await stack.enter_async_context(https_client(clock, contact=settings.contact, tls=tls))
            over_ipv4 = await stack.enter_async_context(
                https_client(clock, contact=settings.contact, tls=tls, ipv4_only=True)
            )
            updater = Updater(
                make_records(settings, client),
                load_memory(settings.state_dir),
                folder=settings.state_dir,
                authority=Authority(resolvers=settings.resolvers, authoritative=settings.authoritative),
                clock=clock,
            )
            finder = Finder(
                settings.ipv4_sources,
                settings.interface,
                self._around.router or (self._keeper.router if self._keeper else None),
                Echo(over_ipv4, settings.echo_urls, clock=clock),
            )
            await self._serve(updater, finder, stopping)

    async def _serve(self, updater: Updater, finder: Finder, stopping: asyncio.Event) -> None:
        log(_log, "ddns_started", names=len(self._settings.records))
        if not self._settings.records:
            log(_log, "ddns_idle", reason="no names are configured ([[ddns.records]])")
        async with asyncio.TaskGroup() as tasks:
            running = [
                tasks.create_task(self._keep(updater, finder)),
                tasks.create_task(watch_interfaces(self._look_anew)),
                tasks.create_task(self._take_requests(updater)),
                tasks.create_task(_beat_watchdog()),
            ]
            if self._keeper is not None:
                running.append(tasks.create_task(self._keeper.run()))
            notify.notify(notify.READY)
            await stopping.wait()
            notify.notify(notify.STOPPING)
            for task in running:
                task.cancel()
        updater.save()
        log(_log, "ddns_stopped")

    async def _keep(self, updater: Updater, finder: Finder) -> None:
        while True:
            self._wake.clear()
            found = await finder.find()
            states = await updater.step(found)
            now = self._clock.time()
            mappings, raised = self._mappings(), updater.memory.raised
            missing = self._missing(found, raised)
            wrong = [
                *alerts_of(states, found, missing=missing, unsaved=updater.unsaved, now=now),
                *self._unmapped.alerts_of(mappings, raised, monotonic=self._clock.monotonic()),
            ]
            tell(wrong, raised, self._around.report)
            updater.save()
            shown = [status.as_json() for status in mappings]
            snapshot = snapshot_of(states, found, shown, at=now, started=self._started)
            write_snapshot(self._settings.status_path, snapshot)
            await self._rest(states)

    def _missing(self, found: Mapping[Family, Found], raised: Collection[str]) -> set[Family]:
        """Return the families without an address for :data:`MISSING_S`, or for which that was told before a restart."""
        now = self._clock.monotonic()
        lacking = [family for family, place in found.items() if place.value is None]
        self._missing_since = {family: self._missing_since.get(family, now) for family in lacking}
        return {
            family for family, since in self._missing_since.items()
            if now - since >= MISSING_S or address_cause(family) in raised
        }  # fmt: skip

    def _look_anew(self) -> None:
        self._wake.set()
        if self._keeper is not None:
            self._keeper.poke()

    def _mappings(self) -> Sequence[PortStatus]:
        return off(self._settings.mapping.ports) if self._keeper is None else self._keeper.statuses()

    async def _rest(self, states: Sequence[NameState]) -> None:
        """Return when something happens, when something is due, or when it is time to look again."""
        due = [state.decision.next_at for state in states if state.decision.next_at is not None]
        wait_s = min([self._settings.check_s, *(at - self._clock.time() for at in due)])
        try:
            async with asyncio.timeout(max(wait_s, SETTLE_S)):
                await self._wake.wait()
        except TimeoutError:
            return
        await asyncio.sleep(SETTLE_S)

    async def _take_requests(self, updater: Updater) -> None:
        while True:
            for name in take_requests(self._settings.state_dir):
                known = updater.force(name)
                log(_log, "ddns_update_requested", name=name if known else None, outcome="ok" if known else "unknown")
                self._wake.set()
            await asyncio.sleep(POLL_S)


async def serve(settings: Ddns, surroundings: Surroundings) -> None:
    """Serve until SIGTERM or SIGINT. Raises SettingsError."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    await Service(settings, surroundings).run(stopping)


async def _beat_watchdog() -> None:
    interval_s = notify.watchdog_interval_s()
    if interval_s is None:
        return
    while True:
        notify.notify(notify.WATCHDOG)
        await asyncio.sleep(interval_s)
