"""The agent, put together: the one place that knows every part.

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
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial, wraps
from typing import Any, Final, NoReturn

import asyncpg
from aiohttp import web
from prometheus_client import REGISTRY, generate_latest

from agent.accounts.access_tokens import AccessTokens
from agent.accounts.attempts import Attempts
from agent.accounts.authentication import Authentication
from agent.accounts.directory import Directory, Listeners
from agent.accounts.grants import Grants
from agent.accounts.operations import Sessions
from agent.accounts.passwords import Passwords
from agent.accounts.people import Parts, People
from agent.accounts.token_keys import TokenKeys, TokenKeysError
from agent.apps import health
from agent.audit.heads import HeadKey, Heads
from agent.audit.looks import Looks
from agent.audit.operations import Auditing
from agent.audit.reading import Reader
from agent.db.availability import Availability
from agent.db.idempotency import IdempotentWrites
from agent.db.listen import listen
from agent.db.migrate import MigrationError, check, migrate
from agent.db.pools import Pool, PoolOptions, connect
from agent.db.tracing import CallTrace, current_call
from agent.events import FeedHub
from agent.mail.outbox import CHANNEL, Outbox
from agent.mail.post import Post
from agent.mail.sender import Sender
from agent.mail.upkeep import Upkeep
from agent.report.operations import Reporting
from agent.settings import AgentSettings, Slots
from bridge.contracts.health import OPERATIONS as HEALTH_OPERATIONS
from bridge.contracts.operation import Effect, Lane, Nothing, Operation
from bridge.contracts.system import METRICS, RENEW, STATUS, Dependency, Metrics, Status
from bridge.errors import AppError, Code, Unavailable
from bridge.keys import KeyStore
from bridge.pki import Renewal
from bridge.process import notify
from bridge.process.clock import Clock, SystemClock, utc
from bridge.process.logs import log
from bridge.process.version import VERSION
from bridge.server import Answer, BridgeServer, CallerContext, CallRules, Handler, Issuer, SlotRule
from bridge.spans.otlp import SpanExporter
from bridge.spans.recording import Kind, Spans, sampled
from bridge.tls import Refusal, ReloadingServerTLS, RenewalServerTLS, TLSListener, bind, serve_tls, unit_of_peer

_log = logging.getLogger(__name__)

WebHandler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

UNITS: Final = frozenset({"gateway", "monitor"})
"""The units of the RPI4 that may connect at all."""

_STORE_RETRY_S: Final = 1.0
_WARM_S: Final = 5.0
_HOUSEKEEPING_S: Final = 3600.0
_CLOSE_S: Final = 2.0
_MAIL_S: Final = 3.0
"""How long a mail that is just being sent may take when stopping; it might come twice if it were broken off."""


class Agent:
    """One agent, made of its settings.

    Raises :class:`~bridge.keys.KeysRefused`, :class:`~bridge.tls.TLSRefused`,
    :class:`~agent.accounts.token_keys.TokenKeysError` or :class:`~agent.mail.seal.MailKeyError` when its own files
    cannot be used.
    """

    def __init__(self, settings: AgentSettings, clock: Clock | None = None) -> None:
        self._settings = settings
        self._clock = clock = clock or SystemClock()
        self._boot = secrets.token_hex(8)
        self._started_at = utc(clock.time())
        self._reload = asyncio.Event()
        self._spans = Spans(clock) if settings.tracing.endpoint else None
        self._bridge_keys = KeyStore(settings.bridge.keys_dir)
        self._tls = ReloadingServerTLS(settings.bridge.tls_dir, UNITS)
        terms = settings.certificates.terms
        self._renewal_tls = RenewalServerTLS(settings.bridge.tls_dir, UNITS, clock, terms.renewable)
        self._issuer = None if settings.bridge.ca_dir is None else Issuer(settings.bridge.ca_dir, clock, terms)
        self._token_keys = TokenKeys(settings.tokens)
        self._token_keys.load(clock.time())

        self._store = self._pool("store", settings.store.dsn.get_secret_value(), settings.store.pool_size)
        self._writes = IdempotentWrites(self._store, keep_s=settings.store.idempotency_keep_s)
        self._source_pool: Pool | None = None
        self._source: health.Source | None = None
        self._health = Availability("health", clock)
        if settings.source.dsn is None:
            self._health.mark_disabled("source.dsn is not set")
        else:
            self._source_pool = self._pool(
                "source", settings.source.dsn.get_secret_value(), settings.source.pool_size, is_read_only=True
            )
            self._source = health.Source(self._source_pool, settings.source.mapping, clock)
            self._health = self._source.availability

        self._hub = FeedHub(self._token_keys.public_keys)
        self._directory = Directory(
            self._store,
            clock,
            access_s=settings.tokens.access_s,
            listeners=Listeners(
                on_resume=self._hub.resume,
                on_suspend=self._hub.suspend,
                on_user=lambda user_id: self._hub.users_changed(users=(user_id,)),
                on_session=lambda session_id: self._hub.users_changed(sessions=(session_id,)),
            ),
        )
        tokens = AccessTokens(self._token_keys, settings.tokens)
        self._outbox = Outbox(settings.mail, clock)
        self._sender: Sender | None = None
        if self._outbox.key is not None:
            self._sender = Sender(
                settings.mail,
                Post(settings.mail, settings.relay),
                self._outbox.key,
                pool=self._store,
                dsn=settings.store.dsn.get_secret_value(),
                clock=clock,
            )
        self._passwords = Passwords(settings.passwords)
        attempts = Attempts(self._store, settings.limits)
        self._sessions = Sessions(
            pool=self._store,
            writes=self._writes,
            passwords=self._passwords,
            attempts=attempts,
            keys=self._token_keys,
            tokens=tokens,
            directory=self._directory,
            settings=settings.tokens,
            clock=clock,
        )
        self._people = People(
            Parts(
                pool=self._store,
                writes=self._writes,
                passwords=self._passwords,
                attempts=attempts,
                sessions=self._sessions,
                directory=self._directory,
                outbox=self._outbox,
                settings=settings.joining,
                clock=clock,
            )
        )
        self._auditing = Auditing(Reader(self._store), Grants(self._directory))
        self._heads = Heads(self._store, HeadKey.read_or_make(settings.tokens.keys_dir), clock)
        mail = Upkeep(self._store) if self._outbox.is_on else None
        self._reporting = Reporting(settings, self._tls, clock, mail=mail)
        self._server = BridgeServer(
            boot=self._boot,
            authority=settings.bridge.server_name,
            keys=self._bridge_keys,
            unit_of_peer=unit_of_peer,
            handlers={
                operation: self._traced(operation, self._telling(operation, self._witnessed(operation, handler)))
                for operation, handler in self._handlers().items()
            },
            authenticate=Authentication(tokens, self._directory, clock).authenticate,
            feed=self._hub,
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
        bridge = self._settings.bridge
        doors = [await self._open(bridge.port, self._tls, self._server.handle)]
        try:
            if bridge.renewal_port is not None:
                renewing = partial(self._server.handle, only=RENEW)
                doors.append(await self._open(bridge.renewal_port, self._renewal_tls, renewing))
            async with asyncio.TaskGroup() as tasks:
                background = [
                    tasks.create_task(work)
                    for work in (
                        *(door.listener.wait_closed() for door in doors), self._keep_store(), self._keep_source(),
                        self._follow_files(), self._keep_house(), self._keep_certificate(),
                        self._beat(doors[0].listener), self._send_spans(stopping),
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
                if self._sender is not None:
                    await self._sender.stop(_MAIL_S)
                for task in background:
                    task.cancel()
        finally:
            for door in doors:
                door.listener.close()
            await self._close()

    async def _open(self, port: int, tls: ReloadingServerTLS, handler: WebHandler) -> _Door:
        bridge = self._settings.bridge
        sock = bind(bridge.host, port)
        taken: int = sock.getsockname()[1]
        web_server = web.Server(
            handler,
            handler_cancellation=True,  # a gateway that goes away cancels its query
            keepalive_timeout=bridge.idle_s,
            access_log=None,
        )
        listener = await serve_tls(
            web_server, sock, tls=tls, on_refused=_report_refused, handshake_timeout_s=bridge.handshake_s
        )
        return _Door(taken, listener, web_server)

    async def _drain(self, doors: list[_Door]) -> None:
        for door in doors:
            door.listener.close()
        finished = await self._server.drain(self._settings.bridge.drain_s)
        for door in doors:
            await door.web_server.shutdown(_CLOSE_S)
        log(_log, "agent_stopped", finished=finished)

    async def _close(self) -> None:
        deadline = self._clock.monotonic() + _CLOSE_S
        self._passwords.close()
        await self._store.close(deadline)
        if self._source_pool is not None:
            await self._source_pool.close(deadline)

    def _pool(self, name: str, dsn: str, size: int, *, is_read_only: bool = False) -> Pool:
        queries = self._settings.queries
        reserve_ms = self._settings.store.commit_reserve_ms
        options = PoolOptions(name, dsn, size, queries.slow_query_ms, queries.trace_sql, is_read_only, reserve_ms)
        return Pool(options, self._clock)

    # operations

    def _handlers(self) -> dict[Operation[Any, Any], Handler]:
        return {
            **self._sessions.handlers, **self._people.handlers, **self._auditing.handlers,
            **self._health_handlers(), **self._reporting.handlers,
            STATUS: self._status, METRICS: _metrics,
            RENEW: _issues_none if self._issuer is None else self._issuer.renew,
        }  # fmt: skip

    def _health_handlers(self) -> Mapping[Operation[Any, Any], Handler]:
        if self._source is None:
            return dict.fromkeys(HEALTH_OPERATIONS, _switched_off)
        return health.handlers(self._source, Grants(self._directory), Looks(self._store, self._clock))

    def _telling(self, operation: Operation[Any, Any], handler: Handler) -> Handler:
        """Let every gateway forget what a write made untrue: the one that asked for it is not the only one."""
        if not operation.invalidates:
            return handler

        @wraps(handler)
        async def telling(context: CallerContext, params: object) -> Answer:
            try:
                return await handler(context, params)
            finally:  # failed or not: a commit whose confirmation was lost may have been one
                self._hub.tags_invalidated(tuple(sorted(operation.invalidates)))

        return telling

    def _witnessed(self, operation: Operation[Any, Any], handler: Handler) -> Handler:
        """Send the audit trail's head along with the answer to a write, for the other machine to keep."""
        if operation.effect is not Effect.WRITE:
            return handler

        @wraps(handler)
        async def witnessed(context: CallerContext, params: object) -> Answer:
            answer = await handler(context, params)
            return replace(answer, audit_head=await self._heads.current(context.deadline))

        return witnessed

    def _traced(self, operation: Operation[Any, Any], handler: Handler) -> Handler:
        """Let the queries of a call say which call they belong to, and keep its span where that is wanted."""
        spans = self._spans

        @wraps(handler)
        async def traced(context: CallerContext, params: object) -> Answer:
            parent = None if spans is None else sampled(context.traceparent)
            if spans is None or parent is None:
                current_call.set(CallTrace(context.request_id, context.traceparent))
                return await handler(context, params)
            with spans.span(parent, operation.name, Kind.SERVER) as own:
                current_call.set(CallTrace(context.request_id, own.header, spans))
                return await handler(context, params)

        return traced

    async def _status(self, _context: CallerContext, _params: Nothing) -> Answer:
        parts = [self._store.availability, self._health]
        if self._source_pool is not None:
            parts.append(self._source_pool.availability)
        status = Status(
            version=VERSION,
            boot=self._boot,
            started_at=self._started_at,
            dependencies=tuple(_as_dependency(part) for part in parts),
        )
        return Answer(status.model_dump_json().encode())

    # what goes on beside the calls

    async def _keep_store(self) -> None:
        await self._prepare_store()
        with suppress(AppError):
            await self._store.warm(self._clock.monotonic() + _WARM_S)
        hearing = self._directory.hearing
        async with asyncio.TaskGroup() as tasks:
            if self._sender is not None:
                hearing = replace(hearing, wakes={CHANNEL: self._sender.wake})
                tasks.create_task(self._sender.run())
            await listen(self._settings.store.dsn.get_secret_value(), hearing)

    async def _prepare_store(self) -> None:
        """Return when the store has this program's schema: migrated here, or by the owner meanwhile."""
        while True:
            try:
                await self._migrate_or_check()
            except MigrationError as error:
                self._store.availability.mark_disabled(str(error))
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                self._store.availability.mark_down(error.__class__.__name__)
            else:
                return
            await asyncio.sleep(_STORE_RETRY_S)

    async def _migrate_or_check(self) -> None:
        store = self._settings.store
        if store.owner_dsn is not None:
            await migrate(store.owner_dsn.get_secret_value(), agent_role=store.agent_role)
            return
        connection = await connect(store.dsn.get_secret_value(), application_name="drawbridge-check", timeout_s=_WARM_S)
        try:
            await check(connection)
        finally:
            await connection.close(timeout=_CLOSE_S)

    async def _keep_source(self) -> None:
        if self._source is None or self._source_pool is None:
            return
        with suppress(AppError):
            await self._source_pool.warm(self._clock.monotonic() + _WARM_S)
        await self._source.watch()

    async def _follow_files(self) -> NoReturn:
        while True:
            self._bridge_keys.reload_if_changed()
            self._tls.reload_if_changed()
            self._renewal_tls.reload_if_changed()
            try:
                if self._token_keys.maintain(self._clock.time()):
                    self._hub.keys_changed()
            except TokenKeysError as error:
                log(_log, "token_keys_refused", level=logging.ERROR, reason=str(error))
            with suppress(TimeoutError):
                async with asyncio.timeout(self._settings.bridge.reload_s):
                    await self._reload.wait()
            self._reload.clear()

    async def _keep_house(self) -> NoReturn:
        while True:
            await asyncio.sleep(_HOUSEKEEPING_S)
            deadline = self._clock.monotonic() + _WARM_S
            with suppress(AppError):  # a store that is away is cleaned the next time
                await self._sessions.forget_old(deadline)
                await self._writes.forget_old(now=utc(self._clock.time()), deadline=deadline)
                keep_s = self._settings.mail.keep_s
                await Upkeep(self._store).forget_old(utc(self._clock.time()), keep_s=keep_s, deadline=deadline)

    async def _keep_certificate(self) -> None:
        if self._issuer is not None:
            bridge, due = self._settings.bridge, self._settings.certificates.terms.due
            renewal = Renewal(
                bridge.tls_dir, self._issuer.sign, now=self._issuer.now, check_s=bridge.renew_check_s, due=due
            )
            await renewal.run()

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


@dataclass(frozen=True, slots=True)
class _Door:
    """One listener, and the HTTP server behind it."""

    port: int
    listener: TLSListener
    web_server: web.Server


def _call_rules(settings: AgentSettings) -> CallRules:
    def rule(slots: Slots) -> SlotRule:
        return SlotRule(in_flight=slots.in_flight, queue=slots.queue, wait_s=slots.wait_ms / 1000)

    shedding = settings.shedding
    slots = {
        Lane.DATA: rule(shedding.data),
        Lane.CREDENTIALS: rule(shedding.credentials),
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


def _as_dependency(part: Availability) -> Dependency:
    condition = part.condition
    return Dependency(name=part.name, state=condition.state, since=utc(condition.since), reason=condition.reason)


def _report_refused(peer: str, refusal: Refusal) -> None:
    log(_log, "connection_refused", level=logging.WARNING, peer=peer, step=refusal.value)


async def _metrics(_context: CallerContext, _params: Nothing) -> Answer:
    return Answer(Metrics(text=generate_latest(REGISTRY).decode()).model_dump_json().encode())


async def _issues_none(_context: CallerContext, _params: object) -> Answer:
    raise Unavailable(Code.APP_DISABLED, "This agent renews no certificates: its setting bridge.ca_dir is not set")


async def _switched_off(_context: CallerContext, _params: object) -> Answer:
    raise Unavailable(Code.APP_DISABLED)
