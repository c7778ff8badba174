"""The agent, put together: the one place that knows every component.

Start and stop::

    keys, certificates ─▶ it listens: READY ─▶ … ─▶ SIGTERM: no new calls, those in flight end ─▶ pools close
                                │
                                └ meanwhile: the store is migrated or checked, its changes are heard,
                                  the mapping is watched, files are followed, old rows dropped, its certificate renewed

Databases may be away at any time, at the start too: what needs them says ``database_unavailable`` until they are back.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from contextlib import AsyncExitStack, suppress
from functools import partial
from typing import Any, Final, NoReturn

from agent.accounts.component import Accounts
from agent.apps import health
from agent.around import telling, traced, witnessed
from agent.audit.component import AuditTrail
from agent.component import Component
from agent.db.store import Store
from agent.doors import Door, open_door
from agent.identity import Identity
from agent.mail.component import Mailing
from agent.report.component import System
from agent.settings import AgentSettings, Slots
from bridge.contracts.operation import Lane, Operation
from bridge.contracts.system import RENEW
from bridge.errors import AppError
from bridge.process import notify
from bridge.process.clock import Clock, SystemClock
from bridge.process.logs import log
from bridge.process.version import VERSION
from bridge.server import BridgeServer, CallRules, Handler, SlotRule
from bridge.spans.otlp import SpanExporter
from bridge.spans.recording import Spans
from bridge.tls import TLSListener, unit_of_peer

_log = logging.getLogger(__name__)

_HOUSEKEEPING_S: Final = 3600.0
_FORGET_S: Final = 5.0
_CLOSE_S: Final = 2.0


class Agent:
    """One agent, made of its settings.

    Raises :class:`~bridge.keys.KeysRefused`, :class:`~bridge.tls.TLSRefused`,
    :class:`~agent.accounts.token_keys.TokenKeysError`, :class:`~agent.audit.heads.HeadKeyError` or
    :class:`~agent.mail.seal.MailKeyError` when its own files cannot be used.
    """

    def __init__(self, settings: AgentSettings, clock: Clock | None = None) -> None:
        self._settings = settings
        self._clock = clock = clock or SystemClock()
        self._boot = secrets.token_hex(8)
        self._reload = asyncio.Event()
        self._spans = Spans(clock) if settings.tracing.endpoint else None

        self._identity = Identity(settings, clock)
        self._store = Store(settings, clock)
        self._mailing = Mailing(settings, clock, store=self._store)
        self._accounts = Accounts(settings, clock, store=self._store, mailing=self._mailing)
        self._audit = AuditTrail(settings, clock, store=self._store, links=self._accounts.grants)
        self._health = health.HealthApp(settings, clock, grants=self._accounts.grants, looks=self._audit.looks)
        self._system = System(
            settings, clock, boot=self._boot, tls=self._identity.tls, mailing=self._mailing,
            dependencies=(self._store.pool.availability, *self._health.dependencies),
        )  # fmt: skip
        self._components: tuple[Component, ...] = (
            self._identity, self._store, self._mailing, self._accounts, self._audit, self._health, self._system,
        )  # fmt: skip

        self._server = BridgeServer(
            boot=self._boot,
            authority=settings.bridge.server_name,
            keys=self._identity.keys,
            unit_of_peer=unit_of_peer,
            handlers={operation: self._around(operation, handler) for operation, handler in self._handlers().items()},
            authenticate=self._accounts.authenticate,
            feed=self._accounts.hub,
            clock=clock,
            rules=_call_rules(settings),
        )
        self.ports: tuple[int, ...] = ()
        """Where it listens, once it does: the usual port, then that for renewals."""

    @property
    def boot(self) -> str:
        return self._boot

    def reload(self) -> None:
        """Look at the folders of keys and certificates now instead of within ``reload_s``."""
        self._reload.set()

    async def serve(self, stopping: asyncio.Event, *, listening: asyncio.Future[int] | None = None) -> None:
        """Serve until ``stopping`` is set and the calls in flight have ended, at most ``drain_s`` later.

        ``listening`` gets the port. Raises OSError when the port cannot be had.
        """
        bridge, identity = self._settings.bridge, self._identity
        async with AsyncExitStack() as leaving:  # however it ends
            leaving.push_async_callback(self._close)
            doors = [await open_door(bridge.port, identity.tls, self._server.handle, bridge)]
            leaving.push_async_callback(doors[0].close)
            if bridge.renewal_port is not None:
                renewing = partial(self._server.handle, only=RENEW)
                doors.append(await open_door(bridge.renewal_port, identity.renewal_tls, renewing, bridge))
                leaving.push_async_callback(doors[1].close)
            async with asyncio.TaskGroup() as tasks:
                background = [
                    tasks.create_task(work)
                    for work in (
                        *(door.listener.wait_closed() for door in doors),
                        *(component.run() for component in self._components),
                        self._follow_files(), self._keep_house(), self._beat(doors[0].listener),
                        self._send_spans(stopping),
                    )
                ]  # fmt: skip
                self.ports = tuple(door.port for door in doors)
                log(_log, "agent_started", version=VERSION, port=self.ports[0], boot=self._boot)
                notify.notify(notify.READY)
                if listening is not None:
                    listening.set_result(self.ports[0])
                await stopping.wait()
                notify.notify(notify.STOPPING)
                await self._drain(doors)
                for component in self._components:
                    await component.finish()
                for task in background:
                    task.cancel()

    async def _close(self) -> None:
        """Close every component, the last first, whatever comes of the others."""
        deadline = self._clock.monotonic() + _CLOSE_S
        async with AsyncExitStack() as closing:
            for component in self._components:
                closing.push_async_callback(component.close, deadline)

    async def _drain(self, doors: list[Door]) -> None:
        for door in doors:
            door.listener.close()
        finished = await self._server.drain(self._settings.bridge.drain_s)
        for door in doors:
            await door.close()
        log(_log, "agent_stopped", finished=finished)

    def _handlers(self) -> dict[Operation[Any, Any], Handler]:
        return {
            operation: handler for component in self._components for operation, handler in component.handlers.items()
        }

    def _around(self, operation: Operation[Any, Any], handler: Handler) -> Handler:
        handler = witnessed(operation, handler, self._audit.heads)
        handler = telling(operation, handler, self._accounts.hub)
        return traced(operation, handler, self._spans)

    async def _follow_files(self) -> NoReturn:
        while True:
            for component in self._components:
                component.look_at_files()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._settings.bridge.reload_s):
                    await self._reload.wait()
            self._reload.clear()

    async def _keep_house(self) -> NoReturn:
        while True:
            await asyncio.sleep(_HOUSEKEEPING_S)
            for component in self._components:
                with suppress(AppError):  # a store that is away is cleaned the next time
                    await component.forget_old(self._clock.monotonic() + _FORGET_S)

    async def _send_spans(self, stopping: asyncio.Event) -> None:
        if self._spans is not None:
            endpoint, host = self._settings.tracing.endpoint, self._settings.log.host
            await SpanExporter(self._spans, endpoint=endpoint, service="drawbridge-agent", host=host).run(stopping)

    async def _beat(self, listener: TLSListener) -> None:
        """Tell systemd that loop and listener live. Databases do not count: a restart would not bring them back."""
        interval_s = notify.watchdog_interval_s()
        if interval_s is None:
            return
        while listener.sockets:
            notify.notify(notify.WATCHDOG)
            await asyncio.sleep(interval_s)


def _call_rules(settings: AgentSettings) -> CallRules:
    def rule(slots: Slots) -> SlotRule:
        return SlotRule(in_flight=slots.in_flight, queue=slots.queue, wait_s=slots.wait_ms / 1000)

    shedding = settings.shedding
    slots = {
        Lane.DATA: rule(shedding.data),
        Lane.CREDENTIALS: rule(shedding.credentials),
        Lane.SESSIONS: rule(shedding.sessions),
        Lane.PROVIDER: rule(shedding.provider),
        Lane.MACHINE: rule(shedding.machine),
    }
    bridge = settings.bridge
    return CallRules(
        slots=slots,
        heartbeat_s=bridge.heartbeat_s,
        clock_window_s=bridge.clock_window_s,
        replay_window=bridge.replay_window,
        replay_processes_max=bridge.replay_processes_max,
    )
