from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from demo.compose import probes


@contextmanager
def server(path: Path, answer: bytes) -> Iterator[None]:
    """Answer one connection at ``path``."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve() -> None:
            channel, _ = listener.accept()
            with channel:
                channel.recv(1024)
                channel.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield
        thread.join()


@pytest.mark.parametrize(
    ("kind", "answer", "is_alive"),
    [
        ("postgresql", b"N", True),
        ("postgresql", b"E", False),
        ("http", b"HTTP/1.1 204 No Content\r\n\r\n", True),
        ("http", b"HTTP/1.1 503 Service Unavailable\r\n\r\n", False),
        ("http", b"", False),
    ],
)
def test_probe_says_whether_it_was_answered_when_somebody_listens(
    tmp_path: Path, kind: str, answer: bytes, is_alive: bool
) -> None:
    with server(tmp_path / "s", answer):
        assert probes.probe_of(f"{kind}:{tmp_path / 's'}")() is is_alive


def test_probe_fails_when_nobody_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "TIMEOUT_S", 0.1)
    assert not probes.postgresql(tmp_path / "absent")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "silent"))
        listener.listen()
        assert not probes.postgresql(tmp_path / "silent")


@pytest.mark.parametrize("text", ["postgresql", "postgresql:", "smtp:/run/x"])
def test_probe_is_refused_when_it_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="a probe is"):
        probes.probe_of(text)
