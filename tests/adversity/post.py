"""A real mail server that a keep sends to, behind a proxy, and the outbox as PostgreSQL has it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import trustme

from demo.door import free_port
from tests.adversity.proxy import Proxy
from tests.adversity.relay import DyingRelay, dying_relay
from tests.mail_server import PASSWORD, USER, Mailbox, mail_server

OWNER: Final = "owner@example.org"
"""Gets what people write to the owner of the appliance."""

_HOST: Final = "127.0.0.1"
_CREDENTIAL: Final = "mail.password"
_OFTEN: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class PostOffice:
    """The way to the mail server leads through ``way``, or where there is one through ``relay``, once it is started.

    ``settings`` and the rest make an agent use it.
    """

    mailbox: Mailbox
    way: Proxy
    key_file: Path
    settings: Mapping[str, object]
    credentials: Mapping[str, str]
    variables: Mapping[str, str]
    relay: DyingRelay | None = None


@asynccontextmanager
async def post_office(folder: Path, *, has_relay: bool = False) -> AsyncIterator[PostOffice]:
    """Give a mail server, whose authority is written into ``folder``."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(mail_server(authority, name=_HOST))
        way = await stack.enter_async_context(Proxy((_HOST, 0), (_HOST, server.port)))
        key_file = folder / "key"
        settings: dict[str, object] = {
            "mail.host": _HOST,
            "mail.port": way.port,
            "mail.username": USER,
            "mail.sender": "box@example.org",
            "mail.site": "https://health.example.org",
            "mail.owner": OWNER,
            "mail.key_file": key_file,
            "limits.feedback_per_account": _OFTEN,
            "limits.feedback_per_address": _OFTEN,
            "limits.mails_per_recipient": _OFTEN,
            "limits.mails_per_address": _OFTEN,
        }
        trust = {"SSL_CERT_FILE": str(folder / "ca.pem")}
        relay = None
        if has_relay:
            port = free_port()
            settings |= {"mail.port": server.port, "relay.host": _HOST, "relay.port": port}
            relay = await stack.enter_async_context(dying_relay(folder, port, f"{_HOST}:{server.port}"))
        yield PostOffice(server.mailbox, way, key_file, settings, {_CREDENTIAL: PASSWORD}, trust, relay)
