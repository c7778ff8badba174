from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.apps.health.chat.dates import Unit, add
from gateway.apps.health.chat.reply import Chart, Point, Series
from gateway.apps.health.drawing import HEIGHT, WIDTH, draw, moment, rows

START = date(2025, 12, 1)


def chart(*values: tuple[int, float | None], unit: Unit = Unit.WEEK, measure: str = "count") -> Chart:
    points = tuple(Point(add(START, number, unit), *value) for number, value in enumerate(values))
    return Chart("Headache", measure, unit, (Series("headache", points),))  # type: ignore[arg-type]


@pytest.mark.story("health/US-BE-04.2")
def test_bars_are_as_high_as_their_counts_when_entries_are_drawn() -> None:
    drawing = draw(chart((4, None), (0, None), (1, None), (2, None)))

    assert [bar.height * 4 / drawing.bars[0].height for bar in drawing.bars] == pytest.approx([4, 1, 2], abs=0.05)
    assert [label.text for label in drawing.grid] == ["0", "2", "4"]
    assert drawing.bars[1].label == "week of 15 December 2025: 1"


def test_dots_stand_at_their_severity_when_severities_are_drawn() -> None:
    drawing = draw(chart((1, 10.0), (0, None), (2, 5.0), (1, 0.0), measure="severity"))

    heights = {label.text: label.y for label in drawing.grid}
    assert [dot.y for dot in drawing.dots] == [heights["10"], heights["5"], heights["0"]]
    assert drawing.dots[1].label == "week of 15 December 2025: 2, average severity 5.0"
    assert drawing.line == ""


def test_trend_is_a_line_from_the_first_to_the_last_point_when_there_is_one() -> None:
    made = chart((1, 10.0), (1, 8.0), (1, 0.0), measure="severity")
    drawing = draw(Chart(made.title, made.measure, made.unit, made.series, (10.0, 0.0)))

    ends = [tuple(map(float, end.split(","))) for end in drawing.line.split()]
    assert ends == [(drawing.dots[0].x, drawing.dots[0].y), (drawing.dots[2].x, drawing.dots[2].y)]


def test_sides_of_a_comparison_have_a_bar_each() -> None:
    sides = (Series("May", (Point(START, 8, 4.0),)), Series("June", (Point(START, 2, None),)))
    drawing = draw(Chart("Headache", "count", None, sides))

    assert [bar.width * 8 / drawing.bars[0].width for bar in drawing.bars] == pytest.approx([8, 2])
    assert [label.text for label in drawing.labels] == ["May", "8", "June", "2"]
    assert list(rows(Chart("", "count", None, sides))) == [("May", 8, 4.0), ("June", 2, None)]


@given(
    st.lists(st.tuples(st.integers(0, 5000), st.none() | st.floats(0, 10)), min_size=1, max_size=400),
    st.sampled_from([Unit.DAY, Unit.WEEK, Unit.MONTH]),
    st.sampled_from(["count", "severity"]),
)
def test_everything_lies_within_the_drawing_whatever_is_drawn(
    values: list[tuple[int, float | None]], unit: Unit, measure: str
) -> None:
    drawing = draw(chart(*values, unit=unit, measure=measure))

    assert all(0 <= bar.x <= bar.x + bar.width <= WIDTH for bar in drawing.bars)
    assert all(0 <= bar.y <= bar.y + bar.height <= HEIGHT for bar in drawing.bars)
    assert all(0 <= dot.x <= WIDTH and 0 <= dot.y <= HEIGHT for dot in drawing.dots)
    assert 1 <= len(drawing.labels) <= 6


@pytest.mark.parametrize(
    ("unit", "name"),
    [(Unit.DAY, "1 December 2025"), (Unit.WEEK, "week of 1 December 2025"), (Unit.MONTH, "December 2025")],
)
def test_row_is_named_as_its_unit_is(unit: Unit, name: str) -> None:
    assert moment(START, unit) == name


def test_labels_say_the_year_when_the_chart_spans_two() -> None:
    assert [label.text for label in draw(chart(*[(1, None)] * 3, unit=Unit.MONTH)).labels] == [
        "Dec 2025", "Jan 2026", "Feb 2026",
    ]  # fmt: skip
    days = chart(*[(1, None)] * 40, unit=Unit.DAY)
    assert draw(days).labels[0].text == "1 Dec 25"
    assert days.series[0].points[-1].start == START + timedelta(days=39)
