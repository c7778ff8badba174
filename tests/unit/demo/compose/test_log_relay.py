from __future__ import annotations

import json

import pytest

from bridge.process.clock import SystemClock
from demo.compose.log_relay import LogRelay


@pytest.fixture
def relay() -> LogRelay:
    return LogRelay(host="keep", app="postgresql", clock=SystemClock())


def test_relay_passes_a_line_as_it_is_when_it_is_json_already(relay: LogRelay) -> None:
    line = b'{"at":"2026-11-21T08:00:00.250Z","event":"request_finished"}\n'
    assert list(relay.feed(line)) == [line]


@pytest.mark.story("health/US-BE-24.3")
@pytest.mark.parametrize(
    ("printed", "level", "text"),
    [
        ("LOG:  ready", "info", "ready"),
        ("FATAL:  the system is starting up", "error", "the system is starting up"),
        ("2026/11/28 19:36:41 [emerg] 12#12: bind() failed", "critical", "bind() failed"),
        ("Traceback (most recent call last):", "info", "Traceback (most recent call last):"),
    ],
)
def test_relay_gives_a_line_our_shape_when_it_is_text(relay: LogRelay, printed: str, level: str, text: str) -> None:
    [line] = relay.feed(f"{printed}\n".encode())
    seen = json.loads(line)
    assert (seen["host"], seen["app"], seen["event"]) == ("keep", "postgresql", "printed")
    assert (seen["level"], seen["text"]) == (level, text)


def test_relay_waits_for_the_end_of_a_line_when_it_comes_in_parts(relay: LogRelay) -> None:
    assert list(relay.feed(b"LOG:  in two")) == []
    [line] = relay.feed(b" parts\nLOG:  more")
    assert json.loads(line)["text"] == "in two parts"
    [rest] = relay.close()
    assert json.loads(rest)["text"] == "more"


def test_relay_keeps_no_more_than_its_limit_when_a_line_never_ends(relay: LogRelay) -> None:
    assert len(list(relay.feed(b"x" * 70_000))) == 1
    assert list(relay.close()) == []


def test_relay_writes_valid_json_when_bytes_are_no_text(relay: LogRelay) -> None:
    [line] = relay.feed(b'\xff\x00"\n')
    assert json.loads(line)["event"] == "printed"
