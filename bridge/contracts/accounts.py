"""Signing in and out. Passwords are checked and tokens signed on the agent alone."""

from __future__ import annotations

from typing import Annotated, Final
from uuid import UUID

from pydantic import ConfigDict, Field, PlainSerializer, SecretStr, StringConstraints

from bridge.contracts.operation import Anonymous, Effect, Lane, Model, Nothing, Operation, Role, User

JWT_ISSUER: Final = "drawbridge"
"""The ``iss`` of every access token, as the agent makes it and the gateway wants it."""

JWT_AUDIENCE: Final = "drawbridge"
"""Its ``aud``."""

Secret = Annotated[SecretStr, PlainSerializer(SecretStr.get_secret_value, when_used="json")]
"""Shown as stars everywhere but in the message that carries it."""


NEW_PASSWORD: Final = Field(
    description="With an upper-case letter, a lower-case letter and a digit; at most 72 bytes of UTF-8; and none of "
    "those that everybody would try first.",
    json_schema_extra={
        "minLength": 8,
        "maxLength": 72,
        "allOf": [{"pattern": r"\p{Lu}"}, {"pattern": r"\p{Ll}"}, {"pattern": r"\p{Nd}"}],
    },
)
"""Says of a password in a description what the agent asks of a new one."""


class SignIn(Model):
    """``address`` is the client's IP address as nginx saw it, for the limit that the agent keeps.

    PostgreSQL takes no NUL in ``email``.
    """

    model_config = ConfigDict(str_strip_whitespace=False)  # a password may begin or end with a space

    email: Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=254, pattern=r"^[^\x00]*$")]
    password: Annotated[Secret, Field(min_length=1, max_length=1024)]
    address: Annotated[str, StringConstraints(max_length=45)] = ""


class Refresh(Model):
    refresh_token: Annotated[Secret, Field(min_length=1, max_length=2048)]


class ChangePassword(Model):
    """``address`` is as in :class:`SignIn`: whoever tries passwords here is held to the same limit."""

    model_config = ConfigDict(str_strip_whitespace=False)

    current_password: Annotated[Secret, Field(min_length=1, max_length=1024)]
    new_password: Annotated[Secret, Field(min_length=1, max_length=1024)]
    address: Annotated[str, StringConstraints(max_length=45)] = ""


class Account(Model):
    """The account as its owner sees it. ``time_zone`` is an IANA name."""

    id: UUID
    email: str
    name: str
    role: Role
    time_zone: str


class Tokens(Model):
    """An access token (EdDSA JWT) and the refresh token that follows it. Lifetimes in seconds."""

    access_token: str
    token_type: str = "Bearer"  # noqa: S105 - the RFC 6750 scheme, not a secret
    expires_in: int
    refresh_token: str
    refresh_expires_in: int
    user: Account


SIGN_IN: Final = Operation(
    name="accounts.sign_in", params=SignIn, result=Tokens, principal=Anonymous(), effect=Effect.WRITE,
    deadline_ms=5_000, lane=Lane.CREDENTIALS, issues_tokens=True,
)  # fmt: skip
REFRESH: Final = Operation(
    name="accounts.refresh", params=Refresh, result=Tokens, principal=Anonymous(), effect=Effect.WRITE,
    deadline_ms=5_000, lane=Lane.SESSIONS, issues_tokens=True,
)  # fmt: skip
SIGN_OUT: Final = Operation(
    name="accounts.sign_out", params=Nothing, result=Nothing, principal=User(), effect=Effect.WRITE,
    deadline_ms=5_000, lane=Lane.SESSIONS,
)  # fmt: skip
CONFIRM_ADMIN: Final = Operation(
    name="accounts.confirm_admin", params=Nothing, result=Nothing, principal=User(frozenset({Role.ADMIN})),
    deadline_ms=2_000, lane=Lane.SESSIONS,
)  # fmt: skip
"""Says nothing but that the caller's session stands, and its account is an administrator's now. For what the gateway
itself has to show: it can tell who a token was made for, not whether that still holds."""

CHANGE_PASSWORD: Final = Operation(
    name="accounts.change_password", params=ChangePassword, result=Tokens, principal=User(), effect=Effect.WRITE,
    deadline_ms=10_000, lane=Lane.CREDENTIALS, issues_tokens=True,
)  # fmt: skip
"""Ends every session of the account and starts one for the caller, whose tokens it gives."""

OPERATIONS: Final = (SIGN_IN, REFRESH, SIGN_OUT, CONFIRM_ADMIN, CHANGE_PASSWORD)
