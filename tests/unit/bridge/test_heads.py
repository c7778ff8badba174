"""Heads of the audit trail, by their form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.heads import SignedHead, find_heads, is_head

HEAD = SignedHead(42, bytes(range(32)), 1_795_237_201, "56475aa75463474c", bytes(range(64)))


@given(
    st.builds(
        SignedHead,
        st.integers(1, 10**18),
        st.binary(min_size=32, max_size=32),
        st.integers(0, 10**14),
        st.binary(min_size=8, max_size=8).map(bytes.hex),
        st.binary(min_size=64, max_size=64),
    )
)
def test_head_is_read_back_when_it_was_written(head: SignedHead) -> None:
    assert is_head(str(head))
    assert list(find_heads(str(head))) == [head]


def test_heads_are_found_when_they_lie_among_other_text() -> None:
    other = SignedHead(43, HEAD.hash, HEAD.created, HEAD.key_id, HEAD.signature)
    text = f'x {{"event":"audit_head_seen","head":"{HEAD}"}}\nhead={other} {HEAD}'
    assert list(find_heads(text)) == [HEAD, other, HEAD]


@pytest.mark.parametrize(
    "text",
    [
        "", f"{HEAD} ", f"{HEAD}\n", f" {HEAD}", f"{HEAD}x", f"0{HEAD}", f"-{HEAD}", str(HEAD)[:-1], str(HEAD).upper(),
        str(HEAD).replace(".", ","), str(HEAD).replace("42.", "0.", 1), str(HEAD).replace("42.", "²2.", 1),
    ],
)  # fmt: skip
def test_text_is_no_head_when_it_is_anything_else(text: str) -> None:
    assert not is_head(text)
