"""From a provider's word for somebody to a session of ours.

Whoever comes first is found by the address that the provider has verified, and from then on by the provider's own,
unchanging name for them: another address there, or the same address for another person, opens no account here.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NoReturn
from uuid import UUID, uuid4

import asyncpg

from agent.accounts.attempts import Attempts
from agent.accounts.joining import join
from agent.accounts.oidc.flow import LIFETIME_S, Flow, FlowSeal, NotOurs
from agent.accounts.oidc.https import Away
from agent.accounts.oidc.id_tokens import Identity, IDTokenRefused
from agent.accounts.oidc.provider import AGAIN_S, CodeRefused, Provider
from agent.accounts.operations import Sessions
from agent.accounts.passwords import Passwords
from agent.accounts.recording import record
from agent.accounts.statements import QUERIES
from agent.audit import Outcome
from agent.db.pools import Pool, Transaction
from agent.settings import AgentSettings, is_mail_address
from bridge.contracts.oidc import BEGIN_OIDC, FINISH_OIDC, OPERATIONS, BegunOidc, FinishOidc
from bridge.contracts.operation import Nothing, Operation, Role
from bridge.errors import Code, Denied, Invalid, Unavailable
from bridge.process.clock import Clock, utc
from bridge.process.logs import log
from bridge.server import Answer, CallerContext, Handler

_log: Final = logging.getLogger(__name__)

_RESERVE_S: Final = 0.5
"""What is left for the store when the provider took all the time that it may."""
_NAME_MAX: Final = 200

_UNVERIFIED: Final = "The sign-in service does not vouch for your e-mail address"
_UNKNOWN: Final = "There is no account here with your e-mail address"
_ANOTHERS: Final = "The account with your e-mail address is linked to another person of the sign-in service"
_DISABLED: Final = "Your account is disabled"


@dataclass(frozen=True, slots=True)
class _Found:
    """The account, or why there is none (``refusal``); then ``user_id`` may say whose it would have been."""

    user: asyncpg.Record | None = None
    refusal: str = ""
    user_id: UUID | None = None


class ProviderSignIn:
    def __init__(
        self,
        settings: AgentSettings,
        clock: Clock,
        *,
        pool: Pool,
        passwords: Passwords,
        attempts: Attempts,
        sessions: Sessions,
        seal: FlowSeal,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._pool = pool
        self._passwords = passwords
        self._attempts = attempts
        self._sessions = sessions
        self._seal = seal
        self._provider = Provider(settings.oidc, settings.relay, clock)

    @property
    def handlers(self) -> Mapping[Operation[Any, Any], Handler]:
        if not self._settings.oidc.issuer:
            return dict.fromkeys(OPERATIONS, _switched_off)
        return {BEGIN_OIDC: self.begin, FINISH_OIDC: self.finish}

    async def begin(self, context: CallerContext, _params: Nothing) -> Answer:
        """Say where to sign in. Raises Unavailable (``provider_unavailable``)."""
        flow = Flow.begin(self._clock.time())
        try:
            url = await self._provider.authorization_url(flow, deadline=self._patience(context))
        except Away as away:
            self._tell_away(context, away)
        begun = BegunOidc(url=url, sealed=self._seal.seal(flow), expires_in=LIFETIME_S)
        return Answer(begun.model_dump_json().encode())

    async def finish(self, context: CallerContext, params: FinishOidc) -> Answer:
        """Start a session for whom the provider names.

        Raises Invalid (``sign_in_expired``), Busy as signing in with a password does, Unavailable
        (``provider_unavailable``), Denied (``provider_refused``, ``no_account``), Conflict for an account that
        somebody else makes at the same moment.
        """
        now = utc(self._clock.time())
        flow = await self._take_up(context, params, now)
        try:
            deadline = self._patience(context)
            who = await self._provider.identify(params.code.get_secret_value(), flow, deadline=deadline)
        except Away as away:
            self._tell_away(context, away)
        except (CodeRefused, IDTokenRefused) as refused:
            await self._refuse(context, now, Code.PROVIDER_REFUSED, reason=str(refused))
        async with self._pool.transaction(context.deadline) as transaction:
            found = await self._account_of(transaction, who, context, now)
            answer = await self._start(transaction, found.user, now, context, params.address)
        if answer is None:
            await self._refuse(context, now, Code.NO_ACCOUNT, found.refusal, user_id=found.user_id)
        return answer

    async def _start(
        self,
        transaction: Transaction,
        user: asyncpg.Record | None,
        now: datetime,
        context: CallerContext,
        address: str,
    ) -> Answer | None:
        """Start the session, good once the transaction commits; None where there is nobody to start it for."""
        if user is None:
            return None
        await self._attempts.take_account(transaction, email=user["email"], now=now)
        answer = await self._sessions.start(
            transaction, user, now, operation=FINISH_OIDC, context=context, address=address
        )
        log(_log, "session_started", request_id=context.request_id, user_id=str(user["id"]))
        return answer

    async def _take_up(self, context: CallerContext, params: FinishOidc, now: datetime) -> Flow:
        """Return the sign-in that was begun in this browser, which is used up with that."""
        try:
            flow = self._seal.open(
                params.sealed.get_secret_value(), params.state.get_secret_value(), self._clock.time()
            )
        except NotOurs:
            raise Invalid(Code.SIGN_IN_EXPIRED) from None
        await self._attempts.take_address(address=params.address, now=now, deadline=context.deadline)
        values = (flow.digest, utc(flow.expires_at))
        if await self._pool.fetchval(QUERIES["use_oidc_sign_in"], *values, deadline=context.deadline) is None:
            raise Invalid(Code.SIGN_IN_EXPIRED)
        if params.issuer not in {None, self._settings.oidc.issuer}:
            await self._refuse(context, now, Code.PROVIDER_REFUSED, reason="issuer")
        return flow

    async def _account_of(
        self, transaction: Transaction, who: Identity, context: CallerContext, now: datetime
    ) -> _Found:
        """Return the account of a person; the first time it is linked, or made where everybody may sign up."""
        person = (who.issuer, who.subject)
        linked = await transaction.fetchrow(QUERIES["user_by_oidc"], *person)
        if linked is not None:
            return _standing(linked)
        if not is_mail_address(who.email):
            return _Found(refusal=_UNVERIFIED)
        known = await transaction.fetchrow(QUERIES["user_to_link"], who.email)
        if known is None and not self._settings.joining.sign_up:
            return _Found(refusal=_UNKNOWN)
        if known is not None and not known["is_active"]:
            return _standing(known)
        user_id = await self._make(transaction, who) if known is None else known["id"]
        await transaction.execute(QUERIES["add_oidc_link"], *person, user_id, now)
        linked = await transaction.fetchrow(QUERIES["user_by_oidc"], *person)
        if linked is None or linked["id"] != user_id:
            return _Found(refusal=_ANOTHERS, user_id=user_id)
        await record(
            transaction, FINISH_OIDC, context, now, user_id,
            new={"provider": who.issuer, "subject": who.subject, "is_new": known is None},
        )  # fmt: skip
        return _standing(linked)

    async def _make(self, transaction: Transaction, who: Identity) -> UUID:
        """Make a viewer's account, with a password that nobody knows. Raises Conflict."""
        user_id = uuid4()
        name = "".join(letter for letter in who.name if letter.isprintable())[:_NAME_MAX].strip()
        made = {
            "name": name or who.email.partition("@")[0], "password_hash": self._passwords.nobodys, "username": None,
            "role": Role.VIEWER.value, "time_zone": "UTC", "language": "en",
        }  # fmt: skip
        await join(transaction, user_id, who.email, made)
        return user_id

    def _patience(self, context: CallerContext) -> float:
        """Return until when the provider may take, on the event loop's clock as the call's deadline is."""
        return min(context.deadline - _RESERVE_S, self._clock.monotonic() + self._settings.oidc.answer_s)

    @staticmethod
    def _tell_away(context: CallerContext, away: Away) -> NoReturn:
        log(_log, "oidc_sign_in_failed", level=logging.WARNING, request_id=context.request_id, reason=str(away))
        raise Unavailable(Code.PROVIDER_UNAVAILABLE, retry_after_s=AGAIN_S) from away

    async def _refuse(
        self,
        context: CallerContext,
        now: datetime,
        code: Code,
        message: str = "",
        *,
        reason: str = "",
        user_id: UUID | None = None,
    ) -> NoReturn:
        """Add the refused sign-in to the audit trail, and raise Denied. Never what the provider sent."""
        async with self._pool.transaction(context.deadline) as transaction:
            entity_id = "" if user_id is None else str(user_id)
            await record(transaction, FINISH_OIDC, context, now, None, entity_id=entity_id, outcome=Outcome.REFUSED)
        log(
            _log, "sign_in_refused", level=logging.WARNING, request_id=context.request_id,
            user_id=None if user_id is None else str(user_id), error_code=code.wire, reason=reason or None,
        )  # fmt: skip
        raise Denied(code, message)


def _standing(user: asyncpg.Record) -> _Found:
    return _Found(user) if user["is_active"] else _Found(refusal=_DISABLED, user_id=user["id"])


async def _switched_off(_context: CallerContext, _params: object) -> Answer:
    raise Unavailable(Code.APP_DISABLED, "There is no sign-in service here")
