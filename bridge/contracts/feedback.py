"""What people write to the owner of the appliance."""

from __future__ import annotations

from typing import Annotated, Final
from uuid import UUID

from pydantic import AwareDatetime, Field, StringConstraints

from bridge.contracts.administration import ADMINS
from bridge.contracts.joining import ClientAddress
from bridge.contracts.operation import NOT_BLANK, Effect, Model, Operation, User

Topic = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$"), NOT_BLANK]
"""What it is about, in one line."""

Message = Annotated[
    str, StringConstraints(min_length=1, max_length=4000, pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"), NOT_BLANK
]
"""Text of several lines. PostgreSQL takes no NUL."""


class GiveFeedback(Model):
    """People write of their health here as anywhere: no ``repr`` shows it."""

    topic: Annotated[Topic, Field(repr=False)] = "the website"
    message: Annotated[Message, Field(repr=False)]
    address: ClientAddress = ""


class FeedbackGiven(Model):
    id: UUID
    created_at: AwareDatetime


GIVE_FEEDBACK: Final = Operation(
    name="users.feedback.give", params=GiveFeedback, result=FeedbackGiven, principal=User(), effect=Effect.WRITE
)


class FeedbackEntry(Model):
    """What somebody wrote, and who: they may write of their health, so no ``repr`` shows it."""

    id: UUID
    created_at: AwareDatetime
    user_id: UUID
    email: str
    name: str
    topic: Annotated[str, Field(repr=False)]
    message: Annotated[str, Field(repr=False)]


class ListFeedback(Model):
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    cursor: Annotated[str, StringConstraints(max_length=200)] | None = None


class FeedbackPage(Model):
    """The newest first. ``next`` is the following page's cursor."""

    items: tuple[FeedbackEntry, ...]
    limit: int
    next: str | None


LIST_FEEDBACK: Final = Operation(name="users.feedback.list", params=ListFeedback, result=FeedbackPage, principal=ADMINS)

OPERATIONS: Final = (GIVE_FEEDBACK, LIST_FEEDBACK)
