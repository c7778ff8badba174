from __future__ import annotations

from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.apps.health.chat.context import Conversation
from gateway.apps.health.chat.dates import DAY
from gateway.apps.health.chat.followup import frame_of
from gateway.apps.health.chat.frame import ALL_TIME, DateRange, Intent, QueryFrame
from gateway.apps.health.chat.question import question_words
from gateway.apps.health.chat.symptoms import INNOCENT, base_lexicon
from gateway.apps.health.chat.turn import read_turn

TODAY = date(2026, 5, 28)
ONE_SIDED = [Intent.LIST, Intent.COUNT, Intent.LATEST, Intent.FIRST, Intent.DURATION_SINCE, Intent.TREND,
             Intent.AVERAGE_SEVERITY, Intent.MAX_SEVERITY]  # fmt: skip
SYMPTOMS = sorted(set(base_lexicon().phrases.values()) - {INNOCENT})

days = st.dates(date(2017, 1, 1), date(2027, 12, 31))


def read(text: str, today: date) -> QueryFrame:
    turn = read_turn(text, datetime.combine(today, time(12)), base_lexicon())
    return frame_of(turn, Conversation(), today)


@st.composite
def periods(draw: st.DrawFn, today: date) -> DateRange:
    start = draw(st.dates(date(2015, 1, 1), today))
    end = min(start + timedelta(days=draw(st.integers(1, 500))), today + DAY)
    return draw(st.sampled_from([ALL_TIME, DateRange(start=start, end=end), DateRange(end=start)]))


@given(st.data(), st.sampled_from(ONE_SIDED), st.sampled_from(SYMPTOMS), days, st.none() | st.integers(1, 10))
def test_question_is_read_as_the_frame_it_was_made_of(
    data: st.DataObject, intent: Intent, symptom: str, today: date, severity: int | None
) -> None:
    frame = QueryFrame(intent=intent, symptoms=(symptom,), period=data.draw(periods(today)), min_severity=severity)

    assert read(question_words(frame, today), today) == frame


def test_question_is_read_as_the_frame_it_was_made_of_when_a_symptom_ends_with_a_word_of_time() -> None:
    frame = QueryFrame(
        intent=Intent.LIST, symptoms=("falling over",), period=DateRange(start=date(2015, 1, 1), end=date(2015, 1, 3))
    )
    assert read(question_words(frame, TODAY), TODAY) == frame


@given(st.data(), days, st.sampled_from(SYMPTOMS))
def test_comparison_of_periods_is_read_as_the_frame_it_was_made_of(
    data: st.DataObject, today: date, symptom: str
) -> None:
    split = data.draw(st.dates(date(2016, 1, 1), today - DAY))
    later = DateRange(start=split + DAY, end=today + DAY)
    earlier = DateRange(start=split - data.draw(st.integers(1, 300)) * DAY, end=split)
    frame = QueryFrame(intent=Intent.COMPARE, symptoms=(symptom,), period=later, second=earlier)

    assert read(question_words(frame, today), today) == frame


@pytest.mark.story("health/US-BE-04.4")
@pytest.mark.parametrize(
    ("frame", "question"),
    [
        (QueryFrame(intent=Intent.COUNT, symptoms=("migraine",)), "How often did I have migraine?"),
        (
            QueryFrame(intent=Intent.LIST, period=DateRange(start=date(2026, 5, 18), end=date(2026, 5, 25))),
            "Show my entries of any symptom last week",
        ),
        (
            QueryFrame(
                intent=Intent.COMPARE,
                symptoms=("headache",),
                period=DateRange(start=date(2026, 5, 1), end=date(2026, 5, 29)),
                second=DateRange(start=date(2026, 4, 1), end=date(2026, 5, 1)),
            ),
            "Compare headache this month with last month",
        ),
        (
            QueryFrame(intent=Intent.COMPARE, symptoms=("headache", "migraine"), min_severity=7),
            "Compare headache and migraine of severity 7 or more",
        ),
        (
            QueryFrame(intent=Intent.COUNT, excluded=("rash", "cough")),
            "How often did I have any symptom except rash and cough?",
        ),
        (QueryFrame(intent=Intent.MOST_FREQUENT), "Which symptom did I have most often?"),
        (
            QueryFrame(intent=Intent.MOST_FREQUENT, min_severity=4, period=DateRange(start=TODAY, end=TODAY + DAY)),
            "Which symptom of severity 4 or more did I have most often today?",
        ),
    ],
)
def test_question_is_said_as_people_say_it(frame: QueryFrame, question: str) -> None:
    assert question_words(frame, TODAY) == question
    assert read(question, TODAY) == frame
