"""Signing in, refreshing and signing out: the only way to tokens, and their end."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NoReturn
from uuid import UUID, uuid4

import asyncpg

from agent import audit
from agent.accounts import refresh_tokens
from agent.accounts.access_tokens import AccessTokens, Claims
from agent.accounts.attempts import Attempts
from agent.accounts.directory import Directory
from agent.accounts.passwords import Passwords
from agent.accounts.statements import QUERIES
from agent.accounts.token_keys import TokenKeys
from agent.audit import Actor, Entry, Outcome
from agent.db.idempotency import IdempotentWrites
from agent.db.pools import Pool, Transaction
from agent.settings import Tokens as TokenSettings
from bridge.contracts.accounts import CONFIRM_ADMIN, REFRESH, SIGN_IN, SIGN_OUT, Account, Refresh, SignIn, Tokens
from bridge.contracts.operation import Nothing, Operation, Role
from bridge.errors import Code, Denied
from bridge.process.clock import Clock, utc
from bridge.process.logs import log
from bridge.server import NOTHING, Answer, CallerContext, Handler

_log = logging.getLogger(__name__)


class Sessions:
    """A session is one sign-in and the family of refresh tokens that follow from it."""

    def __init__(
        self,
        *,
        pool: Pool,
        writes: IdempotentWrites,
        passwords: Passwords,
        attempts: Attempts,
        keys: TokenKeys,
        tokens: AccessTokens,
        directory: Directory,
        settings: TokenSettings,
        clock: Clock,
    ) -> None:
        self._pool = pool
        self._writes = writes
        self._passwords = passwords
        self._attempts = attempts
        self._keys = keys
        self._tokens = tokens
        self._directory = directory
        self._settings = settings
        self._clock = clock

    @property
    def handlers(self) -> Mapping[Operation[Any, Any], Handler]:
        return {
            SIGN_IN: self.sign_in,
            REFRESH: self.refresh,
            SIGN_OUT: self.sign_out,
            CONFIRM_ADMIN: self.confirm_admin,
        }

    async def sign_in(self, context: CallerContext, params: SignIn) -> Answer:
        """Start a session. Raises Denied (``bad_credentials``), the same and as late whether or not the account exists.

        Raises Busy (``rate_limited``) before the password is looked at, and Invalid where it is too long to be one.
        """
        now = utc(self._clock.time())
        user = await self._pool.fetchrow(QUERIES["user_by_email"], params.email, deadline=context.deadline)
        # counted by the account's own spelling: the store and Python do not agree on what "İ" is in lower case
        email = params.email if user is None else user["email"]
        await self._attempts.take(email=email, address=params.address, now=now, deadline=context.deadline)
        password = params.password.get_secret_value()
        is_right = await self._passwords.matches(password, None if user is None else user["password_hash"])
        if user is None or not is_right or not user["is_active"]:
            await self._refuse(context, user, now)
        async with self._pool.transaction(context.deadline) as transaction:
            # checking took long enough to change the password, or to disable the account: its sessions ended then
            checked = (user["id"], user["password_hash"])
            user_now = await transaction.fetchrow(QUERIES["account_with_password"], *checked)
            answer = (
                None
                if user_now is None
                else await self.start(
                    transaction, user_now, now, operation=SIGN_IN, context=context, address=params.address
                )
            )
        if answer is None:
            await self._refuse(context, user, now)
        log(_log, "session_started", request_id=context.request_id, user_id=str(user["id"]))
        return answer

    async def start(
        self,
        transaction: Transaction,
        user: asyncpg.Record,
        now: datetime,
        *,
        operation: Operation[Any, Any],
        context: CallerContext,
        address: str,
    ) -> Answer:
        """Start a session of ``user`` (a row as of ``user_by_email``) and return its tokens, good once it commits.

        Recorded as ``operation``'s; what else the transaction changes has to come before.
        """
        session_id, salt = uuid4(), secrets.token_bytes(refresh_tokens.SALT_BYTES)
        expires_at = self._expiry(now, started_at=now)
        await transaction.execute(QUERIES["start_session"], session_id, user["id"], salt, now, expires_at)
        entry = Entry(
            operation=operation.name, at=now, actor=Actor("user", user["id"], session_id), entity="session",
            entity_id=str(session_id), subject_id=user["id"], request_id=context.request_id, new={"address": address},
        )  # fmt: skip
        await audit.append(transaction, entry)
        return self._answer(user, session_id, salt, generation=0, now=now, expires_at=expires_at)

    async def refresh(self, context: CallerContext, params: Refresh) -> Answer:
        """Give the successor of a refresh token, and a new access token.

        Within ``grace_s`` the token that was just used gives the same successor again: two tabs, or an answer that was
        lost. Later it can only be a copy, and the session ends for both. Raises Denied (``session_ended``).
        """
        now = utc(self._clock.time())
        presented = refresh_tokens.parse(params.refresh_token.get_secret_value())
        async with self._pool.transaction(context.deadline) as transaction:
            answer = await self._rotate(transaction, presented, now, context.request_id)
        if answer is None:
            log(_log, "refresh_refused", level=logging.WARNING, request_id=context.request_id)
            raise Denied(Code.SESSION_ENDED)
        return answer

    async def sign_out(self, context: CallerContext, _params: Nothing) -> Answer:
        """End the caller's session. When this answers, its tokens have stopped working here."""
        now = utc(self._clock.time())

        async def end(transaction: Transaction) -> Answer:
            session_id = context.user.session_id
            await transaction.execute(QUERIES["end_session"], session_id, now)
            entry = Entry(
                operation=SIGN_OUT.name, at=now, actor=audit.actor_of(context.caller), entity="session",
                entity_id=str(session_id), request_id=context.request_id,
            )  # fmt: skip
            await audit.append(transaction, entry)
            return NOTHING

        answer = await self._writes.once(SIGN_OUT, context, now=now, work=end)
        self._directory.end_session(context.user.session_id)
        return answer

    async def confirm_admin(self, context: CallerContext, _params: Nothing) -> Answer:
        """Confirm what was looked at before any handler is asked: the session, and the account's role."""
        del context
        return NOTHING

    async def forget_old(self, deadline: float) -> None:
        """Drop what no token and no limit depends on any more."""
        now = utc(self._clock.time())
        not_after = now - timedelta(seconds=self._settings.access_s)
        await self._pool.execute(QUERIES["forget_sessions"], not_after, deadline=deadline)
        await self._pool.execute(QUERIES["forget_attempts"], now, deadline=deadline)
        await self._pool.execute(QUERIES["forget_tokens"], now, deadline=deadline)
        await self._pool.execute(QUERIES["forget_oidc_used"], now, deadline=deadline)

    async def _refuse(self, context: CallerContext, user: asyncpg.Record | None, now: datetime) -> NoReturn:
        """Add the refused sign-in to the audit trail, as late whether or not there is the account, and raise Denied.

        Never what was typed in place of an account: people type passwords there.
        """
        user_id = "" if user is None else str(user["id"])
        entry = Entry(
            operation=SIGN_IN.name, at=now, actor=audit.ANONYMOUS, entity="account", entity_id=user_id,
            outcome=Outcome.REFUSED, request_id=context.request_id,
        )  # fmt: skip
        async with self._pool.transaction(context.deadline) as transaction:
            await audit.append(transaction, entry)
        log(
            _log, "sign_in_refused", level=logging.WARNING, request_id=context.request_id, user_id=user_id or None,
            error_code=Code.BAD_CREDENTIALS.wire,
        )  # fmt: skip
        raise Denied(Code.BAD_CREDENTIALS)

    async def _rotate(
        self, transaction: Transaction, presented: refresh_tokens.Presented, now: datetime, request_id: str
    ) -> Answer | None:
        """Return the answer, or None: it is no token of ours, or its session is over, which may have happened here."""
        row = await transaction.fetchrow(QUERIES["session_to_refresh"], presented.session_id)
        if row is None or not refresh_tokens.is_genuine(presented, self._keys.refresh_key, row["salt"]):
            return None
        if row["ended_at"] is not None or row["expires_at"] <= now or not row["is_active"]:
            return None
        generation, expires_at = row["generation"], row["expires_at"]
        if presented.generation == generation:
            generation, expires_at = generation + 1, self._expiry(now, started_at=row["created_at"])
            await transaction.execute(QUERIES["rotate_session"], presented.session_id, generation, now, expires_at)
        elif not self._is_repeat(presented.generation, row, now):
            await transaction.execute(QUERIES["end_session"], presented.session_id, now)
            entry = Entry(
                operation=REFRESH.name, at=now, actor=audit.ANONYMOUS, entity="session",
                entity_id=str(presented.session_id), outcome=Outcome.REFUSED, subject_id=row["id"],
                request_id=request_id, why="a refresh token was used twice: the session was ended",
            )  # fmt: skip
            await audit.append(transaction, entry)
            log(_log, "refresh_token_reused", level=logging.WARNING, user_id=str(row["id"]))
            return None
        return self._answer(
            row, presented.session_id, row["salt"], generation=generation, now=now, expires_at=expires_at
        )

    def _is_repeat(self, generation: int, row: asyncpg.Record, now: datetime) -> bool:
        age = now - row["rotated_at"]
        return bool(generation == row["generation"] - 1 and age <= timedelta(seconds=self._settings.grace_s))

    def _expiry(self, now: datetime, *, started_at: datetime) -> datetime:
        """Return until when an unused refresh token is good: a while, and never beyond the family's end."""
        own_end = now + timedelta(seconds=self._settings.refresh_s)
        return min(own_end, started_at + timedelta(seconds=self._settings.family_s))

    def _answer(
        self,
        user: asyncpg.Record,
        session_id: UUID,
        salt: bytes,
        *,
        generation: int,
        now: datetime,
        expires_at: datetime,
    ) -> Answer:
        role = Role(user["role"])
        # not beyond the session's own end: from then on it is listed nowhere, and could not be ended
        access_s = min(self._settings.access_s, (expires_at - now).total_seconds())
        claims = Claims(user["id"], session_id, role, user["token_version"], now.timestamp() + access_s)
        tokens = Tokens(
            access_token=self._tokens.issue(claims, email=user["email"], now=now.timestamp()),
            expires_in=int(access_s),
            refresh_token=refresh_tokens.issue(self._keys.refresh_key, salt, session_id, generation),
            refresh_expires_in=int((expires_at - now).total_seconds()),
            user=Account(id=user["id"], email=user["email"], name=user["name"], role=role, time_zone=user["time_zone"]),
        )
        return Answer(tokens.model_dump_json().encode())
