"""The health chat, put together: a message in, an answer from the person's own records out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from bridge.process.clock import Clock, utc
from gateway.apps.health.chat import ask_back
from gateway.apps.health.chat.answer import (
    View,
    answer_text,
    doubtful_text,
    either_text,
    emergency_text,
    examples,
    greeting_text,
    help_text,
    one_sided_text,
    out_of_scope_text,
    suggestions,
    told_text,
    unknown_text,
    unknown_word_text,
)  # fmt: skip
from gateway.apps.health.chat.asking import Call, Findings, Records
from gateway.apps.health.chat.caveats import caveats, one_by_one
from gateway.apps.health.chat.chart import chart_of
from gateway.apps.health.chat.context import ROWS_MAX, Conversation, ReturnedRow, Seal, returned_row
from gateway.apps.health.chat.followup import frame_of
from gateway.apps.health.chat.frame import Intent, QueryFrame
from gateway.apps.health.chat.reading import Turn
from gateway.apps.health.chat.reply import ChatReply, Text, text_of
from gateway.apps.health.chat.safety import is_emergency
from gateway.apps.health.chat.symptoms import Lexicon, base_lexicon
from gateway.apps.health.chat.turn import read_turn, reads_alike, rival_readings
from gateway.apps.health.chat.wording import any_symptom

_LEXICONS_REMEMBERED: Final = 64
_NEXT_MAX: Final = 4
_NEED_NO_RECORDS = {Intent.GREETING: greeting_text, Intent.HELP: help_text}


class Chat:
    """Answers questions. Holds nothing of anybody: the client holds the conversation, sealed with ``seal_key``."""

    def __init__(self, *, seal_key: bytes, emergency_number: str, clock: Clock) -> None:
        self._seal = Seal(seal_key)
        self._emergency_number = emergency_number
        self._clock = clock

    def emergency(self, message: str, conversation: str | None = None) -> ChatReply | None:
        """Return the answer to somebody in danger, else None. Needs no bridge; the conversation stays as it was."""
        if not is_emergency(message):
            return None
        return self._emergency_reply(conversation)

    async def reply(
        self, message: str, conversation: str | None, *, user_id: str, time_zone: str, call: Call
    ) -> ChatReply:
        """Answer ``message``, which may follow up what ``conversation`` holds; days are days in ``time_zone``.

        Raises Invalid (``invalid_conversation``) for a conversation that is not this user's, and what ``call`` raises.
        """
        if (emergency := self.emergency(message, conversation)) is not None:
            return emergency
        said = self._seal.open(conversation, user_id) if conversation else Conversation()
        if said.frame is None or not said.is_over(self._clock.time()):
            return await self._reply(message, conversation, said, user_id=user_id, time_zone=time_zone, call=call)
        reply = await self._reply(message, None, Conversation(), user_id=user_id, time_zone=time_zone, call=call)
        return replace(reply, text=(*text_of("Our earlier conversation has ended, so I start afresh.\n"), *reply.text))

    async def _reply(
        self,
        message: str,
        conversation: str | None,
        said: Conversation,
        *,
        user_id: str,
        time_zone: str,
        call: Call,
    ) -> ChatReply:
        now_s = self._clock.time()
        zone = ZoneInfo(time_zone)
        now = utc(now_s).astimezone(zone).replace(tzinfo=None)
        turn = read_turn(message, now, base_lexicon())
        if (reply := self._without_records(turn, conversation, said, user_id)) is not None:
            return reply
        records = Records(call, zone)
        known = await records.names()
        lexicon = _lexicon_of(tuple(name.symptom for name in known))
        if not reads_alike(message, lexicon):
            turn = read_turn(message, now, lexicon)
            if (reply := self._without_records(turn, conversation, said, user_id)) is not None:
                return reply
        view = View(zone, now.date(), known, lexicon)
        frame = frame_of(turn, said, view.today)
        if not frame.intent.asks_for_data:
            return self._out_of_scope(turn, frame, view, said, user_id)
        frame = frame.model_copy(update={"symptoms": tuple(dict.fromkeys(map(lexicon.nearest, frame.symptoms)))})
        missing = [symptom for symptom in frame.symptoms if not lexicon.names_of(symptom)]
        if frame.excluded and not lexicon.names_without(frame.excluded):
            missing = [any_symptom(frame)]
        if missing:
            found, text = Findings(), unknown_text(missing, view)
            next_questions = ask_back.other_symptoms(frame, known, lexicon, view.today)
        elif (doubt := _doubt(turn, frame, self._rivals(message, now, frame, said, view), view)) is not None:
            return self._asked_back(*doubt, frame, said, user_id)
        else:
            found = await records.find(frame, lexicon, known, view.today)
            text = answer_text(frame, found, view)
            next_questions = examples(known) if found.is_empty else suggestions(frame)
            text = (*text_of(*(f"{caveat}\n" for caveat in caveats(turn, frame, view.today))), *text)
            next_questions = [*one_by_one(turn, frame, view.today), *next_questions][:_NEXT_MAX]
        reply = self._said(
            text, frame, Conversation(frame=frame, rows=_returned(found, zone)), user_id, next_questions=next_questions
        )
        chart = chart_of(frame, found, view)
        return replace(reply, result=_result(found, zone), chart=chart, as_of=records.as_of)

    @staticmethod
    def _rivals(message: str, now: datetime, frame: QueryFrame, said: Conversation, view: View) -> list[QueryFrame]:
        """Return the frames of other symptoms, recorded ones, that ``message`` may as well ask for."""
        frames = [frame_of(turn, said, view.today) for turn in rival_readings(message, now, view.lexicon)]
        return [
            each
            for each in frames
            if each.symptoms
            and set(each.symptoms) != set(frame.symptoms)
            and all(map(view.lexicon.names_of, each.symptoms))
            and each.intent is frame.intent
        ]

    def _without_records(
        self, turn: Turn, conversation: str | None, said: Conversation, user_id: str
    ) -> ChatReply | None:
        """Return the answer to what no record is needed for, a misspelt emergency too; else None."""
        if turn.intent is Intent.EMERGENCY:
            return self._emergency_reply(conversation)
        if turn.intent not in _NEED_NO_RECORDS:
            return None
        text, frame = _NEED_NO_RECORDS[turn.intent](), QueryFrame(intent=turn.intent)
        return self._said(text, frame, said, user_id, next_questions=examples(()))

    def _out_of_scope(self, turn: Turn, frame: QueryFrame, view: View, said: Conversation, user_id: str) -> ChatReply:
        """Say what can be asked; ask back where a word stands before the answer, or something is told, not asked."""
        words = ask_back.unknown_words(turn)
        told = next((each for each in map(view.lexicon.nearest, turn.told) if view.lexicon.names_of(each)), None)
        if told is not None:
            offered = ask_back.what_may_be_asked(turn, told, view.today)
            return self._asked_back(told_text(told), offered, frame, said, user_id)
        if not words:
            return self._said(out_of_scope_text(), frame, said, user_id, next_questions=examples(view.known))
        offered = ask_back.readings(turn, words, view.known, view.lexicon, view.today)
        return self._asked_back(unknown_word_text(words), offered or examples(()), frame, said, user_id)

    def _asked_back(
        self, text: Text, offered: list[str], frame: QueryFrame, said: Conversation, user_id: str
    ) -> ChatReply:
        reply = self._said(text, frame, said, user_id, next_questions=offered)
        return replace(reply, asks_back=True)

    def _emergency_reply(self, conversation: str | None) -> ChatReply:
        frame = QueryFrame(intent=Intent.EMERGENCY).as_json()
        return ChatReply(emergency_text(self._emergency_number), conversation or "", frame)

    def _said(
        self,
        text: Text,
        frame: QueryFrame,
        conversation: Conversation,
        user_id: str,
        *,
        next_questions: list[str],
    ) -> ChatReply:
        kept = conversation.model_copy(update={"said_at": self._clock.time()})
        return ChatReply(text, self._seal.close(kept, user_id), frame.as_json(), suggestions=next_questions)


@lru_cache(_LEXICONS_REMEMBERED)
def _lexicon_of(names: tuple[str, ...]) -> Lexicon:
    """Return the lexicon joined with the names of somebody's records, which change seldom."""
    return base_lexicon().joined(names)


def _doubt(turn: Turn, frame: QueryFrame, rivals: Sequence[QueryFrame], view: View) -> tuple[Text, list[str]] | None:
    """Return what to ask instead of answering, and the questions to offer; None where ``frame`` is surely meant."""
    if ask_back.lacks_a_side(frame):
        return one_sided_text(), _sides(frame, view)
    if rivals:
        return either_text(frame, rivals), ask_back.either(frame, rivals, view.today)
    if turn.is_doubtful:
        return doubtful_text(), ask_back.nearest_meanings(frame, view.today)
    return None


def _sides(frame: QueryFrame, view: View) -> list[str]:
    symptom = next(iter(frame.symptoms), None) or next((name.symptom.casefold() for name in view.known), None)
    return ask_back.sides(frame, symptom, view.known, view.today) if symptom else examples(())


def _returned(found: Findings, zone: ZoneInfo) -> tuple[ReturnedRow, ...]:
    """Return what a follow-up may refer to."""
    if found.ranking:
        return tuple(returned_row(ranked.symptom, None, None) for ranked in found.ranking)
    items = found.page.items[:ROWS_MAX] if found.page else ()
    return tuple(returned_row(row.symptom, row.recorded_at.astimezone(zone).date(), row.severity) for row in items)


def _result(found: Findings, zone: ZoneInfo) -> dict[str, object] | None:
    """Return the structured answer: rows (times in ``zone``), total, series and the figures that the text gives."""
    result: dict[str, object] = {}
    if found.page is not None:
        rows = [
            {
                "recorded_at": row.recorded_at.astimezone(zone).isoformat(timespec="minutes"),
                "symptom": row.symptom,
                "severity": row.severity,
                "duration_minutes": row.duration_minutes,
                "notes": row.notes,
            }
            for row in found.page.items
        ]
        result |= {"rows": rows, "total": found.page.total, "total_is_exact": found.page.total_is_exact}
    if found.stats is not None:
        figures = found.stats.model_dump(mode="json", include={"count", "average_severity", "max_severity", "series"})
        result |= {"total": found.stats.count, **figures}
    if found.sides:
        result["sides"] = [
            side.model_dump(mode="json", include={"count", "average_severity", "max_severity"}) for side in found.sides
        ]
    if found.ranking:
        result["ranking"] = [{"symptom": ranked.symptom, "count": ranked.count} for ranked in found.ranking]
    return result or None
