"""The gateway's only assembly point: which parts there are, and how they hold together."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from bridge.process.clock import Clock
from gateway.accounts import signing_in
from gateway.accounts.signing_in import SigningIn
from gateway.accounts.tokens import TokenVerifier
from gateway.apps.health import api, pages
from gateway.apps.health.api import SymptomApi
from gateway.apps.health.chat.chat import Chat
from gateway.apps.health.pages import ChatPages
from gateway.settings import GatewaySettings
from gateway.web import health
from gateway.web.assets import Assets
from gateway.web.calls import Bridge
from gateway.web.health import Health
from gateway.web.middlewares import middlewares
from gateway.web.pages import set_up_pages
from gateway.web.response_headers import Drain


@dataclass(frozen=True, slots=True)
class Parts:
    """What the application is made of besides its settings."""

    bridge: Bridge
    verifier: TokenVerifier
    health: Health
    chat: Chat
    clock: Clock
    drain: Drain


def build_application(settings: GatewaySettings, parts: Parts) -> web.Application:
    """Return the application with its middlewares and every route."""
    app = web.Application(
        middlewares=middlewares(
            settings.web, settings.limits, verifier=parts.verifier, clock=parts.clock, drain=parts.drain
        ),
        client_max_size=settings.web.body_max_bytes,
    )
    assets = Assets()
    set_up_pages(app, assets=assets, emergency_number=settings.chat.emergency_number)
    app.router.add_get("/static/{name}", assets.serve)
    health.add_routes(app, parts.health)
    signing_in.add_routes(app, SigningIn(bridge=parts.bridge, verifier=parts.verifier))
    zone = settings.chat.zone
    api.add_routes(app, SymptomApi(bridge=parts.bridge, zone=zone))
    pages.add_routes(app, ChatPages(bridge=parts.bridge, chat=parts.chat, zone=zone, assets=assets))
    return app
