"""The rows of docs/requirements are read as written, and are true of the markers of this repository's tests."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs.generate import application
from gateway.web.openapi import document_of
from tests.requirements import REQUIREMENTS, TESTS, Criterion, State, marked, read_criteria, state_of, unknown


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("| `hub/A.1` | Again | done |", "hub/A.1 is listed twice"),
        ("| `hub/B.1` | Breaks | almost |", "almost"),
        ("| `hub/B.1` | Breaks | partly |", "hub/B.1 is partly: what is missing belongs to partly"),
        ("| `hub/B.1` | Breaks | done: mostly |", "hub/B.1 is done: what is missing belongs to partly"),
    ],
)
def test_criteria_are_refused_when_a_row_is_wrong(tmp_path: Path, row: str, message: str) -> None:
    (tmp_path / "hub.md").write_text(f"| `hub/A.1` | Answers | done |\n{row}\n")
    with pytest.raises(ValueError, match=message):
        read_criteria(tmp_path)


@pytest.mark.parametrize(
    ("states", "state"),
    [
        ([State.DONE, State.DONE], State.DONE),
        ([State.NOT_YET], State.NOT_YET),
        ([State.DONE, State.NOT_YET], State.PARTLY),
        ([State.PARTLY, State.PARTLY], State.PARTLY),
    ],
)
def test_state_of_a_story_follows_from_its_criteria(states: list[State], state: State) -> None:
    assert state_of(Criterion(f"hub/A.{number}", "", each) for number, each in enumerate(states)) is state


def test_markers_are_found_wherever_they_are_written_out(tmp_path: Path) -> None:
    (tmp_path / "lab").mkdir()
    (tmp_path / "lab" / "test_a.py").write_text('@pytest.mark.story("hub/A.1")\nasync def test_a(): pass\n')
    (tmp_path / "test_b.py").write_text(
        'ROWS = [pytest.param(1, marks=pytest.mark.story("hub/A.1", "hub/A.2")), pytest.mark.story(*OTHERS)]\n'
    )
    assert marked(tmp_path) == {"hub/A.1": {"make lab", "make test"}, "hub/A.2": {"make test"}}


def test_criteria_of_all_five_documents_are_listed_in_this_repository() -> None:
    documents = {criterion.document for criterion in read_criteria(REQUIREMENTS).values()}
    assert documents == {"health", "tasks", "hub", "water", "todo"}


def test_every_marker_of_this_repository_names_a_criterion_or_a_story() -> None:
    """The lab's and the containers' tests are collected by their own commands alone."""
    assert unknown(marked(TESTS), read_criteria(REQUIREMENTS)) == []


def test_request_that_a_requirement_names_is_in_the_description_exactly_when_it_is_built() -> None:
    paths = document_of(application())["paths"]
    described = {(method.upper(), _shape(path)) for path, methods in paths.items() for method in methods}
    named = {
        (criterion.id, method, path): criterion.state is not State.NOT_YET
        for criterion in read_criteria(REQUIREMENTS).values()
        for method, path in re.findall(r"\b(GET|POST|PUT|PATCH|DELETE) (/[\w/{}-]+)", criterion.title)
    }
    assert set(named.values()) == {True, False}
    wrong = [each for each, is_built in named.items() if is_built != ((each[1], _shape(each[2])) in described)]
    assert wrong == []


def _shape(path: str) -> str:
    """Return a path as the same under ``/api/v1`` and without, whatever its parameters are called."""
    return re.sub(r"\{\w+\}", "{}", path.removeprefix("/api/v1"))


def test_every_done_criterion_of_this_repository_has_a_marked_test() -> None:
    done = {id_ for id_, criterion in read_criteria(REQUIREMENTS).items() if criterion.state is State.DONE}
    assert sorted(done - marked(TESTS).keys()) == []
