"""Watches what each client asks for and how it was answered, and keeps out who has too much against them.

Two kinds of requests never count: those of an address that somebody signed in from, and those that a browser says were
made by another site's page. Any page could otherwise have its visitors banned, here or at home.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from typing import Final

from aiohttp import hdrs, web

from bridge.addresses import client_of
from bridge.errors import Code, Denied
from bridge.process.bans import Repeat
from bridge.process.logs import log
from gateway.protection import rules
from gateway.protection.bans import Bans
from gateway.protection.firewall import Firewall, Request
from gateway.protection.metrics import BANS, POINTS
from gateway.protection.rules import Rule
from gateway.protection.scores import Over, Scores
from gateway.settings import Protection
from gateway.web.client_address import UNKNOWN, is_within
from gateway.web.context import RequestContext
from gateway.web.csrf import brings_token, is_cross_site
from gateway.web.pipeline import CLIENT_CLOSED, Middleware

_log: Final = logging.getLogger(__name__)

HAND_OVER_S: Final = 15.0
"""How long this process goes on refusing whom the firewall has taken: what was on its way is still answered."""

_PROTECTED_S: Final = 3600.0
_SPARED_ANEW_S: Final = 60.0
_FAILED: Final = 400


class Guard(Middleware):
    """A middleware between who is signed in and the limits. ``ipv6_prefix``: bits that make an IPv6 client."""

    def __init__(self, settings: Protection, ipv6_prefix: int) -> None:
        self._settings = settings
        self._ipv6_prefix = ipv6_prefix
        self._is_on = settings.is_on
        self._scores = Scores(
            threshold=settings.threshold,
            drain_per_s=settings.drain_per_minute / 60,
            clients_max=settings.clients_max,
        )
        self._spared: OrderedDict[str, float] = OrderedDict()  # until when; the one seen last at the end
        self.bans: Final = Bans(settings)
        self.firewall: Final = Firewall(
            settings.helper_socket,
            on_taken=self._hand_over,
            on_protected=self._protect,
            on_repeat=self._remember,
        )

    def enter(self, request: web.Request, context: RequestContext) -> None:
        """Raise Denied (``banned``) for who is kept out: but not for who brings a session."""
        del request
        if not self.bans or context.principal is not None:
            return
        left_s = self.bans.remaining_s(client_of(context.address, self._ipv6_prefix), context.started_at)
        if left_s:
            raise Denied(Code.BANNED, retry_after_s=left_s)

    def leave(self, request: web.Request, context: RequestContext, response: web.StreamResponse) -> None:
        if not self._is_on:
            return
        status = response.status
        if context.principal is not None:
            # what the agent has not been asked is answered to a revoked token too: those have a good signature
            if status < _FAILED and context.is_vouched_for:
                until = context.started_at + self._settings.live_session_s
                client = client_of(context.address, self._ipv6_prefix)
                if self._spared.get(client, 0.0) < until - _SPARED_ANEW_S:
                    self._spare(client, until)
            return
        if context.error_code == Code.BANNED.wire or status == CLIENT_CLOSED:
            return
        path, _, query = request.raw_path.partition("?")
        found = [*rules.matches(path, query)]
        answered = rules.of_answer(
            status,
            path,
            is_routed=request.match_info.route.resource is not None,
            is_sign_in=context.error_code == Code.BAD_CREDENTIALS.wire,
        )
        if answered is not None:
            found.append(answered)
        if found and not _was_made_elsewhere(request):
            self._count(context, found)

    def lift(self, client: str) -> bool:
        """End this process's own ban of ``client``, and forget what stood against it; say whether there was one."""
        self._scores.forget(client)
        return self.bans.lift(client)

    def _count(self, context: RequestContext, found: list[Rule]) -> None:
        client, now = client_of(context.address, self._ipv6_prefix), context.started_at
        over = None
        for rule in found:
            POINTS.labels(rule.id).inc(rule.points)
            over = self._scores.add(client, rule, now) or over
        if over is not None and self._may_be_banned(client, context.address, now):
            self._ban(client, over, context)

    def _may_be_banned(self, client: str, address: str, now: float) -> bool:
        if address in {"", UNKNOWN} or is_within(address, self._settings.never_ban):
            return False
        return self._spared.get(client, 0.0) <= now

    def _ban(self, client: str, over: Over, context: RequestContext) -> None:
        ban = self.bans.begin(client, context.started_at)
        self.firewall.ask(Request(client, context.address, ban.duration_s, over.reason, at=context.started_at))
        BANS.labels(over.reason).inc()
        log(
            _log,
            "client_banned",
            level=logging.WARNING,
            request_id=context.request_id,
            address=client,
            reason=over.reason,
            points=round(over.points),
            rules=", ".join(f"{rule} {count}" for rule, count in sorted(over.rules.items())),
            duration_s=ban.duration_s,
            nth=ban.nth,
        )

    def _spare(self, client: str, until: float) -> None:
        """Ban ``client`` in no case before ``until``."""
        self._spared[client] = until
        self._spared.move_to_end(client)
        if len(self._spared) > self._settings.clients_max:
            self._spared.popitem(last=False)

    # what the firewall says

    def _hand_over(self, taken: Request) -> None:
        self.bans.end_by(taken.client, taken.at + HAND_OVER_S)

    def _remember(self, repeat: Repeat, over_at: float) -> None:
        address = repeat.address.partition("/")[0]
        self.bans.remember(client_of(address, self._ipv6_prefix), repeat.times, over_at)

    def _protect(self, refused: Request) -> None:
        self.bans.lift(refused.client)
        self._spare(refused.client, refused.at + _PROTECTED_S)


def _was_made_elsewhere(request: web.Request) -> bool:
    """Say whether a page of another site may have made the request: its visitor is not to blame.

    Who is at it can say so too, and is not banned then: limits hold all the same, and nothing rests on bans.
    """
    if brings_token(request):
        return False  # no page sends that to another site without asking first, and we would say no
    if is_cross_site(request):
        return True
    if "Sec-Fetch-Site" in request.headers:
        return False
    referer = request.headers.get(hdrs.REFERER)
    if referer is None:
        return False
    return referer.partition("://")[2].partition("/")[0] != request.headers.get(hdrs.HOST)
