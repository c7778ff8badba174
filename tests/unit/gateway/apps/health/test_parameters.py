from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from bridge.contracts.health import Bucket, Sort, Total
from bridge.errors import Invalid
from gateway.apps.health.parameters import Query, list_parameters, names_parameters, stats_parameters, time_zone

LONDON = ZoneInfo("Europe/London")


def wrong_fields(query: Query) -> dict[str, str]:
    with pytest.raises(Invalid) as raised:
        list_parameters(query, LONDON)
    return {field.name: field.message for field in raised.value.fields}


def test_list_parameters_are_the_operations_when_all_are_given() -> None:
    params = list_parameters(
        {
            "symptom": ["Headache", "Runny nose"],
            "text": ["screen"],
            "category": ["Head"],
            "from": ["2026-05-01"],
            "to": ["2026-05-31"],
            "min_severity": ["4"],
            "sort": ["-severity"],
            "limit": ["10"],
            "cursor": ["abc"],
            "total": ["exact"],
        },
        LONDON,
    )

    assert params.symptoms == ("Headache", "Runny nose")
    assert (params.text, params.category, params.min_severity) == ("screen", "Head", 4)
    assert (params.sort, params.limit, params.cursor, params.total) == (Sort.WORST, 10, "abc", Total.EXACT)


def test_dates_are_whole_days_of_the_time_zone_when_no_time_is_given() -> None:
    params = list_parameters({"from": ["2026-03-29"], "to": ["2026-03-29"]}, LONDON)

    assert params.start == datetime(2026, 3, 29, 0, tzinfo=UTC)
    assert params.end == datetime(2026, 3, 29, 23, tzinfo=UTC)  # the day on which the clocks go forward


def test_times_are_taken_as_they_are_when_they_have_an_offset() -> None:
    params = list_parameters({"from": ["2026-05-01T12:00:00+02:00"], "to": ["2026-05-01T11:00:00Z"]}, LONDON)

    assert params.start == datetime(2026, 5, 1, 10, tzinfo=UTC)
    assert params.end == datetime(2026, 5, 1, 11, tzinfo=UTC)


def test_time_zone_of_the_query_decides_when_it_is_given() -> None:
    params = list_parameters({"from": ["2026-01-01"], "time_zone": ["Asia/Tokyo"]}, LONDON)

    assert params.start == datetime(2025, 12, 31, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ({"colour": ["red"]}, "colour"),
        ({"limit": ["0"]}, "limit"),
        ({"limit": ["201"]}, "limit"),
        ({"limit": ["ten"]}, "limit"),
        ({"limit": ["1", "2"]}, "limit"),
        ({"symptom": [""]}, "symptom"),
        ({"symptom": ["x" * 201]}, "symptom"),
        ({"symptom": ["a\x00b"]}, "symptom"),
        ({"symptom": ["x"] * 21}, "symptom"),
        ({"from": ["yesterday"]}, "from"),
        ({"from": ["20260501"]}, "from"),
        ({"from": ["2026-02-30"]}, "from"),
        ({"from": ["2026-05-01T12:00:00"]}, "from"),
        ({"to": ["9999-12-31"]}, "to"),
        ({"from": ["2026-05-02"], "to": ["2026-05-01"]}, "to"),
        ({"min_severity": ["11"]}, "min_severity"),
        ({"sort": ["best"]}, "sort"),
        ({"total": ["some"]}, "total"),
        ({"cursor": ["x" * 513]}, "cursor"),
        ({"time_zone": ["Mars/Olympus"]}, "time_zone"),
    ],
)
def test_list_parameters_name_what_is_wrong_when_a_value_is_refused(query: Query, name: str) -> None:
    assert set(wrong_fields(query)) == {name}


@pytest.mark.story("health/US-BE-29.2", "hub/AC-044", "todo/US-4.1", "water/EC.3", "water/SC-023")
def test_every_wrong_parameter_is_named_when_there_are_several() -> None:
    assert set(wrong_fields({"a": ["1"], "b": ["2"], "from": ["x"]})) == {"a", "b", "from"}


def test_stats_parameters_carry_zone_and_bucket_when_asked_for_a_series() -> None:
    params = stats_parameters({"bucket": ["week"], "symptom": ["Headache"]}, LONDON)

    assert (params.bucket, params.time_zone, params.symptoms) == (Bucket.WEEK, "Europe/London", ("Headache",))


def test_names_parameters_know_a_limit_alone() -> None:
    assert names_parameters({"limit": ["5"]}).limit == 5
    with pytest.raises(Invalid):
        names_parameters({"symptom": ["x"]})


@pytest.mark.parametrize("name", ["", "..", "/etc/passwd", "Europe", "Nowhere"])
def test_time_zone_is_refused_when_there_is_none_of_the_name(name: str) -> None:
    with pytest.raises(Invalid):
        time_zone(name)
