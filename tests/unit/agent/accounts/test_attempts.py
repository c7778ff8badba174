from __future__ import annotations

from agent.accounts.attempts import _digest


def test_digest_hides_who_it_is_when_stored() -> None:
    assert "ann" not in _digest("account", "ann@example.org")
    assert _digest("account", "x") != _digest("address", "x")
