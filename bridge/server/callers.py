"""Who calls, and what a handler is given and gives back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from bridge.contracts.operation import Role


@dataclass(frozen=True, slots=True)
class AnonymousCaller:
    """Somebody who has not signed in."""


@dataclass(frozen=True, slots=True)
class UserCaller:
    """The account of an access token that the agent itself verified."""

    user_id: UUID
    session_id: UUID
    role: Role
    token_version: int


@dataclass(frozen=True, slots=True)
class MachineCaller:
    """A unit of the RPI4: certificate and key id agree on its name. ``certificate`` is what it showed, in DER."""

    unit: str
    certificate: bytes = b""


Caller = AnonymousCaller | UserCaller | MachineCaller


@dataclass(frozen=True, slots=True)
class CallerContext:
    """What surrounds one call. ``deadline`` is in seconds of the event loop's clock; no work may outlast it.

    ``content_digest`` (RFC 9530) identifies the parameters, for idempotency.
    """

    caller: Caller
    request_id: str
    traceparent: str
    deadline: float
    idempotency_key: str
    content_digest: str

    @property
    def user(self) -> UserCaller:
        """The signed-in caller. Raises TypeError where the operation's principal is not ``User``: a mistake of ours."""
        if not isinstance(self.caller, UserCaller):
            msg = "this operation is not declared for users"
            raise TypeError(msg)
        return self.caller

    @property
    def machine(self) -> MachineCaller:
        """The calling unit. Raises TypeError where the operation's principal is not ``Machine``: a mistake of ours."""
        if not isinstance(self.caller, MachineCaller):
            msg = "this operation is not declared for machines"
            raise TypeError(msg)
        return self.caller


@dataclass(frozen=True, slots=True)
class Answer:
    """A result as JSON bytes, made once and relayed as they are; ``next_cursor`` is the following page's, or ''.

    ``audit_head`` is that of the audit trail after a write (:mod:`bridge.heads`), or ''.
    """

    body: bytes
    next_cursor: str = ""
    audit_head: str = ""


NOTHING: Final = Answer(b"{}")
"""The answer of an operation whose result is nothing."""

Handler = Callable[[CallerContext, Any], Awaitable[Answer]]
"""Takes the context and the operation's validated parameters; raises AppError."""
