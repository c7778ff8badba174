from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.apps.health.schema.draft import Block, Literal, assemble, toml

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_VALUES = st.one_of(_TEXT, st.booleans(), st.integers(-(2**53), 2**53), st.lists(_TEXT), st.dictionaries(_TEXT, _TEXT))


@given(_TEXT, _VALUES)
def test_value_is_what_a_reader_of_toml_finds(key: str, value: object) -> None:
    block = Block("fields.x")
    block.put(key, value, "because")
    assert tomllib.loads(assemble([block]).text) == {"fields": {"x": {key: value}}}


def test_question_leaves_the_value_open() -> None:
    block = Block("fields.recorded_at")
    block.ask("time_zone", "which?")
    draft = assemble([Block("fields.empty"), block])
    assert draft.text == '[fields.recorded_at]\n# QUESTION: which?\ntime_zone = "?"\n'
    assert draft.questions == ("fields.recorded_at.time_zone",)


def test_reason_stays_a_comment_when_a_name_in_it_has_several_lines() -> None:
    block = Block("fields.x")
    block.put("a", 1, "as in evil\nb = 2")
    assert tomllib.loads(assemble([block]).text) == {"fields": {"x": {"a": 1}}}


def test_literal_is_left_as_it_is() -> None:
    assert toml(Literal("12:00:00")) == "12:00:00"


def test_value_is_refused_when_toml_has_no_such() -> None:
    with pytest.raises(TypeError):
        toml(None)
