"""``POST /status/bans/lift``: an administrator lets a banned client in again."""

from __future__ import annotations

import logging
from collections.abc import Callable
from ipaddress import ip_interface
from pathlib import Path
from typing import Annotated, Final

from aiohttp import web
from pydantic import StringConstraints

from bridge.contracts.operation import Model
from bridge.errors import Code, Denied, Unavailable
from bridge.process.bans import HelperAway, HelperRefused, ask_to_lift
from bridge.process.logs import log
from gateway.status.admins import Admins
from gateway.web.context import CONTEXT
from gateway.web.inputs import invalid, read_form
from gateway.web.pages import see_other

_log: Final = logging.getLogger(__name__)


class _Lift(Model):
    address: Annotated[str, StringConstraints(min_length=2, max_length=64)]


class LiftingBans:
    """The handler. ``lift_own`` ends this process's own ban of a client, and says whether there was one.

    The firewall's are lifted by its helper, which gives back what the gateway asked for: a ban that was made at the
    rescue console is lifted there.
    """

    def __init__(self, *, admins: Admins, lift_own: Callable[[str], bool], socket: Path) -> None:
        self._admins = admins
        self._lift_own = lift_own
        self._socket = socket

    async def lift(self, request: web.Request) -> web.Response:
        principal = await self._admins.require(request)
        client = _client((await read_form(request, _Lift)).address)
        was_own = self._lift_own(client)
        try:
            was_firewalls = await ask_to_lift(client, socket=self._socket)
        except HelperRefused as refused:
            was_firewalls = False
            if refused.code == "denied" and not was_own:
                raise Denied(Code.FORBIDDEN, "Only a ban of the gateway's own is lifted here") from refused
        except HelperAway as error:
            was_firewalls = False
            if not was_own:
                raise Unavailable(Code.UNREACHABLE, "The ban helper does not answer") from error
        log(
            _log, "ban_lifted", request_id=request[CONTEXT].request_id, address=client, user_id=principal.user_id,
            own=was_own, firewall=was_firewalls,
        )  # fmt: skip
        return see_other("/status")


def _client(text: str) -> str:
    """Return an address or an IPv6 network as bans are listed."""
    try:
        found = ip_interface(text)
    except ValueError:
        raise invalid(name="address", message="must be an address of the list") from None
    return str(found.network) if "/" in text else str(found.ip)


def add_routes(app: web.Application, *, admins: Admins, lift_own: Callable[[str], bool], socket: Path) -> None:
    handlers = LiftingBans(admins=admins, lift_own=lift_own, socket=socket)
    app.router.add_post("/status/bans/lift", handlers.lift)
