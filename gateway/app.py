"""The gateway's only assembly point: which parts there are, how they hold together, how they start and stop."""

from __future__ import annotations

import asyncio
import binascii
import logging
import secrets
import socket
from collections.abc import Sequence
from contextlib import ExitStack, suppress
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
from gateway.accounts import (
    administration,
    feedback,
    invitations,
    joining,
    leaving,
    own_account,
    signing_in,
    through_provider,
)
from gateway.accounts.administration import AdministrationApi
from gateway.accounts.feedback import FeedbackApi
from gateway.accounts.invitations import InvitationsApi
from gateway.accounts.joining import JoiningApi
from gateway.accounts.leaving import LeavingApi
from gateway.accounts.own_account import OwnAccountApi
from gateway.accounts.pages import routes as account_pages
from gateway.accounts.sign_in_page import SignInPage
from gateway.accounts.signing_in import SigningIn
from gateway.accounts.through_provider import ThroughProvider
from gateway.accounts.tokens import TokenVerifier
from gateway.apps import health as health_app
from gateway.apps.health.chat.chat import Chat
from gateway.apps.health.export import ExportedRecords
from gateway.audit import api as audit_api
from gateway.audit import pages as audit_pages
from gateway.audit.api import AuditApi
from gateway.audit.pages import AuditPages
from gateway.bridging import client_of, feed_of, renewal_of, transports_of
from gateway.protection.guard import Guard
from gateway.settings import SEAL_KEY_BYTES, GatewaySettings
from gateway.status import lifting
from gateway.status import page as status_page
from gateway.status.admins import Admins
from gateway.status.fragments import Process
from gateway.status.model import OwnFacts
from gateway.web import api_description, csp_reports, health
from gateway.web.access_log import AccessLog
from gateway.web.api_description import ApiDescription
from gateway.web.assets import Assets
from gateway.web.calls import Bridge
from gateway.web.errors import answer_error
from gateway.web.health import Health
from gateway.web.listen import open_sockets
from gateway.web.metrics import CERTIFICATE_END, REQUEST_DURATIONS
from gateway.web.middlewares import middlewares
from gateway.web.pages import set_up_pages
from gateway.web.pipeline import run_through
from gateway.web.rate_limits import check_routes
from gateway.web.response_headers import Drain
from gateway.web.server import HttpServer
from gateway.web.spans import RequestSpans, TracedBridge
from gateway.web.tls import WebCertificate
from gateway.web.tracing import begin_request

_log: Final = logging.getLogger(__name__)

_FEED_WAIT_S: Final = 1.0
"""How long a start waits for the feed: below what a unit may take to be ready."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What the application is made of besides its settings."""

    bridge: Bridge
    verifier: TokenVerifier
    health: Health
    chat: Chat
    access_log: AccessLog
    clock: Clock
    drain: Drain
    process: Process
    guard: Guard
    spans: Spans | None = None


def build_application(settings: GatewaySettings, parts: Parts) -> web.Application:
    """Return the application with its middlewares and every route."""
    each_request = run_through(
        middlewares(
            settings.web,
            settings.limits,
            verifier=parts.verifier,
            access_log=parts.access_log,
            drain=parts.drain,
            guard=parts.guard,
            spans=None if parts.spans is None else RequestSpans(parts.spans, parts.clock),
        ),
        begin=begin_request(
            clock=parts.clock,
            deadline_s=settings.web.deadline_s,
            ratio=None if parts.spans is None else settings.tracing.ratio,
        ),
        answer_error=answer_error,
    )
    app = web.Application(middlewares=(each_request,), client_max_size=settings.web.body_max_bytes)
    assets = Assets()
    set_up_pages(app, assets=assets, emergency_number=settings.chat.emergency_number)
    app.router.add_get("/static/{name}", assets.serve)
    csp_reports.add_routes(app)
    api_description.add_routes(app, ApiDescription())
    health.add_routes(app, parts.health)
    sign_up = settings.joining.sign_up
    page = SignInPage(offers_sign_up=sign_up, provider=settings.oidc.name)
    signing_in.add_routes(app, SigningIn(bridge=parts.bridge, verifier=parts.verifier, page=page))
    through_provider.add_routes(app, ThroughProvider(bridge=parts.bridge, verifier=parts.verifier, page=page))
    own_account.add_routes(app, OwnAccountApi(bridge=parts.bridge, verifier=parts.verifier))
    joining.add_routes(app, JoiningApi(bridge=parts.bridge))
    invitations.add_routes(app, InvitationsApi(bridge=parts.bridge))
    account_pages.add_routes(app, bridge=parts.bridge, verifier=parts.verifier, offers_sign_up=sign_up)
    records = {"health": ExportedRecords(parts.bridge).pages}
    leaving.add_routes(app, LeavingApi(bridge=parts.bridge, verifier=parts.verifier, records=records))
    feedback.add_routes(app, FeedbackApi(bridge=parts.bridge))
    administration.add_routes(app, AdministrationApi(bridge=parts.bridge))
    audit_api.add_routes(app, AuditApi(bridge=parts.bridge, zone=settings.chat.zone))
    audit_pages.add_routes(app, AuditPages(bridge=parts.bridge, zone=settings.chat.zone))
    health_app.add_routes(app, bridge=parts.bridge, chat=parts.chat, zone=settings.chat.zone, assets=assets)
    admins = Admins(bridge=parts.bridge, verifier=parts.verifier)
    status_page.add_routes(app, settings, admins=admins, process=parts.process, clock=parts.clock, drain=parts.drain)
    lifting.add_routes(app, admins=admins, lift_own=parts.guard.lift, socket=settings.protection.helper_socket)
    check_routes(settings.limits, app)
    return app


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
        async with asyncio.TaskGroup() as tasks:
            transports = transports_of(settings, self._tls)
            listeners: list[FeedListener] = [self._verifier]
            feed = feed_of(settings, self._session, transports[Lane.MACHINE], self._clock, listeners)
            self._verifier.follow(feed)
            bridge = client_of(settings, self._session, transports, feed, clock=self._clock, tasks=tasks)
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
            following = tasks.create_task(feed.run())
            with suppress(TimeoutError):  # who is signed in can be told once the feed has brought the keys
                async with asyncio.timeout(_FEED_WAIT_S):
                    await feed.opened.wait()
            await server.start(sockets)
            background = [
                following,
                tasks.create_task(self._follow_files(feed, transports)),
                tasks.create_task(renewal_of(settings, self._session, self._tls, self._clock).run()),
                tasks.create_task(self._guard.firewall.run()),
                tasks.create_task(_beat_watchdog(server)),
                tasks.create_task(self._send_spans(stop)),
            ]
            self.addresses = tuple(server.addresses)
            log(_log, "gateway_started", version=VERSION, addresses=server.addresses)
            notify.notify(notify.READY)
            await stop.wait()
            notify.notify(notify.STOPPING)
            await server.stop()
            for task in background:
                task.cancel()
            await bridge.close()
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
