from __future__ import annotations

from contextlib import suppress
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.accounts.refresh_tokens import is_genuine, issue, parse
from bridge.errors import Code, Denied

KEY, SALT, SESSION = b"k" * 32, b"s" * 32, UUID(int=7)


def test_token_is_the_same_when_it_is_made_twice() -> None:
    assert issue(KEY, SALT, SESSION, 3) == issue(KEY, SALT, SESSION, 3)
    assert len({issue(KEY, SALT, SESSION, n) for n in range(10)}) == 10


@given(session=st.uuids(), generation=st.integers(0, 2**32 - 1), key=st.binary(), salt=st.binary())
def test_token_is_genuine_when_it_was_made_here(session: UUID, generation: int, key: bytes, salt: bytes) -> None:
    presented = parse(issue(key, salt, session, generation))
    assert (presented.session_id, presented.generation) == (session, generation)
    assert is_genuine(presented, key, salt)
    assert not is_genuine(presented, key + b"x", salt)
    assert not is_genuine(presented, key, b"x" + salt)


@given(position=st.integers(0, 69), letter=st.sampled_from("ABCabc012-_"))
def test_token_is_not_genuine_when_a_character_was_changed(position: int, letter: str) -> None:
    token = issue(KEY, SALT, SESSION, 3)
    altered = token[:position] + letter + token[position + 1 :]
    try:
        presented = parse(altered)
    except Denied:
        return
    # The last character has bits that stand for nothing.
    assert not is_genuine(presented, KEY, SALT) or presented == parse(token)


@given(st.text())
def test_no_text_is_genuine_when_we_did_not_make_it(text: str) -> None:
    """Whatever comes in is denied or found out; nothing else is raised."""
    with suppress(Denied):
        assert not is_genuine(parse(text), KEY, SALT)


@pytest.mark.parametrize("text", ["", "a", "ä", "not a token", "A" * 71, "A" * 69, "****" * 17 + "**"])
def test_parse_denies_when_its_form_is_wrong(text: str) -> None:
    with pytest.raises(Denied) as caught:
        parse(text)
    assert caught.value.code is Code.SESSION_ENDED
