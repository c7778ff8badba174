"""The whole chat over a diary in memory that answers the same contracts as the agent. Thursday 28 May 2026."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from bridge.client.call import Reply
from bridge.contracts.health import (
    Bucket,
    ListNames,
    ListSymptoms,
    Sort,
    StatsBucket,
    StatsOfSymptoms,
    SymptomFilter,
    SymptomName,
    SymptomNames,
    SymptomPage,
    SymptomRecord,
    SymptomStats,
)
from bridge.contracts.operation import Operation
from bridge.errors import Code, Invalid, Outcome, Unavailable
from gateway.apps.health.chat import turn as turns
from gateway.apps.health.chat.chat import Chat
from gateway.apps.health.chat.context import SILENCE_MAX_S
from gateway.apps.health.chat.frame import Intent
from gateway.apps.health.chat.reply import ChatReply
from tests.clocks import TurnedClock

ZONE = ZoneInfo("Europe/Berlin")

P = TypeVar("P", bound=BaseModel)
R = TypeVar("R", bound=BaseModel)


def record(symptom: str, when: str, severity: int | None = None) -> SymptomRecord:
    moment = datetime.fromisoformat(when).replace(tzinfo=ZONE)
    return SymptomRecord(
        id=f"{symptom}{when}", symptom=symptom, category=None, severity=severity, recorded_at=moment,
        duration_minutes=None, notes=None,
    )  # fmt: skip


@dataclass
class Diary:
    """Answers as the agent does, and keeps what it was asked."""

    records: Sequence[SymptomRecord]
    outcome: Outcome = Outcome.OK
    asked: list[str] = field(default_factory=list)

    async def __call__(self, operation: Operation[P, R], params: P) -> Reply:
        self.asked.append(operation.name)
        if isinstance(params, ListNames):
            result: BaseModel = self._names()
        elif isinstance(params, ListSymptoms):
            result = self._page(params)
        else:
            assert isinstance(params, StatsOfSymptoms)
            result = self._stats(params)
        return Reply(result.model_dump_json().encode(), self.outcome, 1_780_000_000.0, 60.0, "", "drawbridge; hit")

    def _matching(self, wanted: SymptomFilter) -> list[SymptomRecord]:
        names = {name.casefold() for name in wanted.symptoms}
        return [
            row
            for row in self.records
            if (not names or row.symptom.casefold() in names)
            and (wanted.start is None or row.recorded_at >= wanted.start)
            and (wanted.end is None or row.recorded_at < wanted.end)
            and (wanted.min_severity is None or (row.severity or 0) >= wanted.min_severity)
        ]

    def _names(self) -> SymptomNames:
        by_name: dict[str, list[datetime]] = {}
        for row in self.records:
            by_name.setdefault(row.symptom, []).append(row.recorded_at)
        items = [
            SymptomName(symptom=name, category=None, count=len(times), first=min(times), last=max(times))
            for name, times in by_name.items()
        ]
        items.sort(key=lambda item: (-item.count, item.symptom))
        return SymptomNames(items=tuple(items), total=len(items), limit=200, next=None)

    def _page(self, wanted: ListSymptoms) -> SymptomPage:
        rows = sorted(self._matching(wanted), key=lambda row: row.recorded_at, reverse=wanted.sort is not Sort.OLDEST)
        if wanted.sort is Sort.WORST:
            rows.sort(key=lambda row: -1 if row.severity is None else row.severity, reverse=True)
        return SymptomPage(
            items=tuple(rows[: wanted.limit]), total=len(rows), total_is_exact=True, limit=wanted.limit, next=None,
            unconverted=0,
        )  # fmt: skip

    def _stats(self, wanted: StatsOfSymptoms) -> SymptomStats:
        rows = self._matching(wanted)
        said = [row.severity for row in rows if row.severity is not None]
        starts: dict[date, list[int]] = {}
        for row in rows:
            day = row.recorded_at.astimezone(ZoneInfo(wanted.time_zone)).date()
            step = {Bucket.WEEK: day.weekday(), Bucket.MONTH: day.day - 1}.get(wanted.bucket, 0)
            starts.setdefault(day - timedelta(days=step), []).append(row.severity or 0)
        return SymptomStats(
            count=len(rows), severity_count=len(said),
            first=min((row.recorded_at for row in rows), default=None),
            last=max((row.recorded_at for row in rows), default=None),
            average_severity=sum(said) / len(said) if said else None, max_severity=max(said, default=None),
            series=tuple(
                StatsBucket(
                    start=start, count=len(values), average_severity=sum(values) / len(values), max_severity=None
                )
                for start, values in sorted(starts.items())
            )
            if wanted.bucket is not Bucket.NONE
            else (),
            unconverted=0,
        )  # fmt: skip


RECORDS = (
    record("Headache", "2026-03-01T00:10", 4),
    record("Headache", "2026-03-15T08:30", 8),
    record("Headache", "2026-03-31T23:50", 6),
    record("Headache", "2026-04-01T00:05", 2),
    record("Headache", "2026-05-20T07:00"),
    record("Cough", "2026-05-26T21:00", 3),
    record("Cough", "2026-05-27T22:00", 5),
    record("Zyxitis", "2026-01-02T12:00"),
)


class Talk:
    """One person's conversation."""

    def __init__(self, diary: Diary, clock: TurnedClock) -> None:
        self.diary = diary
        self._chat = Chat(seal_key=b"k" * 32, emergency_number="112", clock=clock)
        self._conversation: str | None = None

    async def __call__(self, message: str, user_id: str = "ada") -> ChatReply:
        heard = self._chat.hear(message, ZONE.key)
        reply = await self._chat.reply(heard, self._conversation, user_id=user_id, time_zone=ZONE.key, call=self.diary)
        self._conversation = reply.conversation
        return reply

    def tamper(self) -> None:
        self._conversation = "B" + (self._conversation or "")[1:]


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock(1_780_000_000.0)


@pytest.fixture
def ask(clock: TurnedClock) -> Talk:
    return Talk(Diary(RECORDS), clock)


@pytest.mark.story("health/US-BE-02.1", "health/US-BE-04.1", "health/US-BE-35.3")
@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("how many headaches in March?", "3 entries of headache in March 2026."),
        ("how often did I cough yesterday", "1 entry of cough yesterday, 27 May 2026."),
        ("show my headaches in March", "3 entries of headache in March 2026."),
        ("when did I last have a headache?",
         "The latest entry of headache was on Wednesday 20 May 2026 at 07:00."),
        ("when did I first have a headache this year?",
         "The first entry of headache, since 1 January 2026, was on Sunday 1 March 2026 at 00:10, severity 4."),
        ("how bad was my headache on average?",
         ("5 out of 10 on average: headache in all your records, over 4 entries (1 more without a severity). "
          "The highest was 8.")),
        ("worst headache ever",
         ("8 out of 10 is the highest: headache in all your records, over 4 entries "
          "(1 more without a severity). Latest so: on Sunday 15 March 2026 at 08:30.")),
        ("how long since my last headache?",
         "8 days ago: the latest entry of headache was on Wednesday 20 May 2026 at 07:00."),
        ("how often did I have severe headaches", "1 entry of headache of severity 7 or more in all your records."),
        ("which symptom do I have most often?",
         "Headache is the most frequent in all your records, with 5 entries. Then Cough (2) and Zyxitis (1)."),
        ("most frequent symptom this week", "Cough is the most frequent since 25 May 2026, with 2 entries."),
        ("how many headaches in February?",
         "There are no entries of headache in February 2026. The nearest one after that is on 1 March 2026."),
        ("zyxitis in May?",
         ("There are no entries of Zyxitis since 1 May 2026. "
          "The nearest one before that is on 2 January 2026.")),
        ("how bad was my zyxitis", "The one entry of Zyxitis in all your records states no severity."),
        ("worst zyxitis", "The one entry of Zyxitis in all your records states no severity."),
        ("is my cough getting worse?", "2 entries of cough in all your records: too few to tell a direction."),
        ("how many rashes",
         ("There are no entries of rash in your records. "
          "What you have recorded most: Headache, Cough and Zyxitis.")),
        ("compare headaches in March and April",
         ("Headache: 2 more in March 2026 than in April 2026.\nIn April 2026: 1 entry, average severity 2, highest 2.\n"
          "In March 2026: 3 entries, average severity 6, highest 8.")),
        ("compare cough and zyxitis this year",
         ("Since 1 January 2026: 1 more cough than Zyxitis.\n"
          "Cough: 2 entries, average severity 4, highest 5.\nZyxitis: 1 entry.")),
        ("everything except headaches", "3 entries of any symptom except headache in all your records."),
        ("which symptom is most frequent apart from headaches",
         "Cough is the most frequent in all your records, with 2 entries. Then Zyxitis (1)."),
        ("anything but cough, headache and zyxitis",
         ("There are no entries of any symptom except cough, headache and Zyxitis in your records. "
          "What you have recorded most: Headache, Cough and Zyxitis.")),
        ("headaches below 4 in March",
         ("I can only narrow to a severity or more, so entries of every severity count here.\n"
          "3 entries of headache in March 2026.")),
        ("my mild coughs",
         ("I can only narrow to a severity or more, so entries of every severity count here.\n"
          "2 entries of cough in all your records.")),
        ("compare headaches in January, March and April",
         ("I can only compare two periods: in March 2026 and in January 2026.\n"
          "Headache: 3 more in March 2026 than in January 2026.\n"
          "In March 2026: 3 entries, average severity 6, highest 8.\nIn January 2026: 0 entries.")),
    ],
)  # fmt: skip
async def test_answer_is_right_when_asked_about_the_records(ask: Talk, question: str, answer: str) -> None:
    assert (await ask(question)).answer == answer


@pytest.mark.story("health/US-BE-04.3")
@pytest.mark.parametrize(
    ("question", "keys"),
    [
        ("how many headaches in March?", ["3 entries"]),
        ("when did I last have a headache?", ["on Wednesday 20 May 2026 at 07:00"]),
    ],
)
async def test_what_was_asked_for_is_marked_when_it_is_answered(ask: Talk, question: str, keys: list[str]) -> None:
    assert [passage.text for passage in (await ask(question)).text if passage.is_key] == keys


@pytest.mark.story("health/US-BE-04.2")
async def test_structured_answer_holds_rows_and_figures_when_records_are_found(ask: Talk) -> None:
    rows = (await ask("show my coughs")).result
    assert rows == {
        "rows": [
            {"recorded_at": f"2026-05-{day}T{hour}:00+02:00", "symptom": "Cough", "severity": severity,
             "duration_minutes": None, "notes": None}
            for day, hour, severity in ((27, 22, 5), (26, 21, 3))
        ],
        "total": 2,
        "total_is_exact": True,
    }  # fmt: skip
    count = (await ask("how many coughs this week")).result
    assert count is not None
    assert count["total"] == 2
    assert [bucket["start"] for bucket in count["series"]] == ["2026-05-26", "2026-05-27"]  # type: ignore[attr-defined]


@pytest.mark.story("health/US-BE-03.1")
async def test_follow_up_goes_on_when_the_conversation_comes_back(ask: Talk) -> None:
    await ask("how many headaches in March?")
    assert (await ask("and in April?")).answer == "1 entry of headache in April 2026."
    assert (await ask("and cough?")).answer.startswith("There are no entries of cough in April 2026.")


@pytest.mark.story("health/US-BE-03.3")
async def test_conversation_goes_on_when_nobody_spoke_for_ten_minutes(ask: Talk, clock: TurnedClock) -> None:
    await ask("how many headaches in March?")
    clock.advance(600)
    assert (await ask("and in April?")).answer == "1 entry of headache in April 2026."


async def test_chat_starts_afresh_and_says_so_when_the_conversation_has_ended(ask: Talk, clock: TurnedClock) -> None:
    await ask("how many headaches in March?")
    clock.advance(SILENCE_MAX_S + 1)
    reply = await ask("how many coughs?")
    assert (
        reply.answer
        == "Our earlier conversation has ended, so I start afresh.\n2 entries of cough in all your records."
    )


async def test_chat_says_that_the_conversation_has_ended_when_it_is_only_thanked(ask: Talk, clock: TurnedClock) -> None:
    await ask("how many headaches in March?")
    clock.advance(SILENCE_MAX_S + 1)

    assert (await ask("thanks")).answer.startswith("Our earlier conversation has ended")
    assert not (await ask("thanks")).answer.startswith("Our earlier")


async def test_periods_are_offered_one_by_one_when_days_lie_between_them(ask: Talk) -> None:
    reply = await ask("how many headaches in March and in May")

    assert reply.answer == (
        "I read that as one period, with the days between.\n5 entries of headache since 1 March 2026."
    )
    assert reply.suggestions[:2] == [
        "How often did I have headache in March 2026?",
        "How often did I have headache this month?",
    ]


async def test_months_are_one_period_when_nothing_lies_between_them(ask: Talk) -> None:
    assert (await ask("how many headaches in March and April")).answer == (
        "4 entries of headache from 1 March to 30 April 2026."
    )


async def test_conversation_is_refused_when_it_is_foreign_or_altered(ask: Talk) -> None:
    await ask("how many headaches in March?")
    with pytest.raises(Invalid) as refused:
        await ask("and in April?", user_id="bob")
    assert refused.value.code is Code.INVALID_CONVERSATION
    ask.tamper()
    with pytest.raises(Invalid):
        await ask("and in April?")


@pytest.mark.parametrize("message", ["I can't breathe", "I can not braethe"])
async def test_emergency_number_is_given_without_the_bridge_when_somebody_is_in_danger(ask: Talk, message: str) -> None:
    reply = await ask(message)
    assert reply.answer.startswith("If this is happening now, call 112.")
    assert reply.frame is not None
    assert reply.frame["intent"] == "emergency"
    assert (ask.diary.asked, reply.result, reply.suggestions) == ([], None, [])


async def test_conversation_outlives_an_emergency_when_it_was_answered(ask: Talk) -> None:
    await ask("how many headaches in March?")
    await ask("I can't breathe")
    assert (await ask("and in April?")).answer == "1 entry of headache in April 2026."


async def test_chat_says_what_can_be_asked_when_greeted_asked_for_help_or_out_of_scope(ask: Talk) -> None:
    assert (await ask("hello")).answer.startswith("Hello.")
    assert "You can ask for" in (await ask("what can you do?")).answer
    assert ask.diary.asked == []
    reply = await ask("should I take ibuprofen?")
    assert reply.answer.startswith("I can only look up your own symptom records")
    assert [(await ask(text)).answer[:1].isdigit() for text in reply.suggestions] == [True, False, True]


async def test_day_of_a_row_is_left_open_when_what_came_back_has_none(ask: Talk) -> None:
    await ask("what do I have most often?")

    reply = await ask("what else on the day of the first one?")

    assert reply.frame is not None
    assert (reply.frame["start"], reply.frame["end"]) == (None, None)


async def test_period_stays_within_the_calendar_when_it_is_moved_back_again_and_again(ask: Talk) -> None:
    await ask("show headaches last weekend")

    replies = [await ask("and the 999 weekends before") for _ in range(20)]

    assert all(str(reply.frame and reply.frame["start"]) > "1800" for reply in replies)


@pytest.mark.parametrize(
    "period", ["the past week", "the last 30 days", "last weekend", "last quarter", "last month", "March"]
)
async def test_sides_of_a_comparison_do_not_overlap_when_one_is_named(ask: Talk, period: str) -> None:
    frame = (await ask(f"compare my headaches with {period}")).frame

    assert frame is not None
    assert str(frame["compare_start"]) < str(frame["compare_end"]) <= str(frame["start"]) < str(frame["end"])


async def test_chat_asks_back_when_something_is_told_and_nothing_asked(ask: Talk) -> None:
    reply = await ask("I had a headache yesterday")

    assert reply.answer == "I note nothing down; I look up what you recorded of headache. Did you mean one of these?"
    assert reply.asks_back
    assert [(await ask(question)).asks_back for question in reply.suggestions] == [False, False, False]
    assert all("headache" in question for question in reply.suggestions)


async def test_chat_offers_examples_when_advice_is_asked_for(ask: Talk) -> None:
    reply = await ask("what should I take for a headache")

    assert not reply.asks_back
    assert reply.suggestions


async def test_chat_asks_back_when_a_word_may_be_a_symptom_nobody_knows(ask: Talk) -> None:
    reply = await ask("how often did I have headakitis in March?")
    assert reply.answer == "I do not know “headakitis” as a symptom. Did you mean one of these?"
    assert reply.asks_back
    assert reply.result is None
    assert reply.suggestions[0] == "How often did I have headache in March 2026?"
    assert (await ask(reply.suggestions[0])).answer == "3 entries of headache in March 2026."


async def test_chat_asks_which_when_a_misspelt_symptom_may_be_two_recorded_ones(clock: TurnedClock) -> None:
    ask = Talk(Diary((record("Headache", "2026-03-01T08:00"), record("Earache", "2026-03-02T08:00"))), clock)
    reply = await ask("how many hearaches in March?")

    assert reply.asks_back
    assert reply.answer == "I read that as headache or earache. Did you mean one of these?"
    assert reply.suggestions == [
        "How often did I have headache in March 2026?",
        "How often did I have earache in March 2026?",
    ]
    assert (await ask(reply.suggestions[1])).answer == "1 entry of earache in March 2026."


async def test_number_stands_before_the_answer_when_it_may_as_well_be_an_emergency(
    ask: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    odds = {Intent.LIST: 1.0, Intent.EMERGENCY: 0.2}
    monkeypatch.setattr(turns, "weigh", lambda _: {intent: odds.get(intent, -9.0) for intent in Intent})

    reply = await ask("those headaches, so bad, in March")

    assert reply.answer.startswith("If somebody is in danger now, call 112.\n")
    assert not reply.asks_back


async def test_chat_offers_the_next_likeliest_meaning_when_it_is_near(
    ask: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    odds = {Intent.AVERAGE_SEVERITY: 1.0, Intent.MAX_SEVERITY: 0.8}
    monkeypatch.setattr(turns, "weigh", lambda _: {intent: odds.get(intent, -9.0) for intent in Intent})

    reply = await ask("so, those headaches in March, what of them")

    assert reply.asks_back
    assert reply.suggestions[:2] == [
        "How bad was headache on average in March 2026?",
        "How bad was headache at its worst in March 2026?",
    ]


async def test_chat_answers_when_only_one_of_the_symptoms_it_may_be_is_recorded(ask: Talk) -> None:
    assert (await ask("how many hearaches in March?")).answer == "3 entries of headache in March 2026."


async def test_chat_asks_what_is_meant_when_too_much_of_a_question_stays_unread(ask: Talk) -> None:
    reply = await ask("headache frobnicated zyx grommeting, March")

    assert reply.asks_back
    assert reply.answer == "I am not sure that I understood all of that. Did you mean one of these?"
    assert len(reply.suggestions) == 3
    for suggestion in reply.suggestions:
        answer = await ask(suggestion)
        assert not answer.asks_back
        assert "headache" in answer.answer


async def test_chat_offers_only_the_comparison_when_one_is_in_doubt(ask: Talk) -> None:
    reply = await ask("compare headaches in February and March frobnicated zyx grommeting")

    assert reply.asks_back
    assert reply.suggestions == ["Compare headache in March 2026 with February 2026"]


async def test_chat_offers_both_sides_when_a_comparison_has_one(ask: Talk) -> None:
    reply = await ask("compare my headaches")
    assert reply.asks_back
    assert reply.suggestions == [
        "Compare headache this month with last month",
        "Compare headache this year with last year",
        "Compare headache and cough",
    ]
    for suggestion in reply.suggestions:
        assert "average severity" in (await ask(suggestion)).answer


async def test_nearest_recorded_symptom_is_offered_when_there_are_no_entries(clock: TurnedClock) -> None:
    records = [record("Hip pain", "2026-05-01T08:00", 3), *(record("Cough", f"2026-05-0{n}T08:00") for n in (1, 2))]
    reply = await Talk(Diary(records), clock)("how often did my shoulder hurt this year?")
    assert reply.answer.startswith("There are no entries of shoulder pain in your records.")
    assert reply.suggestions[0] == "How often did I have hip pain this year?"


@pytest.mark.parametrize("records", [(), RECORDS])
async def test_every_suggestion_is_understood_when_it_is_asked(
    clock: TurnedClock, records: Sequence[SymptomRecord]
) -> None:
    for question in ("show my headaches", "how many coughs", "how bad was my cough", "worst cough", "last cough",
                     "first cough", "how long since my last cough", "plot my cough", "top symptom",
                     "compare cough and headache", "compare my headaches", "how often did I have zyzzyva in May?",
                     "compare my zyzzyva last week", "compare my rash", "how often did I have a rash"):  # fmt: skip
        for suggestion in (await Talk(Diary(records), clock)(question)).suggestions:
            talk = Talk(Diary(records), clock)
            await talk(question)
            frame = (await talk(suggestion)).frame
            assert frame is not None
            assert frame["intent"] != "out_of_scope", (question, suggestion)


async def test_answer_says_as_of_when_when_records_come_from_before_an_outage(ask: Talk) -> None:
    ask.diary.outcome = Outcome.STALE
    as_of = (await ask("how many coughs")).as_of
    assert as_of is not None
    assert as_of.timestamp() == 1_780_000_000.0


@pytest.mark.story("health/US-BE-35.4")
async def test_error_goes_up_when_the_bridge_cannot_answer(clock: TurnedClock) -> None:
    class Down(Diary):
        async def __call__(self, operation: Operation[P, R], params: P) -> Reply:
            raise Unavailable(Code.UNREACHABLE)

    with pytest.raises(Unavailable):
        await Talk(Down(()), clock)("how many coughs")


async def test_trend_states_the_slope_and_what_it_rests_on_when_there_is_enough(clock: TurnedClock) -> None:
    rising = [record("Cough", f"2026-0{month}-{day:02}T12:00", month) for month in range(1, 6) for day in (3, 13)]
    steady = [record("Rash", f"2026-0{month}-{day:02}T12:00", 4) for month in range(1, 6) for day in (3, 13)]
    ask = Talk(Diary([*rising, *steady]), clock)
    reply = await ask("is my cough getting worse?")
    assert reply.answer == (
        "The severity shows a rise of 1.0 points a month, over 10 entries of cough in all your records (average 3)."
    )
    assert "no clear rise or fall" in (await ask("is my rash getting worse?")).answer


async def test_list_says_that_it_is_cut_when_there_are_more_than_it_shows(clock: TurnedClock) -> None:
    many = [record("Cough", f"2026-03-{day:02}T{hour:02}:00", 1) for day in range(1, 28) for hour in (8, 20)]
    reply = await Talk(Diary(many), clock)("show my coughs")
    assert reply.answer == "54 entries of cough in all your records. These are the latest 50."


async def test_question_is_refused_when_it_means_more_names_than_one_operation_takes(clock: TurnedClock) -> None:
    many = [record(f"Headache {chr(97 + number)}", "2026-03-01T08:00") for number in range(21)]
    with pytest.raises(Invalid, match="too many different symptoms"):
        await Talk(Diary(many), clock)("how many headaches")


PIECES = st.one_of(
    st.text(max_size=40),
    st.sampled_from([
        "how often did I have", "headache", "not", "and", "the week before that", "last month", "since", "between",
        "and 31", "February", "29.2.2025", "99/99/9999", "in 0000", "past 99999 days", "the worst", "compare", "than",
        "at least 11", "of severity", "<script>", "';--", "\u202e", "\x00", "same month", "then", "?", "it", "those",
    ]),
)  # fmt: skip


@given(st.lists(st.lists(PIECES, min_size=1, max_size=12).map(" ".join), min_size=1, max_size=4))
@settings(deadline=None, max_examples=150)
async def test_any_dialog_is_answered_whatever_is_said(messages: list[str]) -> None:
    ask = Talk(Diary(RECORDS), TurnedClock(1_780_000_000.0))
    for message in messages:
        reply = await ask(message[:1000])
        assert reply.answer
        assert reply.frame is not None
