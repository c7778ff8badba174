from __future__ import annotations

from uuid import UUID

import pytest
from pydantic import ValidationError

from bridge.contracts.audit import ListEntries

ANN = UUID(int=1)


def test_entries_are_asked_for_by_one_account_when_it_is_named_once() -> None:
    assert ListEntries(user_id=ANN).user_email is None
    assert ListEntries(user_email="ann@example.org").user_id is None
    assert ListEntries().user_id is None


def test_entries_are_refused_when_their_account_is_named_twice() -> None:
    with pytest.raises(ValidationError, match="two ways to name one account"):
        ListEntries(user_id=ANN, user_email="ann@example.org")
