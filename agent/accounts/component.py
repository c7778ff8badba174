"""Accounts: who may sign in, what their tokens are good for, and all that people and administrators do with them."""

from __future__ import annotations

import logging
from dataclasses import replace

from agent.accounts.access_tokens import AccessTokens
from agent.accounts.attempts import Attempts
from agent.accounts.authentication import Authentication
from agent.accounts.directory import Directory, Listeners
from agent.accounts.grants import Grants
from agent.accounts.oidc.flow import FlowSeal
from agent.accounts.oidc.signing_in import ProviderSignIn
from agent.accounts.operations import Sessions
from agent.accounts.passwords import Passwords
from agent.accounts.people import Parts, People
from agent.accounts.token_keys import TokenKeys, TokenKeysError
from agent.component import Component, Handlers
from agent.db.store import Store
from agent.events import FeedHub
from agent.mail.component import Mailing
from agent.settings import AgentSettings
from bridge.process.clock import Clock
from bridge.process.logs import log

_log = logging.getLogger(__name__)


class Accounts(Component):
    """``hub`` tells the gateways of every change to accounts, sessions and token keys.

    Raises :class:`~agent.accounts.token_keys.TokenKeysError` where the token keys cannot be used.
    """

    def __init__(self, settings: AgentSettings, clock: Clock, *, store: Store, mailing: Mailing) -> None:
        self._clock = clock
        self._store = store
        self._mailing = mailing
        self._token_keys = TokenKeys(settings.tokens)
        self._token_keys.load(clock.time())
        self.hub = hub = FeedHub(self._token_keys.public_keys)
        self.directory = Directory(
            store.pool,
            clock,
            access_s=settings.tokens.access_s,
            listeners=Listeners(
                on_resume=hub.resume,
                on_suspend=hub.suspend,
                on_user=lambda user_id: hub.users_changed(users=(user_id,)),
                on_session=lambda session_id: hub.users_changed(sessions=(session_id,)),
            ),
        )
        self.grants = Grants(self.directory)
        tokens = AccessTokens(self._token_keys, settings.tokens)
        self.authenticate = Authentication(tokens, self.directory, clock).authenticate
        self._passwords = Passwords(settings.passwords)
        attempts = Attempts(store.pool, settings.limits)
        self._sessions = Sessions(
            pool=store.pool,
            writes=store.writes,
            passwords=self._passwords,
            attempts=attempts,
            keys=self._token_keys,
            tokens=tokens,
            directory=self.directory,
            settings=settings.tokens,
            clock=clock,
        )
        self._people = People(
            Parts(
                pool=store.pool,
                writes=store.writes,
                passwords=self._passwords,
                attempts=attempts,
                sessions=self._sessions,
                directory=self.directory,
                outbox=mailing.outbox,
                settings=settings.joining,
                clock=clock,
            )
        )

        self._through_provider = ProviderSignIn(
            settings,
            clock,
            pool=store.pool,
            passwords=self._passwords,
            attempts=attempts,
            sessions=self._sessions,
            seal=FlowSeal(lambda: self._token_keys.refresh_key, f"{settings.oidc.issuer} {settings.oidc.client_id}"),
        )

    @property
    def handlers(self) -> Handlers:
        return {**self._sessions.handlers, **self._people.handlers, **self._through_provider.handlers}

    async def run(self) -> None:
        await self._store.listen(replace(self.directory.hearing, wakes=self._mailing.wakes))

    def look_at_files(self) -> None:
        try:
            if self._token_keys.maintain(self._clock.time()):
                self.hub.keys_changed()
        except TokenKeysError as error:
            log(_log, "token_keys_refused", level=logging.ERROR, reason=str(error))

    async def forget_old(self, deadline: float) -> None:
        await self._sessions.forget_old(deadline)

    async def close(self, deadline: float) -> None:
        del deadline
        self._passwords.close()
