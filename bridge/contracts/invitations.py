"""The invitations that nobody has accepted yet, as administrators see, repeat and withdraw them."""

from __future__ import annotations

from typing import Annotated, Final
from uuid import UUID

from pydantic import AwareDatetime, Field, StringConstraints

from bridge.contracts.administration import ADMINS
from bridge.contracts.joining import Invitation
from bridge.contracts.operation import Effect, Model, Nothing, Operation, Role


class OpenInvitation(Model):
    """Who may make an account with the link that was mailed to them, and until when; never the link.

    ``invited_by`` is the address of the administrator who sent it, None where the owner did, on the keep.
    """

    id: UUID
    email: str
    name: str
    role: Role
    created_at: AwareDatetime
    expires_at: AwareDatetime
    invited_by: str | None


class ListInvitations(Model):
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    cursor: Annotated[str, StringConstraints(max_length=1000)] | None = None


class InvitationPage(Model):
    """By e-mail address. ``next`` is the following page's cursor."""

    items: tuple[OpenInvitation, ...]
    limit: int
    next: str | None


class InvitationId(Model):
    id: UUID


LIST_INVITATIONS: Final = Operation(
    name="users.invitations.list", params=ListInvitations, result=InvitationPage, principal=ADMINS
)
RESEND_INVITATION: Final = Operation(
    name="users.invitations.resend", params=InvitationId, result=Invitation, principal=ADMINS, effect=Effect.WRITE
)
"""Mails another link, whose time begins anew; the earlier one is no longer good, and its mail never leaves if it waits.

``not_found`` where it was accepted already, ``rate_limited`` where the address had too many invitations."""
WITHDRAW_INVITATION: Final = Operation(
    name="users.invitations.withdraw", params=InvitationId, result=Nothing, principal=ADMINS, effect=Effect.WRITE
)
"""The link is no longer good, and a mail that still waits never leaves. ``not_found`` where it was accepted already."""

OPERATIONS: Final = (LIST_INVITATIONS, RESEND_INVITATION, WITHDRAW_INVITATION)
