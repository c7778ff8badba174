"""Handing mails to the mail server: one connection, many mails, TLS that is always verified (RFC 8314, RFC 3207)."""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Literal, cast

from aiosmtplib import SMTP, SMTPException, SMTPResponseException

from agent.outward import connect_out
from agent.settings import Mail, Relay

COMMAND_S: Final = 30.0
"""How long the server may take for one answer."""
OPEN_S: Final = 60.0
HAND_OVER_S: Final = 120.0
PER_CONNECTION: Final = 50
"""Mails on one connection: servers end those that are too long."""

_REASON_MAX: Final = 300
_MINE: Final = "[127.0.0.1]"
"""Our name in EHLO, an address literal: the keep's own name means nothing to others."""
_PORTS: Final = {"starttls": 587, "tls": 465}


class Away(Exception):
    """No mail can be handed over now, whichever it is; the message says why, for the owner."""

    def __init__(self, reason: str, *, is_stale: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_stale = is_stale
        """Whether just this connection is used up, and a new one may do."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a mail: the server has it; may be asked again; will never take it."""

    kind: Literal["sent", "later", "never"]
    reason: str


class Post:
    """The way to the mail server. Give ``tls`` for other authorities than the system's."""

    def __init__(self, settings: Mail, relay: Relay, *, tls: ssl.SSLContext | None = None) -> None:
        self._settings = settings
        self._relay = relay
        self._tls = tls

    async def open(self) -> Connection:
        """Return a connection on which mails can be handed over. Raises :class:`Away`."""
        settings = self._settings
        port = settings.port or _PORTS[settings.security]
        try:
            async with asyncio.timeout(OPEN_S):
                # made for each connection: the authorities weigh megabytes
                tls = await asyncio.to_thread(_trust) if self._tls is None else self._tls
                sock = await connect_out(self._relay, settings.host, port, within_s=COMMAND_S)
                return await self._log_in(sock, tls)
        except (OSError, SMTPException, ValueError) as error:
            raise Away(self.explain(error)) from None

    async def _log_in(self, sock: socket.socket, tls: ssl.SSLContext) -> Connection:
        settings = self._settings
        client = SMTP(
            hostname=settings.host,
            sock=sock,
            use_tls=settings.security == "tls",
            start_tls=False,  # not by itself: it would go on without where there is none
            tls_context=tls,
            local_hostname=_MINE,
            timeout=COMMAND_S,
        )
        transports: list[asyncio.BaseTransport | None] = []
        try:
            await client.connect()
            transports.append(client.transport)
            if settings.security == "starttls":
                await client.starttls()
                transports.append(client.transport)
            if settings.username:
                await client.login(settings.username, self._password)
        except BaseException:
            client.close()
            for transport in transports:
                _cut(transport)
            sock.close()
            raise
        return Connection(client, self)

    @property
    def sender(self) -> str:
        return self._settings.sender or ""

    @property
    def _password(self) -> str:
        return self._settings.password.get_secret_value() if self._settings.password else ""

    def explain(self, error: BaseException) -> str:
        """Return one line for the owner, without the password, should the server have quoted it."""
        causes = [error, error.__cause__, error.__context__]
        if bad := next((each for each in causes if isinstance(each, ssl.SSLCertVerificationError)), None):
            text = f"the certificate of {self._settings.host} is not good: {bad.verify_message}"
        elif isinstance(error, SMTPResponseException):
            text = f"{error.code} {error.message}"
        elif isinstance(error, TimeoutError):
            text = "it did not answer in time"
        else:
            text = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return self.one_line(text)

    def one_line(self, text: str) -> str:
        text = text.replace(self._password, "…") if self._password else text
        return "".join(letter if letter.isprintable() else " " for letter in text)[:_REASON_MAX]


class Connection:
    """One connection to the mail server, after its login."""

    def __init__(self, client: SMTP, post: Post) -> None:
        self._client = client
        self._transport = client.transport
        self._post = post
        self._handed_over = 0

    @property
    def is_usable(self) -> bool:
        return self._client.is_connected and self._handed_over < PER_CONNECTION

    async def hand_over(self, recipient: str, content: bytes) -> Outcome:
        """Give the server one mail, and return what became of it.

        ``later`` may mean that the server has it nevertheless: where the connection broke off after the text, SMTP
        cannot tell. Raises :class:`Away` where the server refuses us, not this mail: nothing of it was given then.
        """
        client = self._client
        try:
            async with asyncio.timeout(HAND_OVER_S):
                await self._begin()
                await client.rcpt(recipient)
                answer = await client.data(content)
        except SMTPResponseException as error:
            outcome = Outcome("never" if 500 <= error.code < 600 else "later", self._post.explain(error))  # noqa: PLR2004
            await self._reset()
        except (OSError, SMTPException, ValueError) as error:
            outcome = Outcome("later", self._post.explain(error))
            self._end()
        else:
            outcome = Outcome("sent", self._post.one_line(f"{answer.code} {answer.message}"))
        self._handed_over += 1
        return outcome

    async def _begin(self) -> None:
        """Name the sender, which is the same in every mail: a refusal is about us."""
        try:
            await self._client.mail(self._post.sender)
        except (OSError, SMTPException, ValueError) as error:
            self._end()
            raise Away(self._post.explain(error), is_stale=self._handed_over > 0) from None

    async def _reset(self) -> None:
        try:
            await self._client.rset()
        except (OSError, SMTPException):
            self._end()

    async def close(self) -> None:
        """Say goodbye; how that goes changes nothing."""
        try:
            if self._client.is_connected:
                with suppress(OSError, SMTPException):
                    await self._client.execute_command(b"QUIT", timeout=1.0)
        finally:
            self._end()

    def _end(self) -> None:
        self._client.close()
        _cut(self._transport)


def _trust() -> ssl.SSLContext:
    return ssl.create_default_context()


def _cut(transport: asyncio.BaseTransport | None) -> None:
    """End the connection now: what a server still has to say is of no interest, and TLS would wait for it."""
    if transport is not None:
        cast("asyncio.WriteTransport", transport).abort()  # uvloop's is none by its class
