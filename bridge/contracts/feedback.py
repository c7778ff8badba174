"""What people write to the owner of the appliance."""

from __future__ import annotations

from typing import Annotated, Final
from uuid import UUID

from pydantic import AwareDatetime, Field, StringConstraints

from bridge.contracts.joining import ClientAddress
from bridge.contracts.operation import Effect, Model, Operation, User

Topic = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")]
"""What it is about, in one line."""

Message = Annotated[
    str, StringConstraints(min_length=1, max_length=4000, pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$")
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

OPERATIONS: Final = (GIVE_FEEDBACK,)
