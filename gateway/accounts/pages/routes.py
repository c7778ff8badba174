"""Every route of the pages about accounts."""

from __future__ import annotations

from aiohttp import web

from gateway.accounts.pages import (
    activity,
    everybody,
    feedback,
    going,
    invitations,
    links,
    own,
    security,
    sign_up,
    somebody,
)
from gateway.accounts.pages.activity import ActivityPage
from gateway.accounts.pages.everybody import EverybodyPages
from gateway.accounts.pages.feedback import FeedbackPages
from gateway.accounts.pages.going import GoingPages
from gateway.accounts.pages.invitations import InvitationsPage
from gateway.accounts.pages.links import LinkPages
from gateway.accounts.pages.own import OwnPages
from gateway.accounts.pages.security import SecurityPages
from gateway.accounts.pages.sign_up import SignUpPage
from gateway.accounts.pages.somebody import SomebodyPages
from gateway.accounts.tokens import TokenVerifier
from gateway.web.calls import Bridge


def add_routes(app: web.Application, *, bridge: Bridge, verifier: TokenVerifier, offers_sign_up: bool) -> None:
    links.add_routes(app, LinkPages(bridge=bridge))
    sign_up.add_routes(app, SignUpPage(bridge=bridge, is_open=offers_sign_up))
    own.add_routes(app, OwnPages(bridge=bridge))
    security.add_routes(app, SecurityPages(bridge=bridge, verifier=verifier))
    activity.add_routes(app, ActivityPage(bridge=bridge))
    going.add_routes(app, GoingPages(bridge=bridge, verifier=verifier))
    everybody.add_routes(app, EverybodyPages(bridge=bridge))
    invitations.add_routes(app, InvitationsPage(bridge=bridge))
    feedback.add_routes(app, FeedbackPages(bridge=bridge))
    somebody.add_routes(app, SomebodyPages(bridge=bridge))
