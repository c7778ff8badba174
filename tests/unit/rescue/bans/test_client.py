from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from rescue.bans.client import BansClient
from rescue.bans.requests import ErrorCode, Refused

BUSY = {"ok": False, "error": ErrorCode.BUSY, "message": "32 ask already"}


def test_client_hears_that_the_helper_is_busy_when_it_hung_up_before_it_was_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bans.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def sendall_late(connection: socket.socket, data: bytes) -> None:
            other, _ = listener.accept()
            with other:
                other.send(json.dumps(BUSY).encode() + b"\n")
            connection.send(data)

        monkeypatch.setattr(socket.socket, "sendall", sendall_late)
        with pytest.raises(Refused) as refused:
            BansClient(path, timeout_s=2).status()
    assert refused.value.code is ErrorCode.BUSY
