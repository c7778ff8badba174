"""The gateway's application: every route there is, and what stands before each."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from bridge.process.clock import Clock
from bridge.spans.recording import Spans
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
from gateway.protection.guard import Guard
from gateway.settings import GatewaySettings
from gateway.status import lifting
from gateway.status import page as status_page
from gateway.status.admins import Admins
from gateway.status.fragments import Process
from gateway.web import api_description, csp_reports, health
from gateway.web.access_log import AccessLog
from gateway.web.api_description import ApiDescription
from gateway.web.assets import Assets
from gateway.web.calls import Bridge
from gateway.web.errors import answer_error
from gateway.web.health import Health
from gateway.web.middlewares import middlewares
from gateway.web.pages import set_up_pages
from gateway.web.pipeline import run_through
from gateway.web.rate_limits import check_routes
from gateway.web.response_headers import Drain
from gateway.web.spans import RequestSpans
from gateway.web.tracing import begin_request


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
    audit_pages.add_routes(app, AuditPages(bridge=parts.bridge))
    health_app.add_routes(app, bridge=parts.bridge, chat=parts.chat, zone=settings.chat.zone, assets=assets)
    admins = Admins(bridge=parts.bridge, verifier=parts.verifier)
    status_page.add_routes(app, settings, admins=admins, process=parts.process, clock=parts.clock, drain=parts.drain)
    lifting.add_routes(app, admins=admins, lift_own=parts.guard.lift, socket=settings.protection.helper_socket)
    check_routes(settings.limits, app)
    return app
