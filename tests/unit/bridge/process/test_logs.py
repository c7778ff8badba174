from __future__ import annotations

import asyncio
import io
import json
import logging
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

from bridge.errors import Code, Denied
from bridge.process import logs
from bridge.process.logs import Value, configure, log
from tests.waiting import until

logger = logging.getLogger("sample")


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure(host="keep", app="agent", stream=stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)


def only_line(stream: io.StringIO) -> dict[str, Any]:
    lines = stream.getvalue().splitlines()
    assert len(lines) == 1
    return dict(json.loads(lines[0]))


def raised(error: BaseException, *, cause: BaseException | None = None) -> BaseException:
    try:
        raise error from cause  # noqa: TRY301 - a traceback is what the caller wants
    except BaseException as caught:  # noqa: BLE001 - whatever a test wants to see logged
        return caught


@pytest.mark.story("hub/IH-025.1")
def test_log_writes_one_json_object_when_an_event_is_given(stream: io.StringIO) -> None:
    log(logger, "call_finished", outcome="ok", duration_ms=3.1, user_id=None, tags=["a"])
    line = only_line(stream)
    assert line.pop("at").endswith("Z")
    assert line == {
        "level": "info", "host": "keep", "app": "agent", "event": "call_finished",
        "outcome": "ok", "duration_ms": 3.1, "tags": ["a"],
    }  # fmt: skip


def test_log_writes_nothing_when_the_level_is_off(stream: io.StringIO) -> None:
    log(logger, "cache_looked_up", level=logging.DEBUG)
    assert not stream.getvalue()


def test_log_names_the_logger_when_a_library_wrote_the_record(stream: io.StringIO) -> None:
    logging.getLogger("library").warning("could not %s", "connect")
    line = only_line(stream)
    assert (line["logger"], line["event"], line["level"]) == ("library", "could not connect", "warning")


@pytest.mark.parametrize("text", ["two\nlines", 'quote " and \\', "\x00\x1b[31m", "Grüße", "not utf-8: \udcff"])
def test_log_stays_one_line_when_a_value_has_odd_characters(stream: io.StringIO, text: str) -> None:
    log(logger, "path_refused", path=text)
    assert only_line(stream)["path"] == text


@pytest.mark.parametrize("value", [True, 0, "", 1.5, []])
def test_log_keeps_a_value_when_it_is_false_but_not_none(stream: io.StringIO, value: Value) -> None:
    log(logger, "value_seen", value=value)
    assert only_line(stream)["value"] == value


@pytest.mark.story("health/US-BE-05.4")
def test_log_shows_types_and_places_but_no_message_when_an_error_quotes_data(stream: io.StringIO) -> None:
    error = raised(KeyError("migraine"), cause=raised(ValueError("invalid input: migraine")))
    log(logger, "request_failed", level=logging.ERROR, exc_info=error)
    exception = only_line(stream)["exception"]
    assert "migraine" not in exception.replace('KeyError("migraine")', "").replace('("invalid input: migraine")', "")
    assert exception.index("builtins.ValueError\n") < exception.index("builtins.KeyError\n")
    assert "in raised" in exception


def test_log_shows_what_the_system_said_when_the_error_is_the_systems(stream: io.StringIO) -> None:
    log(logger, "connection_lost", exc_info=raised(ConnectionRefusedError(111, "Connection refused")))
    assert "ConnectionRefusedError: [Errno 111] Connection refused" in only_line(stream)["exception"]


def test_log_shows_the_code_when_the_error_is_ours(stream: io.StringIO) -> None:
    log(logger, "request_refused", exc_info=Denied(Code.NOT_LINKED, "no migraine for you"))
    assert only_line(stream)["exception"] == "bridge.errors.Denied: not_linked\n"


def test_log_shows_every_part_when_the_error_is_a_group(stream: io.StringIO) -> None:
    group = ExceptionGroup("several", [ValueError("a"), ExceptionGroup("more", [TypeError("b")])])
    log(logger, "tasks_failed", exc_info=group)
    kinds = [line.split(".")[1] for line in only_line(stream)["exception"].splitlines()]
    assert kinds == ["ExceptionGroup", "ValueError", "ExceptionGroup", "TypeError"]


def test_log_leaves_out_the_context_when_it_is_suppressed(stream: io.StringIO) -> None:
    error = raised(ValueError("later"))
    error.__context__ = TypeError("earlier")
    error.__suppress_context__ = True
    log(logger, "request_failed", exc_info=error)
    assert "TypeError" not in only_line(stream)["exception"]


def test_log_ends_when_errors_are_each_others_context(stream: io.StringIO) -> None:
    first, second = ValueError(), TypeError()
    first.__context__, second.__context__ = second, first
    log(logger, "request_failed", exc_info=first)
    assert only_line(stream)["exception"] == "builtins.TypeError\nbuiltins.ValueError\n"


def test_log_has_no_exception_when_none_is_being_handled(stream: io.StringIO) -> None:
    logger.error("nothing was raised", exc_info=True)  # noqa: LOG014 - that is the case under test
    assert "exception" not in only_line(stream)


def test_log_goes_to_standard_error_when_no_stream_is_given(
    stream: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(host="door", app="gateway", level="warning")
    logger.info("left_out")
    log(logger, "door_locked", level=logging.WARNING)
    assert json.loads(capsys.readouterr().err)["host"] == "door"
    assert not stream.getvalue()


async def test_lines_leave_together_when_an_event_loop_runs(stream: io.StringIO) -> None:
    log(logger, "call_answered")
    logs.line_writer()('{"event":"request_finished"}\n')
    assert not stream.getvalue()

    await until(lambda: stream.getvalue().count("\n") == 2)

    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == [
        "call_answered", "request_finished",
    ]  # fmt: skip


async def test_warning_leaves_at_once_with_all_before_it_when_an_event_loop_runs(stream: io.StringIO) -> None:
    log(logger, "call_answered")

    log(logger, "connection_lost", level=logging.WARNING)

    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == [
        "call_answered", "connection_lost",
    ]  # fmt: skip


def test_lines_leave_when_the_event_loop_ended_before_their_time(stream: io.StringIO) -> None:
    async def speak() -> None:
        log(logger, "call_answered")

    asyncio.run(speak())
    assert not stream.getvalue()

    logging.shutdown([weakref.ref(handler) for handler in logging.getLogger().handlers])  # as Python does at its end

    assert only_line(stream)["event"] == "call_answered"


def test_program_goes_on_when_its_log_cannot_be_written(stream: io.StringIO) -> None:
    stream.close()

    log(logger, "door_locked", level=logging.WARNING)

    assert stream.closed


def test_line_goes_to_standard_error_when_no_log_was_configured(capsys: pytest.CaptureFixture[str]) -> None:
    logs.line_writer()("a line\n")

    assert capsys.readouterr().err == "a line\n"
