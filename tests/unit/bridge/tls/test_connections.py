from __future__ import annotations

import asyncio

import pytest

from bridge.tls.reload import CONNECTIONS_PER_CERTIFICATE_MAX, Connections


class Wire(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.is_cut = False

    def abort(self) -> None:
        self.is_cut = True

    def is_closing(self) -> bool:
        return self.is_cut


def test_oldest_connection_of_a_certificate_is_cut_when_there_are_too_many(caplog: pytest.LogCaptureFixture) -> None:
    connections = Connections()
    other = Wire()
    connections.add(2, other)
    wires = [Wire() for _ in range(CONNECTIONS_PER_CERTIFICATE_MAX + 2)]
    for wire in wires:
        connections.add(1, wire)
    assert [wire.is_cut for wire in wires] == [True, True] + [False] * CONNECTIONS_PER_CERTIFICATE_MAX
    assert not other.is_cut
    assert len(connections) == CONNECTIONS_PER_CERTIFICATE_MAX + 1
    assert [record.message for record in caplog.records] == ["connection_displaced"] * 2
