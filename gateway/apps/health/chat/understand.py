"""``python -m gateway understand``: dialogs as JSON lines in, what was understood out, so that anyone can score it.

In, one object a line: ``id``, ``now`` (local time), ``turns`` (messages, oldest first) and perhaps ``returned`` (what
earlier turns' queries gave). Out: ``id``, the last turn's frame (see ``QueryFrame.as_json``), ``ask_back`` and ``ms``,
or ``error``, the problem that the API answers, where a message is empty or longer than the page lets it be.
A kind of a symptom counts as the symptom, which the names of the scorer do not tell apart, and what has no such name is
left out, and out of scope if nothing is left.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Final, TextIO

from pydantic import BaseModel, Field, StringConstraints, ValidationError
from pydantic_core import from_json, to_json

from bridge.errors import Code, Invalid
from bridge.problem import field_errors, problem_json
from bridge.process.clock import Clock
from gateway.apps.health.chat.ask_back import is_in_doubt
from gateway.apps.health.chat.context import ROWS_MAX, Conversation, ReturnedRow, returned_row
from gateway.apps.health.chat.followup import frame_of
from gateway.apps.health.chat.frame import Intent, QueryFrame
from gateway.apps.health.chat.symptoms import Lexicon, base_lexicon, usual_symptoms
from gateway.apps.health.chat.turn import read_turn

MESSAGE_MAX: Final = 1_000
Message = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MESSAGE_MAX)]
"""What a person may say at once, on the page, by the API and to the command."""


class _Said(BaseModel):
    message: Message


class _Row(BaseModel):
    symptom: str
    day: Annotated[date, Field(alias="date")]
    severity: int | None = None


class _Returned(BaseModel):
    turn: int
    rows: tuple[_Row, ...] = ()
    symptom: str | None = None


class Dialog(BaseModel):
    """One line of the input; what else it holds (the expected frame) is not looked at."""

    id: str
    now: datetime
    turns: tuple[str, ...]
    returned: tuple[_Returned, ...] = ()


def run(stdin: TextIO, stdout: TextIO, clock: Clock) -> None:
    """Answer each line of ``stdin`` with a line on ``stdout``. Raises ValidationError for a line that is no dialog."""
    lexicon = base_lexicon()
    for line in stdin:
        if not line.strip():
            continue
        dialog = Dialog.model_validate_json(line)
        if (error := _refusal(dialog)) is not None:
            stdout.write(to_json({"id": dialog.id, "error": from_json(problem_json(error))}).decode() + "\n")
            continue
        started = clock.monotonic()
        frame, asks_back = predict(dialog, lexicon)
        ms = round((clock.monotonic() - started) * 1000 / max(1, len(dialog.turns)), 3)
        stdout.write(to_json({"id": dialog.id, **frame.as_json(), "ask_back": asks_back, "ms": ms}).decode() + "\n")


def _refusal(dialog: Dialog) -> Invalid | None:
    """Return why the API would refuse one of the messages, or None."""
    for message in dialog.turns:
        try:
            _Said(message=message)
        except ValidationError as error:
            return Invalid(Code.INVALID_REQUEST, fields=field_errors(error))
    return None


def predict(dialog: Dialog, lexicon: Lexicon) -> tuple[QueryFrame, bool]:
    """Return what ``understand`` returns, by the names of the scorer. Raises ValueError for a dialog without turns."""
    frame, asks_back = understand(dialog, lexicon)
    named = dict.fromkeys(map(lexicon.broadest, frame.symptoms))
    usual = tuple(name for name in named if name in usual_symptoms())
    if usual or not named:
        return frame.model_copy(update={"symptoms": usual}), asks_back
    return QueryFrame(intent=Intent.OUT_OF_SCOPE), True  # the chat would say that there are no such records


def understand(dialog: Dialog, lexicon: Lexicon) -> tuple[QueryFrame, bool]:
    """Return what the last message of ``dialog`` asks for, as well as can be told, and whether the chat would ask back.

    Raises ValueError for a dialog without turns.
    """
    conversation = Conversation()
    frame, asks_back = None, False
    for number, message in enumerate(dialog.turns):
        turn = read_turn(message, dialog.now, lexicon, follows=conversation.frame is not None)
        frame = frame_of(turn, conversation, dialog.now.date())
        asks_back = frame.lacks_a_side or is_in_doubt(turn, frame)
        if frame.intent.asks_for_data:
            conversation = conversation.followed_by(frame, _rows(dialog.returned, number))
    if frame is None:
        msg = "a dialog needs a turn"
        raise ValueError(msg)
    return frame, asks_back


def _rows(returned: tuple[_Returned, ...], turn: int) -> tuple[ReturnedRow, ...]:
    found = next((answer for answer in returned if answer.turn == turn), None)
    if found is None:
        return ()
    if found.symptom is not None:
        return (returned_row(found.symptom, None, None),)
    return tuple(returned_row(row.symptom, row.day, row.severity) for row in found.rows[:ROWS_MAX])
