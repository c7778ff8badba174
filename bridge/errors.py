"""Every failure a caller can see, with its stable code, HTTP status and outcome.

A code never changes its meaning. The same table serves the bridge (agent → gateway) and the public API
(gateway → browser), so that an error keeps its name on its whole way. What caused it is logged, never sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Final


class Outcome(StrEnum):
    """How a call ended, in logs and metrics alike."""

    OK = "ok"
    CACHED = "cached"
    STALE = "stale"
    INVALID = "invalid"
    DENIED = "denied"
    LIMITED = "limited"
    OPEN = "open"
    OVERLOADED = "overloaded"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class _Meaning:
    code: str
    status: int
    outcome: Outcome
    title: str


class Code(Enum):
    """A stable error code: its wire name, HTTP status, outcome and title (RFC 9457 ``title``)."""

    # What the caller sent
    INVALID_REQUEST = _Meaning("invalid_request", 400, Outcome.INVALID, "The request is not valid")
    INVALID_CURSOR = _Meaning("invalid_cursor", 400, Outcome.INVALID, "The page cursor is not valid")
    SIGN_IN_EXPIRED = _Meaning(
        "sign_in_expired", 400, Outcome.INVALID, "This sign-in is too old, was begun elsewhere, or is already finished"
    )
    INVALID_CONVERSATION = _Meaning("invalid_conversation", 400, Outcome.INVALID, "The conversation is not valid")
    NOT_FOUND = _Meaning("not_found", 404, Outcome.INVALID, "Not found")
    METHOD_NOT_ALLOWED = _Meaning("method_not_allowed", 405, Outcome.INVALID, "Method not allowed")
    CONFLICT = _Meaning("conflict", 409, Outcome.INVALID, "The request conflicts with the current state")
    IDEMPOTENCY_IN_PROGRESS = _Meaning(
        "idempotency_in_progress", 409, Outcome.INVALID, "The same write is still running"
    )
    PRECONDITION_FAILED = _Meaning("precondition_failed", 412, Outcome.INVALID, "It was changed since you read it")
    BODY_TOO_LARGE = _Meaning("body_too_large", 413, Outcome.INVALID, "The request body is too large")
    UNSUPPORTED_MEDIA_TYPE = _Meaning("unsupported_media_type", 415, Outcome.INVALID, "Unsupported media type")
    IDEMPOTENCY_MISMATCH = _Meaning(
        "idempotency_mismatch", 422, Outcome.INVALID, "The idempotency key was used for another request"
    )

    # Who the caller is
    UNAUTHENTICATED = _Meaning("unauthenticated", 401, Outcome.DENIED, "Sign in to continue")
    BAD_CREDENTIALS = _Meaning("bad_credentials", 401, Outcome.DENIED, "E-mail or password is wrong")
    SESSION_ENDED = _Meaning("session_ended", 401, Outcome.DENIED, "The session has ended")
    FORBIDDEN = _Meaning("forbidden", 403, Outcome.DENIED, "Not allowed")
    NOT_LINKED = _Meaning("not_linked", 403, Outcome.DENIED, "No records are linked to this account")
    NO_ACCOUNT = _Meaning("no_account", 403, Outcome.DENIED, "There is no account here for you")
    PROVIDER_REFUSED = _Meaning("provider_refused", 403, Outcome.DENIED, "The sign-in service did not vouch for you")
    CROSS_SITE = _Meaning("cross_site", 403, Outcome.DENIED, "The request came from another site")
    BANNED = _Meaning("banned", 403, Outcome.DENIED, "This address is blocked for a while")

    # Bridge messages that were refused before their content was looked at
    SIGNATURE_REFUSED = _Meaning("signature_refused", 401, Outcome.DENIED, "The signature was refused")
    CLOCK_SKEWED = _Meaning("clock_skewed", 401, Outcome.DENIED, "The message is outside the time window")
    BOOT_UNKNOWN = _Meaning("boot_unknown", 401, Outcome.DENIED, "The boot id is not the current one")
    REPLAYED = _Meaning("replayed", 401, Outcome.DENIED, "The nonce was used before")

    # What stands in the way
    RATE_LIMITED = _Meaning("rate_limited", 429, Outcome.LIMITED, "Too many requests")
    INTERNAL = _Meaning("internal", 500, Outcome.FAILED, "Something went wrong")
    OVERLOADED = _Meaning("overloaded", 503, Outcome.OVERLOADED, "Too busy to answer")
    DRAINING = _Meaning("draining", 503, Outcome.OVERLOADED, "Stopping; try again")
    APP_DISABLED = _Meaning("app_disabled", 503, Outcome.FAILED, "This part is switched off")
    DATABASE_UNAVAILABLE = _Meaning("database_unavailable", 503, Outcome.FAILED, "The database does not answer")
    STORAGE_FULL = _Meaning("storage_full", 503, Outcome.FAILED, "There is no room left to keep this")
    PROVIDER_UNAVAILABLE = _Meaning(
        "provider_unavailable", 503, Outcome.UNREACHABLE, "The sign-in service is out of reach"
    )
    BREAKER_OPEN = _Meaning("breaker_open", 503, Outcome.OPEN, "The records are out of reach")
    UNREACHABLE = _Meaning("unreachable", 503, Outcome.UNREACHABLE, "The records are out of reach")
    TIMEOUT = _Meaning("timeout", 504, Outcome.TIMEOUT, "The answer took too long")

    @property
    def wire(self) -> str:
        return self.value.code

    @property
    def status(self) -> int:
        return self.value.status

    @property
    def outcome(self) -> Outcome:
        return self.value.outcome

    @property
    def title(self) -> str:
        return self.value.title


BY_WIRE: Final[dict[str, Code]] = {code.wire: code for code in Code}


@dataclass(frozen=True, slots=True)
class FieldError:
    """One input that is wrong: its name as the caller wrote it, and what to do."""

    name: str
    message: str


class AppError(Exception):
    """A failure with a stable code and a message that is safe to show.

    ``retry_after_s`` (seconds, or None) says when trying again may help; ``fields`` lists wrong inputs.
    The cause travels as ``__cause__`` and is logged where the error is turned into a response, never sent.
    """

    def __init__(
        self,
        code: Code,
        public_message: str = "",
        *,
        fields: tuple[FieldError, ...] = (),
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(public_message or code.title)
        self.code = code
        self.public_message = public_message or code.title
        self.fields = fields
        self.retry_after_s = retry_after_s


class Invalid(AppError, ValueError):
    """The request is wrong as sent; sending it again unchanged will not help."""


class Denied(AppError, PermissionError):
    """The caller is not who may do this."""


class NotFound(AppError, LookupError):
    """There is no such thing, or not for this caller."""


class Conflict(AppError):
    """The request collides with another one or with the current state."""


class Busy(AppError):
    """Too much at once; ``retry_after_s`` is set."""


class Unavailable(AppError, ConnectionError):
    """What is needed to answer is out of reach."""


_CLASS_BY_STATUS: Final[dict[int, type[AppError]]] = {
    400: Invalid, 401: Denied, 403: Denied, 404: NotFound, 405: Invalid, 409: Conflict, 412: Conflict, 413: Invalid,
    415: Invalid, 422: Invalid, 429: Busy, 503: Unavailable, 504: Unavailable,
}  # fmt: skip


def error_for(
    code: Code,
    public_message: str = "",
    *,
    fields: tuple[FieldError, ...] = (),
    retry_after_s: float | None = None,
) -> AppError:
    """Return the error of the class that fits ``code``'s status (``AppError`` itself for 500)."""
    kind = Busy if code.outcome is Outcome.OVERLOADED else _CLASS_BY_STATUS.get(code.status, AppError)
    return kind(code, public_message, fields=fields, retry_after_s=retry_after_s)
