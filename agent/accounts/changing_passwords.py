"""A new password in place of one that its owner knows."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

from agent import audit
from agent.accounts.attempts import Attempts
from agent.accounts.directory import Directory
from agent.accounts.letters import Letters
from agent.accounts.operations import Sessions
from agent.accounts.passwords import Passwords, check_strength
from agent.accounts.statements import QUERIES
from agent.audit import Entry, Outcome
from agent.db.pools import Pool, Transaction
from bridge.contracts.accounts import CHANGE_PASSWORD, ChangePassword
from bridge.contracts.operation import Operation
from bridge.errors import Code, FieldError, Invalid, NotFound
from bridge.process.clock import Clock, utc
from bridge.process.logs import log
from bridge.server import Answer, CallerContext, Handler

_log = logging.getLogger(__name__)


class ChangingPasswords:
    def __init__(
        self,
        *,
        pool: Pool,
        passwords: Passwords,
        attempts: Attempts,
        sessions: Sessions,
        directory: Directory,
        letters: Letters,
        clock: Clock,
    ) -> None:
        self._pool = pool
        self._passwords = passwords
        self._attempts = attempts
        self._sessions = sessions
        self._directory = directory
        self._letters = letters
        self._clock = clock

    @property
    def handlers(self) -> Mapping[Operation[Any, Any], Handler]:
        return {CHANGE_PASSWORD: self.change_password}

    async def change_password(self, context: CallerContext, params: ChangePassword) -> Answer:
        """Replace the password, end every session, and start one for the caller.

        Raises Invalid for a weak password or a wrong current one, and Busy (``rate_limited``) as signing in does:
        somebody at an unlocked screen shall not find the password out here.
        """
        user_id, now = context.user.user_id, utc(self._clock.time())
        new_password = params.new_password.get_secret_value()
        check_strength(new_password, field="new_password")
        known = await self._pool.fetchrow(QUERIES["password_of"], user_id, deadline=context.deadline)
        if known is None:
            raise NotFound(Code.NOT_FOUND)
        await self._attempts.take(email=known["email"], address=params.address, now=now, deadline=context.deadline)
        async with asyncio.TaskGroup() as tasks:  # each takes a Pi two seconds, and there are two threads
            checking = tasks.create_task(
                self._passwords.matches(params.current_password.get_secret_value(), known["password_hash"])
            )
            hashing = tasks.create_task(self._passwords.hash(new_password))
        if not checking.result():
            async with self._pool.transaction(context.deadline) as transaction:
                await self._record(transaction, context, now, Outcome.REFUSED)
            log(
                _log, "password_change_refused", level=logging.WARNING, request_id=context.request_id,
                user_id=str(user_id),
            )  # fmt: skip
            raise _wrong()
        async with self._pool.transaction(context.deadline) as transaction:
            user = await transaction.fetchrow(
                QUERIES["replace_password"], user_id, known["password_hash"], hashing.result()
            )
            if user is None:  # it was changed, or the account disabled, while this one was looked at
                raise _wrong()
            await self._letters.password_changed(
                transaction, to=user["email"], user_id=user_id,
                language=await transaction.fetchval(QUERIES["language_of"], user_id), zone=user["time_zone"], now=now,
                cause=f"password changed {uuid4()}",
            )  # fmt: skip
            answer = await self._sessions.start(
                transaction, user, now, operation=CHANGE_PASSWORD, context=context, address=params.address
            )
            await self._record(transaction, context, now)
        await self._directory.look_again(user_id)
        log(_log, "password_changed", request_id=context.request_id, user_id=str(user_id))
        return answer

    async def _record(
        self, transaction: Transaction, context: CallerContext, now: datetime, outcome: Outcome = Outcome.DONE
    ) -> None:
        entry = Entry(
            operation=CHANGE_PASSWORD.name, at=now, actor=audit.actor_of(context.caller), entity="account",
            entity_id=str(context.user.user_id), outcome=outcome, request_id=context.request_id,
        )  # fmt: skip
        await audit.append(transaction, entry)


def _wrong() -> Invalid:
    return Invalid(Code.INVALID_REQUEST, fields=(FieldError("current_password", "is not your password"),))
