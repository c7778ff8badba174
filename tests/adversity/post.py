"""A real mail server that a keep sends to, behind a proxy, and the outbox as PostgreSQL has it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import trustme

from tests.adversity.proxy import Proxy
from tests.mail_server import PASSWORD, USER, Mailbox, mail_server

OWNER: Final = "owner@example.org"
"""Gets what people write to the owner of the appliance."""

_CREDENTIAL: Final = "mail.password"
_OFTEN: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class PostOffice:
    """The way to the mail server leads through ``way``. ``settings`` and the rest make an agent use it."""

    mailbox: Mailbox
    way: Proxy
    key_file: Path
    settings: Mapping[str, object]
    credentials: Mapping[str, str]
    variables: Mapping[str, str]


@asynccontextmanager
async def post_office(folder: Path) -> AsyncIterator[PostOffice]:
    """Give a mail server, whose authority is written into ``folder``."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    async with mail_server(authority) as server, Proxy(("127.0.0.1", 0), ("127.0.0.1", server.port)) as way:
        key_file = folder / "key"
        settings = {
            "mail.host": "localhost",
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
        yield PostOffice(server.mailbox, way, key_file, settings, {_CREDENTIAL: PASSWORD}, trust)
