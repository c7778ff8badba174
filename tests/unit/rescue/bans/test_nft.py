from __future__ import annotations

import pytest

from rescue.bans.nft import EdgeSets, FirewallMissing, _networks


@pytest.mark.parametrize(
    ("element", "expected"),
    [
        ("10.77.0.1", ["10.77.0.1/32"]),
        ({"prefix": {"addr": "fe80::", "len": 10}}, ["fe80::/10"]),
        ({"range": ["10.0.0.1", "10.0.0.3"]}, ["10.0.0.1/32", "10.0.0.2/31"]),
        ({"elem": {"val": {"prefix": {"addr": "10.0.0.0", "len": 8}}, "comment": "old"}}, ["10.0.0.0/8"]),
    ],
)
def test_networks_are_read_when_nft_lists_an_interval(element: object, expected: list[str]) -> None:
    assert [str(network) for network in _networks(element)] == expected


def test_networks_are_refused_when_nft_lists_something_else() -> None:
    with pytest.raises(FirewallMissing, match="neither address"):
        _networks({"concat": ["10.0.0.1", 80]})


def test_sets_say_so_when_there_is_no_nft(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rescue.bans.nft.NFT", "/nonexistent/nft")
    with pytest.raises(FirewallMissing, match="No such file"):
        EdgeSets().bans()
