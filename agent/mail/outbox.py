"""The outbox: what is put in with the caller's transaction is sent, or shown as not sendable, and never lost."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final
from uuid import UUID, uuid4

from agent.db.pools import Transaction
from agent.mail.seal import MailKey
from agent.mail.statements import QUERIES
from agent.mail.wording import Template, Words, word
from agent.settings import Mail, is_mail_address
from bridge.process.clock import Clock, utc

CHANNEL: Final = "drawbridge_mail"
"""Where the store notifies that a mail waits."""
NO_ADDRESS: Final = "this is no address that mail can be sent to"


class Outbox:
    """The mails of one agent.

    Raises :class:`~agent.mail.seal.MailKeyError` where mail is on and its key cannot be used.
    """

    def __init__(self, settings: Mail, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._key = MailKey.load(settings.key_file) if settings.host else None

    @property
    def is_on(self) -> bool:
        """Whether mail is sent at all: there is a mail server in the settings."""
        return self._key is not None

    @property
    def owner(self) -> str | None:
        """The address that feedback goes to, if there is one."""
        return self._settings.owner

    @property
    def key(self) -> MailKey | None:
        return self._key

    async def enqueue(
        self,
        transaction: Transaction,
        template: Template,
        *,
        to: str,
        language: str,
        values: Mapping[str, str],
        cause: str,
        user_id: UUID | None = None,
        expires_at: datetime | None = None,
    ) -> bool:
        """Put a mail into the outbox; it leaves within a second of the commit, and never without it.

        There is one mail for one ``cause`` (``reset <token's id>``): return whether this one is new. Where mail is off
        nothing is stored, and the answer is no. ``user_id`` is the account that it is about: it goes with the account,
        sent or not. ``expires_at`` is from when on it would come too late, as a link that has expired: it is dropped
        then. An address that no mail can be sent to fails nobody's transaction: the mail is parked, for the owner to
        see. Raises ValueError for values that the template does not have.
        """
        if self._key is None:
            return False
        mail_id, now = uuid4(), utc(self._clock.time())
        words = word(template, language, values, site=self._settings.site)
        is_sendable = is_mail_address(to)
        sealed = None
        if is_sendable:
            # in a thread: 4 ms on a PC, and ten times that on a Pi
            sealed = await asyncio.to_thread(self._write, self._key, words, to, mail_id, now)
        state, reason = ("waiting", "") if is_sendable else ("parked", NO_ADDRESS)
        row = (mail_id, cause, template.value, to, state, sealed, reason, now, expires_at, user_id)
        return await transaction.fetchval(QUERIES["add_mail"], *row) is not None

    def _write(self, key: MailKey, words: Words, to: str, mail_id: UUID, now: datetime) -> bytes:
        return key.seal(compose(words, self._settings, to, mail_id, now).as_bytes(), mail_id, to)


def compose(words: Words, settings: Mail, to: str, mail_id: UUID, now: datetime) -> EmailMessage:
    """Return the mail with both its forms. It is made once: Message-ID and Date are the same at each try."""
    sender = settings.sender or ""
    message = EmailMessage(SMTP)
    message["From"] = Address(settings.sender_name, addr_spec=sender)
    message["To"] = Address(addr_spec=to)
    message["Subject"] = words.subject
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{mail_id}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no vacation notice answers
    message["Content-Language"] = words.language
    message.set_content(words.text, cte="quoted-printable")
    message.add_alternative(words.html, subtype="html", cte="quoted-printable")
    return message
