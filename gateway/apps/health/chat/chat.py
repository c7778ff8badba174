"""The health chat, put together: a message in, an answer from the person's own records out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
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
    in_doubt_text,
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
from gateway.apps.health.chat.symptoms import Lexicon, base_lexicon
from gateway.apps.health.chat.turn import Message, prepare
from gateway.apps.health.chat.wording import any_symptom

_LEXICONS_REMEMBERED: Final = 64
_NEXT_MAX: Final = 4
_STARTS_AFRESH: Final = "Our earlier conversation has ended, so I start afresh.\n"
_NEED_NO_RECORDS = {Intent.GREETING: greeting_text, Intent.HELP: help_text}


class Chat:
    """Answers questions. Holds nothing of anybody: the client holds the conversation, sealed with ``seal_key``."""

    def __init__(self, *, seal_key: bytes, emergency_number: str, clock: Clock) -> None:
        self._seal = Seal(seal_key)
        self._emergency_number = emergency_number
        self._clock = clock
        prepare()

    def hear(self, text: str, time_zone: str) -> Message:
        """Read ``text``, once for all that follows; days are days in ``time_zone``."""
        return Message(text, utc(self._clock.time()).astimezone(ZoneInfo(time_zone)).replace(tzinfo=None))

    def emergency(self, message: Message, conversation: str | None = None) -> ChatReply | None:
        """Return the answer to somebody in danger, else None. Needs no bridge; the conversation stays as it was."""
        return self._emergency_reply(conversation) if message.turn(base_lexicon()).intent is Intent.EMERGENCY else None

    async def reply(
        self, message: Message, conversation: str | None, *, user_id: str, time_zone: str, call: Call
    ) -> ChatReply:
        """Answer ``message``, which may follow up what ``conversation`` holds; it was heard in ``time_zone``.

        Raises Invalid (``invalid_conversation``) for a conversation that is not this user's, and what ``call`` raises.
        """
        if (emergency := self.emergency(message, conversation)) is not None:
            return emergency
        said = self._seal.open(conversation, user_id) if conversation else Conversation()
        is_over = said.frame is not None and said.is_over(self._clock.time())
        before = _Before(conversation, Conversation() if is_over else said, user_id)
        turn = message.turn(base_lexicon(), follows=before.said.frame is not None)
        reply = self._without_records(turn, before)
        if reply is None:
            reply = await self._from_records(message, turn, before, Records(call, ZoneInfo(time_zone)))
        if turn.rival is Intent.EMERGENCY:
            reply = replace(reply, text=(*in_doubt_text(self._emergency_number), *reply.text))
        if is_over:
            reply = replace(reply, text=(*text_of(_STARTS_AFRESH), *reply.text))
        return reply

    async def _from_records(self, message: Message, turn: Turn, before: _Before, records: Records) -> ChatReply:
        known = await records.names()
        lexicon = _lexicon_of(tuple(name.symptom for name in known))
        if not message.reads_alike(lexicon):
            turn = message.turn(lexicon, follows=before.said.frame is not None)
            if (reply := self._without_records(turn, before)) is not None:
                return reply
        view = View(records.zone, message.now.date(), known, lexicon)
        frame = frame_of(turn, before.said, view.today)
        if not frame.intent.asks_for_data:
            return self._out_of_scope(turn, frame, view, before)
        frame = frame.model_copy(update={"symptoms": tuple(dict.fromkeys(map(lexicon.nearest, frame.symptoms)))})
        if missing := _missing(frame, lexicon):
            next_questions = ask_back.other_symptoms(frame, known, lexicon, view.today)
            return self._answered(unknown_text(missing, view), frame, before, next_questions=next_questions)
        if (doubt := _doubt(turn, frame, _rivals(message, frame, before.said, view), view)) is not None:
            return self._asked_back(*doubt, frame, before)
        found = await records.find(frame, lexicon, known, view.today)
        text = answer_text(frame, found, view)
        text = (*text_of(*(f"{caveat}\n" for caveat in caveats(turn, frame, view.today))), *text)
        next_questions = examples(known) if found.is_empty else suggestions(frame)
        next_questions = [*one_by_one(turn, frame, view.today), *next_questions][:_NEXT_MAX]
        returned = _returned(found, view.zone)
        reply = self._answered(text, frame, before, next_questions=next_questions, rows=returned)
        chart = chart_of(frame, found, view)
        return replace(reply, result=_result(found, view.zone), chart=chart, as_of=records.as_of)

    def _without_records(self, turn: Turn, before: _Before) -> ChatReply | None:
        """Return the answer to what no record is needed for, a misspelt emergency too; else None."""
        if turn.intent is Intent.EMERGENCY:
            return self._emergency_reply(before.token)
        if turn.intent not in _NEED_NO_RECORDS:
            return None
        text, frame = _NEED_NO_RECORDS[turn.intent](), QueryFrame(intent=turn.intent)
        return self._aside(text, frame, before, next_questions=examples(()))

    def _out_of_scope(self, turn: Turn, frame: QueryFrame, view: View, before: _Before) -> ChatReply:
        """Say what can be asked; ask back where a word stands before the answer, or something is told, not asked."""
        told = next((each for each in map(view.lexicon.nearest, turn.told) if view.lexicon.names_of(each)), None)
        if told is not None:
            return self._asked_back(told_text(told), ask_back.what_may_be_asked(turn, told, view.today), frame, before)
        if not turn.unknown:
            return self._aside(out_of_scope_text(), frame, before, next_questions=examples(view.known))
        return self._asked_back(*_unknown_word(turn, view), frame, before)

    def _asked_back(self, text: Text, offered: list[str], frame: QueryFrame, before: _Before) -> ChatReply:
        return replace(self._aside(text, frame, before, next_questions=offered), asks_back=True)

    def _emergency_reply(self, token: str | None) -> ChatReply:
        frame = QueryFrame(intent=Intent.EMERGENCY).as_json()
        return ChatReply(emergency_text(self._emergency_number), token or "", frame)

    def _answered(
        self,
        text: Text,
        frame: QueryFrame,
        before: _Before,
        *,
        next_questions: list[str],
        rows: tuple[ReturnedRow, ...] = (),
    ) -> ChatReply:
        """Return the answer to ``frame``, from which the conversation goes on."""
        said = before.said.followed_by(frame, rows)
        return self._aside(text, frame, replace(before, said=said), next_questions=next_questions)

    def _aside(self, text: Text, frame: QueryFrame, before: _Before, *, next_questions: list[str]) -> ChatReply:
        """Return the answer to what leaves the conversation where it was."""
        kept = before.said.model_copy(update={"said_at": self._clock.time()})
        return ChatReply(text, self._seal.close(kept, before.user_id), frame.as_json(), suggestions=next_questions)


@dataclass(frozen=True, slots=True)
class _Before:
    """What was said earlier: the token as it came, what it holds, and whose it is."""

    token: str | None
    said: Conversation
    user_id: str


@lru_cache(_LEXICONS_REMEMBERED)
def _lexicon_of(names: tuple[str, ...]) -> Lexicon:
    """Return the lexicon joined with the names of somebody's records, which change seldom."""
    return base_lexicon().joined(names)


def _missing(frame: QueryFrame, lexicon: Lexicon) -> list[str]:
    """Return what is asked for that no record is called."""
    if frame.excluded and not lexicon.names_without(frame.excluded):
        return [any_symptom(frame)]
    return [symptom for symptom in frame.symptoms if not lexicon.names_of(symptom)]


def _rivals(message: Message, frame: QueryFrame, said: Conversation, view: View) -> list[QueryFrame]:
    """Return the frames of other symptoms, recorded ones, that ``message`` may as well ask for."""
    frames = [frame_of(turn, said, view.today) for turn in message.rival_turns(view.lexicon)]
    return [
        each
        for each in frames
        if each.symptoms
        and set(each.symptoms) != set(frame.symptoms)
        and all(map(view.lexicon.names_of, each.symptoms))
        and each.intent is frame.intent
    ]


def _doubt(turn: Turn, frame: QueryFrame, rivals: Sequence[QueryFrame], view: View) -> tuple[Text, list[str]] | None:
    """Return what to ask instead of answering, and the questions to offer; None where ``frame`` is surely meant."""
    if frame.lacks_a_side:
        return one_sided_text(), _sides(frame, view)
    if rivals:
        return either_text(frame, rivals), ask_back.either(frame, rivals, view.today)
    if ask_back.asks_of_unknown(turn, frame):
        return _unknown_word(turn, view)
    if turn.is_doubtful or ask_back.asks_rival(turn):
        return doubtful_text(), ask_back.nearest_meanings(frame, turn.rival, view.today)
    return None


def _unknown_word(turn: Turn, view: View) -> tuple[Text, list[str]]:
    offered = ask_back.readings(turn, view.known, view.lexicon, view.today)
    return unknown_word_text(turn.unknown), offered or examples(())


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
