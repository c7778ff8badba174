"""Signing up, invitations, another password by mail, another address, as JSON: ``/auth/…`` and ``/users/…``.

All of it also under ``/api/v1``.
"""

from __future__ import annotations

from typing import Annotated

from aiohttp import web
from pydantic import ConfigDict, Field, SecretStr
from pydantic_core import to_json

from bridge.contracts.accounts import NEW_PASSWORD
from bridge.contracts.administration import MAILABLE, EmailAddress
from bridge.contracts.joining import (
    ACCEPT_INVITATION,
    CHANGE_EMAIL,
    CONFIRM_ADDRESS,
    INVITE,
    REGISTER,
    REQUEST_RESET,
    RESET_PASSWORD,
    AcceptInvitation,
    ChangeEmail,
    Invite,
    Register,
    RequestReset,
    ResetPassword,
    UseLink,
)
from bridge.contracts.operation import Model
from bridge.contracts.users import Language, PersonName, Username, ZoneName
from gateway.web.calls import Bridge, call
from gateway.web.context import ANONYMOUS, CONTEXT
from gateway.web.described import Description, described
from gateway.web.inputs import JSON, read_json
from gateway.web.rate_limits import Counted, counted
from gateway.web.replies import json_response

_Password = Annotated[SecretStr, Field(min_length=1, max_length=1024)]
_NewPassword = Annotated[_Password, NEW_PASSWORD]
_Token = Annotated[
    SecretStr, Field(min_length=1, max_length=200, description="Of the link in the mail: good once, and for a while.")
]


class _WithPassword(Model):
    model_config = ConfigDict(str_strip_whitespace=False)  # a password may begin or end with a space


class Registration(_WithPassword):
    """The body of ``POST /auth/register``."""

    email: Annotated[EmailAddress, MAILABLE]
    password: _NewPassword
    username: Username | None = None
    name: PersonName | None = None
    language: Language = "en"
    time_zone: ZoneName = "UTC"


class ResetRequest(Model):
    """The body of ``POST /auth/reset-password/request``."""

    email: Annotated[EmailAddress, MAILABLE]


class NewPasswordByLink(_WithPassword):
    """The body of ``POST /auth/reset-password/confirm``."""

    token: _Token
    new_password: _NewPassword


class NewAddress(_WithPassword):
    """The body of ``POST /users/email``."""

    new_email: Annotated[EmailAddress, MAILABLE]
    password: Annotated[_Password, Field(description="The account’s own.")]


class Done(Model):
    """What was done, in a word."""

    message: str


class JoiningApi:
    def __init__(self, *, bridge: Bridge) -> None:
        self._bridge = bridge

    @described(
        Description(
            "Sign up",
            REGISTER,
            details="Where sign-up is on. A mail brings the link that makes the account; the answer is the same "
            "whether or not the address has one.",
            body=Registration,
            status=201,
            refuses=(409,),
            example={"email": "new@example.org", "password": "Another horse 2", "name": "New"},
        )
    )
    @counted(Counted.SIGN_IN)
    async def register(self, request: web.Request) -> web.Response:
        """``POST /auth/register``: 201 with what was signed up as, whether or not the address has an account."""
        context = request[CONTEXT]
        body = await read_json(request, Registration)
        params = Register(**dict(body), address=context.address)
        reply = await call(self._bridge, context, REGISTER, params, credentials=ANONYMOUS)
        return json_response(request, reply, status=201)

    @described(
        Description(
            "Confirm an e-mail address",
            CONFIRM_ADDRESS,
            details="With the token of the link in the mail.",
            body=UseLink,
            result=Done,
            refuses=(409,),
            example={"token": "from-the-link-in-the-mail"},
        )
    )
    @counted(Counted.SIGN_IN)
    async def confirm_address(self, request: web.Request) -> web.Response:
        """``POST /auth/confirm-address``: what the link in the mail does."""
        context = request[CONTEXT]
        params = await read_json(request, UseLink)
        await call(self._bridge, context, CONFIRM_ADDRESS, params, credentials=ANONYMOUS)
        return _message("E-mail address confirmed")

    @described(
        Description(
            "Ask for a link to reset a password",
            REQUEST_RESET,
            details="The same answer whether or not the address has an account.",
            body=ResetRequest,
            result=Done,
            example={"email": "ann@example.org"},
        )
    )
    @counted(Counted.SIGN_IN)
    async def request_reset(self, request: web.Request) -> web.Response:
        """``POST /auth/reset-password/request``: the same answer whether or not the address has an account."""
        context = request[CONTEXT]
        body = await read_json(request, ResetRequest)
        params = RequestReset(email=body.email, address=context.address)
        await call(self._bridge, context, REQUEST_RESET, params, credentials=ANONYMOUS)
        return _message("Reset email sent")

    @described(
        Description(
            "Reset a password",
            RESET_PASSWORD,
            details="Every session of the account ends.",
            body=NewPasswordByLink,
            result=Done,
            refuses=(404,),
            example={"token": "from-the-link-in-the-mail", "new_password": "Another horse 2"},
        )
    )
    @counted(Counted.SIGN_IN)
    async def reset_password(self, request: web.Request) -> web.Response:
        """``POST /auth/reset-password/confirm``: every session of the account ends."""
        context = request[CONTEXT]
        body = await read_json(request, NewPasswordByLink)
        params = ResetPassword(token=body.token, new_password=body.new_password)
        await call(self._bridge, context, RESET_PASSWORD, params, credentials=ANONYMOUS)
        return _message("Password updated successfully")

    @described(
        Description(
            "Accept an invitation",
            ACCEPT_INVITATION,
            body=AcceptInvitation,
            result=Done,
            status=201,
            refuses=(409,),
            example={"token": "from-the-link-in-the-mail", "password": "Another horse 2"},
        )
    )
    @counted(Counted.SIGN_IN)
    async def accept_invitation(self, request: web.Request) -> web.Response:
        """``POST /auth/accept-invitation``: 201 once there is the account."""
        context = request[CONTEXT]
        params = await read_json(request, AcceptInvitation)
        await call(self._bridge, context, ACCEPT_INVITATION, params, credentials=ANONYMOUS)
        return _message("Account created", status=201)

    @described(
        Description(
            "Change your e-mail address",
            CHANGE_EMAIL,
            details="It is another one once the link in the mail to it was used. A wrong password is a 400.",
            body=NewAddress,
            result=Done,
            status=202,
            example={"new_email": "ann@example.net", "password": "Correct horse 1"},
        )
    )
    @counted(Counted.SIGN_IN)
    async def change_email(self, request: web.Request) -> web.Response:
        """``POST /users/email``: 202; the address is another one once the link in the mail to it was used."""
        context = request[CONTEXT]
        context.require_user()
        body = await read_json(request, NewAddress)
        params = ChangeEmail(new_email=body.new_email, password=body.password, address=context.address)
        await call(self._bridge, context, CHANGE_EMAIL, params)
        return _message("Confirmation email sent", status=202)

    @described(
        Description(
            "Invite somebody",
            INVITE,
            details="A mail brings them the link.",
            body=Invite,
            status=201,
            refuses=(409,),
            example={"email": "guest@example.org", "name": "Guest", "role": "viewer"},
        )
    )
    async def invite(self, request: web.Request) -> web.Response:
        """``POST /users/invitations``: 201 with the address and until when the link is good."""
        context = request[CONTEXT]
        context.require_user()
        params = await read_json(request, Invite)
        return json_response(request, await call(self._bridge, context, INVITE, params), status=201)


def add_routes(app: web.Application, api: JoiningApi) -> None:
    for prefix in ("", "/api/v1"):
        app.router.add_post(f"{prefix}/auth/register", api.register)
        app.router.add_post(f"{prefix}/auth/confirm-address", api.confirm_address)
        app.router.add_post(f"{prefix}/auth/reset-password/request", api.request_reset)
        app.router.add_post(f"{prefix}/auth/reset-password/confirm", api.reset_password)
        app.router.add_post(f"{prefix}/auth/accept-invitation", api.accept_invitation)
        app.router.add_post(f"{prefix}/users/email", api.change_email)
        app.router.add_post(f"{prefix}/users/invitations", api.invite)


def _message(text: str, *, status: int = 200) -> web.Response:
    return web.Response(body=to_json({"message": text}), status=status, content_type=JSON)
