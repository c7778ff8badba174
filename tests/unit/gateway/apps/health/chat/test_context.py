from __future__ import annotations

from datetime import date

import pytest

from bridge.errors import Code, Invalid
from gateway.apps.health.chat.context import (
    ROWS_MAX,
    SEALED_MAX_BYTES,
    SILENCE_MAX_S,
    Conversation,
    Seal,
    returned_row,
)
from gateway.apps.health.chat.frame import Intent, QueryFrame

SEAL = Seal(b"k" * 32)
SAID = Conversation(
    frame=QueryFrame(intent=Intent.COUNT, symptoms=("headache",)),
    rows=(returned_row("Headache", date(2026, 4, 1), 7),),
    said_at=1_000.0,
)


def test_conversation_comes_back_when_its_user_returns_it() -> None:
    assert Seal(b"k" * 32).open(SEAL.close(SAID, "ada"), "ada") == SAID


def test_sealed_conversation_shows_nothing_when_looked_at() -> None:
    token = SEAL.close(SAID, "ada")
    assert "eadache" not in token
    assert SEAL.close(SAID, "ada") != token


@pytest.mark.parametrize("at", [0, 1, 5, 20, -1])
def test_conversation_is_refused_when_any_part_was_altered(at: int) -> None:
    token = SEAL.close(SAID, "ada")
    altered = list(token)
    altered[at] = "A" if token[at] != "A" else "Q"
    with pytest.raises(Invalid) as refused:
        SEAL.open("".join(altered), "ada")
    assert refused.value.code is Code.INVALID_CONVERSATION


@pytest.mark.parametrize("token", ["", "x", "%%%", "é", "A" * 40, "A" * (SEALED_MAX_BYTES + 1)])
def test_conversation_is_refused_when_it_is_none(token: str) -> None:
    with pytest.raises(Invalid):
        SEAL.open(token, "ada")


def test_conversation_is_refused_when_another_user_or_key_sealed_it() -> None:
    token = SEAL.close(SAID, "ada")
    for seal, user in ((SEAL, "bob"), (Seal(b"j" * 32), "ada")):
        with pytest.raises(Invalid):
            seal.open(token, user)


def test_seal_refuses_a_key_when_it_is_not_of_32_bytes() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Seal(b"short")


@pytest.mark.story("health/US-BE-03.5")
def test_sealed_conversation_stays_small_when_everything_is_as_long_as_it_may_be() -> None:
    rows = tuple(returned_row("\N{GRINNING FACE}" * 300, date(2026, 4, 1), 10) for _ in range(ROWS_MAX))
    frame = QueryFrame(intent=Intent.LIST, symptoms=("headache",) * 5)
    token = SEAL.close(Conversation(frame=frame, rows=rows), "ada")
    assert len(token) <= SEALED_MAX_BYTES
    assert SEAL.open(token, "ada").frame == frame


def test_rows_are_left_out_when_the_conversation_would_be_too_long() -> None:
    frame = QueryFrame(intent=Intent.LIST, symptoms=("x" * 200,) * 25)
    rows = tuple(returned_row("\N{GRINNING FACE}" * 60, date(2026, 4, 1), 10) for _ in range(ROWS_MAX))
    assert SEAL.open(SEAL.close(Conversation(frame=frame, rows=rows), "ada"), "ada").rows == ()


def test_conversation_is_over_when_nobody_spoke_for_half_an_hour() -> None:
    assert not SAID.is_over(SAID.said_at + SILENCE_MAX_S)
    assert SAID.is_over(SAID.said_at + SILENCE_MAX_S + 1)
