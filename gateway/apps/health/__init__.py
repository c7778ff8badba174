"""Health symptom records: the API, the chat and its page."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from aiohttp import web

from gateway.apps.health import api, pages
from gateway.apps.health.api import SymptomApi
from gateway.apps.health.chat.chat import Chat
from gateway.apps.health.pages import ChatPages
from gateway.web.assets import Assets
from gateway.web.calls import Bridge


def add_routes(app: web.Application, *, bridge: Bridge, chat: Chat, zone: ZoneInfo, assets: Assets) -> None:
    """Put everything that the app shows into ``app``. ``zone`` is meant where a client does not say its own."""
    api.add_routes(app, SymptomApi(bridge=bridge, zone=zone))
    pages.add_routes(app, ChatPages(bridge=bridge, chat=chat, zone=zone, assets=assets))
