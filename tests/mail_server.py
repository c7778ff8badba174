"""A real mail server on loopback, with TLS and a login, that answers what a test wants."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any, Literal

import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

Security = Literal["starttls", "tls"]
USER = "drawbridge"
PASSWORD = "open-sesame-of-the-owner"


async def _nothing() -> None:
    pass


@dataclass
class Mailbox:
    """What the server took, and how it answers: None from ``mail``, ``rcpt`` and ``data`` is yes."""

    taken: list[EmailMessage] = field(default_factory=list)
    envelopes: list[list[str]] = field(default_factory=list)
    """Whom each was taken for."""
    sessions: int = 0
    logins: int = 0
    mail: Callable[[], str | None] = lambda: None
    rcpt: Callable[[str], str | None] = lambda _address: None
    data: Callable[[], str | None] = lambda: None
    has_taken: Callable[[], Awaitable[None]] = _nothing
    """Done when a mail was taken, before that is said."""

    def recipients(self) -> list[str]:  # no property: aiosmtpd reads every attribute when somebody connects
        return [str(message["To"]) for message in self.taken]

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's names
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if not session.authenticated:
            return "530 5.7.0 Authentication required"
        if refusal := self.mail():
            return refusal
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if refusal := self.rcpt(address):
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if refusal := self.data():
            return refusal
        assert isinstance(envelope.content, bytes)
        self.taken.append(message_from_bytes(envelope.content, _class=EmailMessage, policy=default))
        self.envelopes.append(list(envelope.rcpt_tos))
        await self.has_taken()
        return "250 2.0.0 queued"

    def authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _kind: str, data: object
    ) -> AuthResult:
        self.logins += 1
        if data == LoginPassword(USER.encode(), PASSWORD.encode()):
            return AuthResult(success=True)
        # a server that has no manners, and says what it was given
        said = data.password.decode() if isinstance(data, LoginPassword) else ""
        return AuthResult(success=False, handled=False, message=f"535 5.7.8 bad credentials ({said})")


@dataclass
class MailServer:
    mailbox: Mailbox
    port: int
    tls: ssl.SSLContext
    """What a client trusts."""
    sessions: list[SMTP] = field(default_factory=list)

    async def cut(self) -> None:
        """Break every connection off."""
        for transport in [session.transport for session in self.sessions]:
            if isinstance(transport, asyncio.WriteTransport):
                transport.abort()
        for _ in range(3):  # the loop closes an aborted socket in its next rounds
            await asyncio.sleep(0)


@asynccontextmanager
async def mail_server(
    authority: trustme.CA, security: Security = "starttls", *, name: str = "localhost", port: int = 0
) -> AsyncIterator[MailServer]:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(tls)
    mailbox = Mailbox()
    loop = asyncio.get_running_loop()

    sessions: list[SMTP] = []

    def protocol() -> SMTP:
        mailbox.sessions += 1
        offer: dict[str, Any] = {
            "auth_require_tls": False
        }  # aiosmtpd does not see TLS that was there from the beginning
        if security == "starttls":
            offer = {"tls_context": tls, "require_starttls": True}
        sessions.append(SMTP(mailbox, authenticator=mailbox.authenticate, loop=loop, **offer))
        return sessions[-1]

    listener = await loop.create_server(protocol, "127.0.0.1", port, ssl=tls if security == "tls" else None)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    async with listener:
        server = MailServer(mailbox, listener.sockets[0].getsockname()[1], client, sessions)
        yield server
        await server.cut()
        for _ in range(3):  # the loop closes an aborted socket in its next round
            await asyncio.sleep(0)
