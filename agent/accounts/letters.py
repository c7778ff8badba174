"""The mails about accounts: what each says, and that there is a mail server to send them."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from agent.accounts.links import Link, Purpose
from agent.accounts.statements import QUERIES
from agent.db.pools import Transaction
from agent.mail.outbox import Outbox
from agent.mail.wording import Template
from agent.settings import is_mail_address
from bridge.errors import Code, FieldError, Invalid, Unavailable

_INTERNATIONAL: Final = "must be in plain letters a to z: no mail can be sent from here to an address with others"
_RESET_PAGE = "/reset-password"


class Letters:
    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    def require(self) -> None:
        """Raise Unavailable where no mail is sent: what needs one cannot be done then, whoever asks."""
        if not self._outbox.is_on:
            raise Unavailable(Code.APP_DISABLED, "This appliance sends no mail")

    def check_address(self, email: str, *, field: str) -> None:
        """Raise Invalid, which names ``field``, for an address that no mail can be sent to."""
        if not is_mail_address(email):
            raise Invalid(Code.INVALID_REQUEST, fields=(FieldError(field, _why_not(email)),))

    async def confirm(self, transaction: Transaction, link: Link, language: str, hours: int) -> None:
        await self._send(transaction, Template.VERIFY_EMAIL, link, "/confirm-address", language, hours=str(hours))

    async def invite(self, transaction: Transaction, link: Link, language: str, hours: int) -> None:
        await self._send(transaction, Template.INVITATION, link, "/accept-invitation", language, hours=str(hours))

    async def reset(self, transaction: Transaction, link: Link, language: str, minutes: int) -> None:
        await self._send(transaction, Template.RESET_PASSWORD, link, _RESET_PAGE, language, minutes=str(minutes))

    async def account_exists(self, transaction: Transaction, link: Link, language: str) -> None:
        """Tell somebody who has an account that it was signed up for again. The link holds no token."""
        await self._outbox.enqueue(
            transaction, Template.ACCOUNT_EXISTS, to=link.email, language=language, values={"link": _RESET_PAGE},
            cause=_cause(link), user_id=link.user_id, expires_at=link.expires_at,
        )  # fmt: skip

    async def withdraw_invitation(self, transaction: Transaction, mail: str, now: datetime) -> None:
        """Have the ``mail`` with an invitation's link never sent, if it still waits."""
        await transaction.execute(QUERIES["drop_unsent_mail"], f"{Purpose.INVITATION} {mail}", now)

    async def take_back(self, transaction: Transaction, link: Link) -> None:
        """Have a mail not sent that was put in by this very transaction."""
        await transaction.execute(QUERIES["take_back_mail"], _cause(link))

    async def password_changed(
        self, transaction: Transaction, *, to: str, user_id: UUID, language: str, zone: str, now: datetime, cause: str
    ) -> None:
        values = {"at": words(now, zone), "link": _RESET_PAGE}
        await self._outbox.enqueue(
            transaction, Template.PASSWORD_CHANGED, to=to, language=language, values=values, cause=cause,
            user_id=user_id,
        )  # fmt: skip

    async def email_changed(
        self, transaction: Transaction, *, to: str, user_id: UUID, language: str, zone: str, now: datetime, cause: str
    ) -> None:
        """Tell the address that an account left. What it was sent before stays the account's."""
        await transaction.execute(QUERIES["keep_mails_to"], user_id, to)
        values = {"at": words(now, zone)}
        await self._outbox.enqueue(
            transaction, Template.EMAIL_CHANGED, to=to, language=language, values=values, cause=cause, user_id=user_id
        )

    async def _send(
        self, transaction: Transaction, template: Template, link: Link, page: str, language: str, **values: str
    ) -> None:
        await self._outbox.enqueue(
            transaction, template, to=link.email, language=language, cause=_cause(link), user_id=link.user_id,
            expires_at=link.expires_at, values={"link": f"{page}?token={link.token}", **values},
        )  # fmt: skip


def words(moment: datetime, zone: str) -> str:
    """Return a moment as a person in ``zone`` writes it, with the zone."""
    try:
        local = moment.astimezone(ZoneInfo(zone))
    except (KeyError, ValueError, OSError):  # a zone that this machine no longer knows
        local, zone = moment, "UTC"
    return f"{local.day} {local:%B %Y, %H:%M} ({zone})"


def _why_not(email: str) -> str:
    """Return what is wrong with an address that no mail can be sent to, and what to write instead, if anything."""
    if email.isascii():
        return "must be an address that mail can be sent to"
    local, _, domain = email.rpartition("@")
    try:
        plain = domain.encode("idna").decode("ascii")
    except UnicodeError:
        return _INTERNATIONAL
    if is_mail_address(f"{local}@{plain}"):
        return f"must have its domain in plain letters: {plain}"
    return _INTERNATIONAL


def _cause(link: Link) -> str:
    return f"{link.purpose} {link.mail or link.id}"
