"""Everything that people and administrators do with accounts, beside signing in, put together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agent.accounts.administration import Administration
from agent.accounts.attempts import Attempts
from agent.accounts.changing_passwords import ChangingPasswords
from agent.accounts.directory import Directory
from agent.accounts.feedback import Feedback
from agent.accounts.invitations import Invitations
from agent.accounts.joining import Joining
from agent.accounts.leaving import Leaving
from agent.accounts.letters import Letters
from agent.accounts.operations import Sessions
from agent.accounts.own_account import OwnAccount
from agent.accounts.passwords import Passwords
from agent.accounts.recovery import Recovery
from agent.db.idempotency import IdempotentWrites
from agent.db.pools import Pool
from agent.mail.outbox import Outbox
from agent.settings import Joining as JoiningSettings
from bridge.contracts.operation import Operation
from bridge.process.clock import Clock
from bridge.server import Handler


@dataclass(frozen=True, slots=True)
class Parts:
    """What they are made of."""

    pool: Pool
    writes: IdempotentWrites
    passwords: Passwords
    attempts: Attempts
    sessions: Sessions
    directory: Directory
    outbox: Outbox
    settings: JoiningSettings
    clock: Clock


class People:
    def __init__(self, parts: Parts) -> None:
        pool, writes, clock = parts.pool, parts.writes, parts.clock
        passwords, attempts, directory = parts.passwords, parts.attempts, parts.directory
        letters = Letters(parts.outbox)
        self.own_account = OwnAccount(pool=pool, writes=writes, directory=directory, clock=clock)
        self.changing_passwords = ChangingPasswords(
            pool=pool, passwords=passwords, attempts=attempts, sessions=parts.sessions, directory=directory,
            letters=letters, clock=clock,
        )  # fmt: skip
        self.administration = Administration(
            pool=pool, writes=writes, passwords=passwords, directory=directory, clock=clock
        )
        self.joining = Joining(
            pool=pool, writes=writes, passwords=passwords, attempts=attempts, letters=letters,
            settings=parts.settings, clock=clock,
        )  # fmt: skip
        self.invitations = Invitations(
            pool=pool, writes=writes, attempts=attempts, letters=letters, hours=parts.settings.invitation_hours,
            clock=clock,
        )  # fmt: skip
        self.recovery = Recovery(
            pool=pool, passwords=passwords, attempts=attempts, directory=directory, letters=letters,
            settings=parts.settings, clock=clock,
        )  # fmt: skip
        self.leaving = Leaving(pool=pool, passwords=passwords, attempts=attempts, directory=directory, clock=clock)
        self.feedback = Feedback(pool=pool, writes=writes, attempts=attempts, outbox=parts.outbox, clock=clock)

    @property
    def handlers(self) -> Mapping[Operation[Any, Any], Handler]:
        return {
            **self.own_account.handlers, **self.changing_passwords.handlers, **self.administration.handlers,
            **self.joining.handlers, **self.recovery.handlers, **self.leaving.handlers,
            **self.feedback.handlers, **self.invitations.handlers,
        }  # fmt: skip
