"""One gateway process: its parts, and how they start, follow their files and stop."""

from __future__ import annotations

import asyncio
import binascii
import logging
import secrets
import socket
from collections.abc import Coroutine, Sequence
from contextlib import AsyncExitStack, ExitStack, suppress
from dataclasses import dataclass
from typing import Final, cast

from aiohttp import web

from bridge.client import metrics
from bridge.client.call import BridgeClient
from bridge.client.feed import Feed, FeedListener
from bridge.client.session import SignedSession
from bridge.client.transport import Transport
from bridge.contracts.operation import Lane
from bridge.keys import KeyStore
from bridge.process import logs, notify
from bridge.process.clock import Clock, SystemClock
from bridge.process.logs import log
from bridge.process.version import VERSION
from bridge.spans.otlp import SpanExporter
from bridge.spans.recording import Spans
from bridge.tls import ReloadingClientTLS
from gateway.accounts.tokens import TokenVerifier
from gateway.app import Parts, build_application
from gateway.apps.health.chat.chat import Chat
from gateway.bridging import client_of, feed_of, renewal_of, transports_of
from gateway.protection.guard import Guard
from gateway.settings import SEAL_KEY_BYTES, GatewaySettings
from gateway.status.model import OwnFacts
from gateway.web.access_log import AccessLog
from gateway.web.health import Health
from gateway.web.listen import open_sockets
from gateway.web.metrics import CERTIFICATE_END, REQUEST_DURATIONS
from gateway.web.response_headers import Drain
from gateway.web.server import HttpServer
from gateway.web.spans import TracedBridge
from gateway.web.tls import WebCertificate

_log: Final = logging.getLogger(__name__)

_FEED_WAIT_S: Final = 1.0
"""How long a start waits for the feed: below what a unit may take to be ready."""


class Gateway:
    """One gateway process, made of its settings.

    Raises :class:`~bridge.keys.KeysRefused` or :class:`~bridge.tls.TLSRefused` when its own files cannot be used, and
    OSError for a web certificate that cannot.
    """

    def __init__(self, settings: GatewaySettings, clock: Clock | None = None) -> None:
        self._settings = settings
        self._clock = clock = clock or SystemClock()
        self._spans = Spans(clock) if settings.tracing.endpoint else None
        self._keys = KeyStore(settings.bridge.keys_dir)
        self._tls = ReloadingClientTLS(settings.bridge.tls_dir)
        listen = settings.listen
        self._certificate = WebCertificate(listen.certificate, listen.key) if listen.certificate else None
        self._drain = Drain()
        self._guard = Guard(settings.protection, settings.web.client_ipv6_prefix)
        self._session = SignedSession(authority=settings.bridge.server_name, keys=self._keys, clock=clock)
        self._verifier = TokenVerifier(
            clock=clock,
            agent_time=self._session.agent_time,
            outage_grace_s=settings.session.outage_grace_s,
            remembered_max=settings.session.remembered_max,
        )
        self.addresses: tuple[str, ...] = ()
        """Where it listens, once it does."""

    def check(self) -> None:
        """Raise SettingsError where a setting names what there is not: a limit's route."""
        if self._settings.limits.routes:
            nobody = cast("BridgeClient", None)  # the application is made, and asks nobody yet
            own_health = Health(bridge=nobody, clock=self._clock, version=VERSION, metrics_networks=())
            self._application(nobody, own_health)

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until ``stop`` is set, then let every request that was begun finish. Raises CannotListen."""
        with ExitStack() as closing:  # also where a start fails half-way
            sockets = [closing.enter_context(each) for each in open_sockets(self._settings.listen)]
            await self._serve(sockets, stop)

    async def _serve(self, sockets: Sequence[socket.socket], stop: asyncio.Event) -> None:
        settings = self._settings.bridge
        async with asyncio.TaskGroup() as tasks, AsyncExitStack() as leaving:  # however it ends, the last opened first
            transports = transports_of(settings, self._tls)
            listeners: list[FeedListener] = [self._verifier]
            feed = feed_of(settings, self._session, transports[Lane.MACHINE], self._clock, listeners)
            self._verifier.follow(feed)
            bridge = client_of(settings, self._session, transports, feed, clock=self._clock, tasks=tasks)
            leaving.push_async_callback(bridge.close)
            own_health = Health(
                bridge=bridge,
                clock=self._clock,
                version=VERSION,
                metrics_networks=self._settings.web.metrics_networks,
            )
            listeners += [bridge, own_health]
            server = HttpServer(
                self._application(bridge, own_health),
                listen=self._settings.listen,
                limits=self._settings.web,
                certificate=self._certificate,
                drain=self._drain,
            )

            def follow(work: Coroutine[None, None, None]) -> None:
                leaving.callback(tasks.create_task(work).cancel)

            follow(feed.run())
            with suppress(TimeoutError):  # who is signed in can be told once the feed has brought the keys
                async with asyncio.timeout(_FEED_WAIT_S):
                    await feed.opened.wait()
            follow(self._follow_files(feed, transports))
            follow(renewal_of(settings, self._session, self._tls, self._clock).run())
            follow(self._guard.firewall.run())
            follow(_beat_watchdog(server))
            follow(self._send_spans(stop))
            leaving.push_async_callback(server.stop)
            await server.start(sockets)
            self.addresses = tuple(server.addresses)
            log(_log, "gateway_started", version=VERSION, addresses=server.addresses)
            notify.notify(notify.READY)
            await stop.wait()
            notify.notify(notify.STOPPING)
        log(_log, "gateway_stopped")

    def _application(self, bridge: BridgeClient, own_health: Health) -> web.Application:
        settings = self._settings
        parts = Parts(
            bridge=bridge if self._spans is None else TracedBridge(bridge, self._spans),
            verifier=self._verifier,
            health=own_health,
            chat=Chat(seal_key=_seal_key(settings), emergency_number=settings.chat.emergency_number, clock=self._clock),
            access_log=AccessLog(
                clock=self._clock,
                write=logs.line_writer(),
                durations=REQUEST_DURATIONS,
                host=settings.log.host,
                level=logging.getLevelName(settings.log.level.upper()),
            ),
            clock=self._clock,
            drain=self._drain,
            process=_OwnProcess(bridge, self._guard, self._clock),
            guard=self._guard,
            spans=self._spans,
        )
        return build_application(settings, parts)

    async def _send_spans(self, stop: asyncio.Event) -> None:
        if self._spans is not None:
            endpoint, host = self._settings.tracing.endpoint, self._settings.log.host
            await SpanExporter(self._spans, endpoint=endpoint, service="drawbridge-gateway", host=host).run(stop)

    async def _follow_files(self, feed: Feed, transports: dict[Lane, Transport]) -> None:
        """Take up replaced keys and certificates, and close connections that idled too long."""
        _tell_ends(self._tls)
        while True:
            await asyncio.sleep(self._settings.bridge.reload_s)
            self._keys.reload_if_changed()
            if self._tls.reload_if_changed():
                _tell_ends(self._tls)
            if self._certificate is not None:
                self._certificate.reload_if_changed()
            for transport in transports.values():
                transport.close_idle()
            metrics.FEED_BEHIND_S.set(feed.behind_s)


async def _beat_watchdog(server: HttpServer) -> None:
    """Tell systemd that this loop turns and its listener stands: neither says anything of the other machine."""
    interval_s = notify.watchdog_interval_s()
    if interval_s is None:
        return
    while True:
        if server.is_listening:
            notify.notify(notify.WATCHDOG)
        await asyncio.sleep(interval_s)


def _tell_ends(tls: ReloadingClientTLS) -> None:
    for name, end in tls.ends.items():
        CERTIFICATE_END.labels("gateway" if name == "leaf" else name).set(end.timestamp())


@dataclass(frozen=True, slots=True)
class _OwnProcess:
    """What the status page says of the process that shows it."""

    bridge: BridgeClient
    guard: Guard
    clock: Clock

    def own_facts(self) -> OwnFacts:
        breakers = tuple((lane.value, state.value) for lane, state in self.bridge.breaker_states.items())
        bans = tuple(self.guard.bans.current(self.clock.monotonic()).items())
        return OwnFacts(breakers, self.bridge.cache_bytes, self.bridge.cache_entries, bans)


def _seal_key(settings: GatewaySettings) -> bytes:
    if settings.chat.seal_key is None:
        log(_log, "seal_key_made", level=logging.WARNING, reason="chat.seal_key is not set: conversations end with it")
        return secrets.token_bytes(SEAL_KEY_BYTES)
    return binascii.a2b_base64(settings.chat.seal_key.get_secret_value())
