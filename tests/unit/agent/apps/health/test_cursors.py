from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.apps.health import cursors
from agent.apps.health.cursors import Position
from bridge.contracts.health import ListSymptoms, Sort, Total
from bridge.errors import Code, Invalid

QUESTION = ListSymptoms(symptoms=("headache",), start=datetime(2024, 1, 1, tzinfo=UTC))
POSITION = Position(7, datetime(2024, 5, 1, 10, 0, 0, 123, tzinfo=UTC), "entry/42")
_IDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=60)


@given(
    st.integers(-11, 10),
    st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)),  # noqa: DTZ001 - as hypothesis wants it
    _IDS,
)
def test_cursor_leads_back_to_its_position(rank: int, recorded_at: datetime, record_id: str) -> None:
    position = Position(rank, recorded_at, record_id)
    assert cursors.decode(cursors.encode(position, QUESTION), QUESTION) == position


def test_cursor_fits_the_contract_when_the_id_is_as_long_as_may_be() -> None:
    cursor = cursors.encode(Position(-11, POSITION.recorded_at, "x" * 200), QUESTION)
    assert ListSymptoms(cursor=cursor).cursor == cursor


def test_cursor_serves_another_page_size_and_total() -> None:
    cursor = cursors.encode(POSITION, QUESTION)
    other = QUESTION.model_copy(update={"limit": 7, "total": Total.NONE, "cursor": cursor})
    assert cursors.decode(cursor, other) == POSITION


@pytest.mark.parametrize(
    "change",
    [
        {"symptoms": ("migraine",)},
        {"start": None},
        {"sort": Sort.WORST},
        {"text": "x"},
        {"category": "x"},
        {"min_severity": 0},
        {"end": datetime(2025, 1, 1, tzinfo=UTC)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_cursor_is_refused_when_the_question_is_another(change: dict[str, object]) -> None:
    with pytest.raises(Invalid) as refusal:
        cursors.decode(cursors.encode(POSITION, QUESTION), QUESTION.model_copy(update=change))
    assert refusal.value.code is Code.INVALID_CURSOR


@given(st.one_of(st.text(max_size=200), st.binary(max_size=150).map(lambda data: urlsafe_b64encode(data).decode())))
def test_cursor_is_refused_when_it_is_anything_else(text: str) -> None:
    with pytest.raises(Invalid):
        cursors.decode(text, QUESTION)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (0, ""),
        (1, 11),
        (1, -12),
        (1, 1.5),
        (1, "1"),
        (2, 2**63),
        (2, -(2**63)),
        (2, None),
        (3, "a\x00b"),
        (3, "x" * 201),
        (3, 5),
    ],
)
def test_cursor_is_refused_when_a_part_was_changed(place: int, value: object) -> None:
    parts = json.loads(urlsafe_b64decode(cursors.encode(POSITION, QUESTION) + "==="))
    parts[place] = value
    forged = urlsafe_b64encode(json.dumps(parts).encode()).decode()
    with pytest.raises(Invalid) as refusal:
        cursors.decode(forged, QUESTION)
    assert [field.name for field in refusal.value.fields] == ["cursor"]
