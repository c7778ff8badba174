"""Another password by a mailed link, another address by one, and the address of a sign-up confirmed by one."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from agent.accounts import links
from agent.accounts.attempts import Attempts
from agent.accounts.conflicts import taken
from agent.accounts.directory import Directory
from agent.accounts.joining import join
from agent.accounts.letters import Letters
from agent.accounts.links import Link, Purpose, Used
from agent.accounts.passwords import Passwords, check_strength
from agent.accounts.recording import record
from agent.accounts.statements import QUERIES
from agent.audit import Outcome
from agent.db.pools import Pool, Transaction
from agent.settings import Joining as JoiningSettings
from bridge.contracts.joining import (
    CHANGE_EMAIL,
    CONFIRM_ADDRESS,
    REQUEST_RESET,
    RESET_PASSWORD,
    ChangeEmail,
    RequestReset,
    ResetPassword,
    UseLink,
)
from bridge.contracts.operation import Operation
from bridge.errors import Code, FieldError, Invalid, NotFound
from bridge.process.clock import Clock, utc
from bridge.process.logs import log
from bridge.server import NOTHING, Answer, CallerContext, Handler

_log = logging.getLogger(__name__)


class Recovery:
    def __init__(
        self,
        *,
        pool: Pool,
        passwords: Passwords,
        attempts: Attempts,
        directory: Directory,
        letters: Letters,
        settings: JoiningSettings,
        clock: Clock,
    ) -> None:
        self._pool = pool
        self._passwords = passwords
        self._attempts = attempts
        self._directory = directory
        self._letters = letters
        self._settings = settings
        self._clock = clock

    @property
    def handlers(self) -> Mapping[Operation[Any, Any], Handler]:
        return {
            REQUEST_RESET: self.request_reset,
            RESET_PASSWORD: self.reset_password,
            CHANGE_EMAIL: self.change_email,
            CONFIRM_ADDRESS: self.confirm_address,
        }

    async def request_reset(self, context: CallerContext, params: RequestReset) -> Answer:
        """Mail a link to choose a new password, to an address that has an active account.

        Where there is none the same is written, a mail made and taken back: the same answer after the same time. Raises
        Invalid for an address that no mail can be sent to, Busy for too many, and Unavailable where no mail is sent,
        for everybody alike.
        """
        self._letters.require()
        self._letters.check_address(params.email, field="email")
        now = self._now()
        account = await self._pool.fetchrow(QUERIES["account_to_mail"], params.email, deadline=context.deadline)
        # counted and mailed by the account's own spelling, as signing in is
        email = params.email if account is None else account["email"]
        await self._attempts.take_mail(email=email, address=params.address, now=now, deadline=context.deadline)
        link = Link(
            Purpose.NOTHING if account is None else Purpose.RESET,
            email,
            now + timedelta(minutes=self._settings.reset_minutes),
            user_id=None if account is None else account["id"],
        )
        language = "en" if account is None else account["language"]
        async with self._pool.transaction(context.deadline) as transaction:
            await links.add(transaction, link, now)
            await self._letters.reset(transaction, link, language, self._settings.reset_minutes)
            if account is None:
                await self._letters.take_back(transaction, link)
            await record(
                transaction, REQUEST_RESET, context, now, None,
                entity_id="" if account is None else str(account["id"]),
            )  # fmt: skip
        return NOTHING

    async def reset_password(self, context: CallerContext, params: ResetPassword) -> Answer:
        """Replace the password, end every session of the account, and tell it by mail.

        Raises Invalid for a weak password, which leaves the link good, and for a link that is no longer good.
        """
        token, password, now = params.token.get_secret_value(), params.new_password.get_secret_value(), self._now()
        check_strength(password, field="new_password")
        await links.find(self._pool, token, Purpose.RESET, now=now, deadline=context.deadline)
        hashed = await self._passwords.hash(password)
        async with self._pool.transaction(context.deadline) as transaction:
            used = await links.use(transaction, token, Purpose.RESET, now=now)
            account = await transaction.fetchrow(QUERIES["reset_password"], used.user_id, hashed)
            if account is None:  # it was disabled since
                links.refuse()
            await self._letters.password_changed(
                transaction, to=account["email"], user_id=account["id"], language=account["language"],
                zone=account["time_zone"], now=now, cause=f"password reset {used.id}",
            )  # fmt: skip
            await record(transaction, RESET_PASSWORD, context, now, account["id"])
        await self._directory.look_again(account["id"])
        log(_log, "password_reset", request_id=context.request_id, user_id=str(account["id"]))
        return NOTHING

    async def change_email(self, context: CallerContext, params: ChangeEmail) -> Answer:
        """Mail a link to the new address, which makes it the account's.

        The same answer whether or not the new address has an account. Raises Invalid for a wrong password; Busy, and
        Unavailable where no mail is sent.
        """
        self._letters.require()
        self._letters.check_address(params.new_email, field="new_email")
        user_id, now = context.user.user_id, self._now()
        known = await self._pool.fetchrow(QUERIES["password_of"], user_id, deadline=context.deadline)
        if known is None:
            raise NotFound(Code.NOT_FOUND)
        await self._attempts.take(email=known["email"], address=params.address, now=now, deadline=context.deadline)
        is_right = await self._passwords.matches(params.password.get_secret_value(), known["password_hash"])
        if is_right:
            await self._attempts.take_mail(
                email=params.new_email, address=params.address, now=now, deadline=context.deadline
            )
        async with self._pool.transaction(context.deadline) as transaction:
            if is_right:
                # it may have been changed since, for somebody else knows it
                checked = (user_id, known["password_hash"])
                is_right = await transaction.fetchrow(QUERIES["account_with_password"], *checked) is not None
            if is_right:
                await self._mail_new_address(transaction, context, params, now)
            outcome = Outcome.DONE if is_right else Outcome.REFUSED
            await record(transaction, CHANGE_EMAIL, context, now, user_id, outcome=outcome)
        if not is_right:
            raise Invalid(Code.INVALID_REQUEST, fields=(FieldError("password", "is not your password"),))
        return NOTHING

    async def confirm_address(self, context: CallerContext, params: UseLink) -> Answer:
        """Make the account of a sign-up, or give an account its other address and tell the one that it had.

        Raises Invalid for a link that is no longer good, Conflict for an address or username that was taken meanwhile.
        """
        now = self._now()
        token = params.token.get_secret_value()
        async with self._pool.transaction(context.deadline) as transaction:
            used = await links.use(transaction, token, Purpose.SIGN_UP, Purpose.EMAIL, now=now)
            if used.user_id is None:
                await join(transaction, used.id, used.email, used.content)
                await record(transaction, CONFIRM_ADDRESS, context, now, used.id, new={"email": used.email})
            else:
                await self._move(transaction, context, used, now)
        await self._directory.look_again(used.user_id or used.id)
        return NOTHING

    async def _mail_new_address(
        self, transaction: Transaction, context: CallerContext, params: ChangeEmail, now: datetime
    ) -> None:
        user_id = context.user.user_id
        is_known = await transaction.fetchval(QUERIES["has_account"], params.new_email)
        language = await transaction.fetchval(QUERIES["language_of"], user_id)
        await transaction.execute(QUERIES["withdraw_tokens_of"], user_id, [Purpose.EMAIL.value])
        link = Link(
            Purpose.NOTHING if is_known else Purpose.EMAIL,
            params.new_email,
            now + timedelta(hours=self._settings.confirm_hours),
            user_id=user_id,
        )
        await links.add(transaction, link, now)
        if is_known:
            await self._letters.account_exists(transaction, link, language)
        else:
            await self._letters.confirm(transaction, link, language, self._settings.confirm_hours)

    async def _move(self, transaction: Transaction, context: CallerContext, used: Used, now: datetime) -> None:
        try:
            before = await transaction.fetchrow(QUERIES["change_email"], used.user_id, used.email)
        except asyncpg.UniqueViolationError as error:
            raise taken(error) from None
        if before is None:  # it was disabled since
            links.refuse()
        await self._letters.email_changed(
            transaction, to=before["email"], user_id=before["id"], language=before["language"],
            zone=before["time_zone"], now=now, cause=f"email changed {used.id}",
        )  # fmt: skip
        old, new = {"email": before["email"]}, {"email": used.email}
        await record(transaction, CONFIRM_ADDRESS, context, now, used.user_id, old=old, new=new)

    def _now(self) -> datetime:
        return utc(self._clock.time())
