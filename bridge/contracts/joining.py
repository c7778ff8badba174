"""How people come by an account, by another password or by another address: by links that are mailed to them.

None of these answers says whether an address has an account. Those that bring a password or a link's token say
``issues_tokens``, so that no digest of one is stored.
"""

from __future__ import annotations

from typing import Annotated, Final
from uuid import UUID

from pydantic import AwareDatetime, ConfigDict, Field, StringConstraints

from bridge.contracts.accounts import NEW_PASSWORD, Secret
from bridge.contracts.administration import ADMINS, MAILABLE, EmailAddress
from bridge.contracts.operation import Anonymous, Effect, Lane, Model, Nothing, Operation, Role, User
from bridge.contracts.users import Language, PersonName, Username, ZoneName

Password = Annotated[Secret, Field(min_length=1, max_length=1024)]
LinkToken = Annotated[
    Secret, Field(min_length=1, max_length=200, description="Of the link in the mail: good once, and for a while.")
]
ClientAddress = Annotated[str, StringConstraints(max_length=45)]
"""The client's IP address as nginx saw it, for the limits that the agent keeps."""


class _WithPassword(Model):
    model_config = ConfigDict(str_strip_whitespace=False)  # a password may begin or end with a space


class Register(_WithPassword):
    """``name`` is the username where it is left out, and that the address up to its @."""

    email: EmailAddress
    password: Password
    username: Username | None = None
    name: PersonName | None = None
    language: Language = "en"
    time_zone: ZoneName = "UTC"
    address: ClientAddress = ""


class Registered(Model):
    """What somebody signed up as. ``id`` is the account's once the address is confirmed."""

    id: UUID
    email: str
    username: str | None
    created_at: AwareDatetime


class RequestReset(Model):
    email: EmailAddress
    address: ClientAddress = ""


class UseLink(Model):
    token: LinkToken


class ResetPassword(_WithPassword):
    token: LinkToken
    new_password: Password


class ChangeEmail(_WithPassword):
    """Another address, and the password, since whoever has the address can have the account."""

    new_email: EmailAddress
    password: Password
    address: ClientAddress = ""


class Invite(Model):
    email: Annotated[EmailAddress, MAILABLE]
    name: PersonName
    role: Role = Role.VIEWER
    language: Language = "en"
    time_zone: ZoneName = "UTC"


class Invitation(Model):
    """``id`` is the account's once the invitation is accepted."""

    id: UUID
    email: str
    expires_at: AwareDatetime


class AcceptInvitation(_WithPassword):
    token: LinkToken
    password: Annotated[Password, NEW_PASSWORD]
    username: Username | None = None


REGISTER: Final = Operation(
    name="accounts.register", params=Register, result=Registered, principal=Anonymous(), effect=Effect.WRITE,
    deadline_ms=5_000, lane=Lane.CREDENTIALS, issues_tokens=True,
)  # fmt: skip
CONFIRM_ADDRESS: Final = Operation(
    name="accounts.confirm_address", params=UseLink, result=Nothing, principal=Anonymous(), effect=Effect.WRITE,
    lane=Lane.CREDENTIALS, issues_tokens=True,
)  # fmt: skip
"""Makes the account of a sign-up, or gives an account its other address: whichever the link was for."""
REQUEST_RESET: Final = Operation(
    name="accounts.request_reset", params=RequestReset, result=Nothing, principal=Anonymous(), effect=Effect.WRITE,
    lane=Lane.CREDENTIALS, issues_tokens=True,
)  # fmt: skip
RESET_PASSWORD: Final = Operation(
    name="accounts.reset_password", params=ResetPassword, result=Nothing, principal=Anonymous(), effect=Effect.WRITE,
    deadline_ms=5_000, lane=Lane.CREDENTIALS, issues_tokens=True,
)  # fmt: skip
CHANGE_EMAIL: Final = Operation(
    name="accounts.change_email", params=ChangeEmail, result=Nothing, principal=User(), effect=Effect.WRITE,
    deadline_ms=5_000, lane=Lane.CREDENTIALS, issues_tokens=True,
)  # fmt: skip
INVITE: Final = Operation(
    name="accounts.invite", params=Invite, result=Invitation, principal=ADMINS, effect=Effect.WRITE,
    lane=Lane.CREDENTIALS,
)  # fmt: skip
ACCEPT_INVITATION: Final = Operation(
    name="accounts.accept_invitation", params=AcceptInvitation, result=Nothing, principal=Anonymous(),
    effect=Effect.WRITE, deadline_ms=5_000, lane=Lane.CREDENTIALS, issues_tokens=True,
)  # fmt: skip

OPERATIONS: Final = (
    REGISTER, CONFIRM_ADDRESS, REQUEST_RESET, RESET_PASSWORD, CHANGE_EMAIL, INVITE, ACCEPT_INVITATION
)  # fmt: skip
