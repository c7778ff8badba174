"""What is known of the request being served, from its first middleware to its log line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from aiohttp import web

from bridge.client.call import CallContext, Credentials
from bridge.contracts.operation import Role
from bridge.errors import AppError, Code, Denied, Outcome

ANONYMOUS: Final = Credentials()


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is signed in, as an access token says that the agent signed. The agent verifies it again, and decides.

    ``scope`` tells this person's cached answers from everybody else's: ``<user>.<session>.<token version>``.
    """

    user_id: str
    session_id: str
    role: Role
    scope: str


class RequestContext:
    """One request. ``started_at`` and ``deadline`` are monotonic seconds.

    ``response_headers`` are what the middlewares want on the response, whoever makes it.
    ``is_vouched_for``: the agent answered the caller, so that the session stands; a good signature says no such thing.
    ``refusal`` is why there is no principal: nothing was sent, or it was no good.
    ``is_stream``: the response lasts until somebody has enough of it; how long that took says nothing.
    ``parent_span`` is whose the request is, where whoever sent it traces it too.
    ``over_limit`` is set where the handler itself must refuse: once it has seen that nobody is in danger, or with the
    form that was sent; no call goes over the bridge.
    """

    # Most requests leave most of these as they are; class attributes cost them nothing.
    address: str = ""
    credentials: Credentials = ANONYMOUS
    principal: Principal | None = None
    refusal: AppError | None = None
    over_limit: AppError | None = None
    operation: str = ""
    outcome: Outcome = Outcome.OK
    error_code: str = ""
    is_stream: bool = False
    is_vouched_for: bool = False
    parent_span: str = ""

    def __init__(self, request_id: str, traceparent: str, *, started_at: float, deadline: float) -> None:
        self.request_id = request_id
        self.traceparent = traceparent
        self.started_at = started_at
        self.deadline = deadline
        self.response_headers: dict[str, str] = {}

    def require_user(self) -> Principal:
        """Return who is signed in. Raises Denied (nobody is) or Unavailable (nobody can tell at the moment)."""
        if self.principal is None:
            raise self.refusal or Denied(Code.UNAUTHENTICATED)
        return self.principal

    def fail_with(self, error: AppError) -> None:
        """Let the log line say how the request ended, whatever its response looks like."""
        self.outcome, self.error_code = error.code.outcome, error.code.wire

    @property
    def call_context(self) -> CallContext:
        return CallContext(self.request_id, self.traceparent, self.deadline)


CONTEXT: Final = web.RequestKey("context", RequestContext)
