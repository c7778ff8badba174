"""The log: one JSON object a line on standard error, the same on both machines.

``log(_log, "bridge_call_answered", outcome="ok", duration_ms=3.1)`` writes the event (a past-tense constant) with
the keys ``at level host app event`` and what is given. The usual keys are ``request_id operation user_id
duration_ms outcome error_code``. Never a body, a token, a password or health text.

Lines of an event loop leave together, within :data:`HOLD_S`: a write of their own would cost each as much as being put
together, and journald a wake-up. A warning or worse leaves at once, with all before it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final, TextIO

from pydantic_core import PydanticSerializationError, to_json

from bridge.errors import AppError
from bridge.process.clock import rfc3339

Value = str | int | float | bool | None | list[str]

HOLD_S: Final = 0.05
"""How long a line may wait for others, seconds. A process that is killed loses no more."""

_FIELDS: Final = "drawbridge_fields"


def log(
    logger: logging.Logger,
    event: str,
    *,
    level: int = logging.INFO,
    exc_info: BaseException | None = None,
    **fields: Value,
) -> None:
    """Write one event, with the traceback of ``exc_info``. Fields that are None are left out."""
    if logger.isEnabledFor(level):
        # Logger.log() would look up the file and line that we are called from, which takes longer than all the rest.
        cause = None if exc_info is None else (type(exc_info), exc_info, exc_info.__traceback__)
        record = logging.LogRecord(logger.name, level, "", 0, event, (), cause)
        setattr(record, _FIELDS, fields)
        logger.handle(record)


class JsonFormatter(logging.Formatter):
    """Turn a record into one line of JSON; an exception becomes its types and traceback, never its message."""

    def __init__(self, *, host: str, app: str) -> None:
        super().__init__()
        self._host = host
        self._app = app

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": rfc3339(record.created),
            "level": record.levelname.lower(),
            "host": self._host,
            "app": self._app,
            "event": record.getMessage(),
        }
        if not hasattr(record, _FIELDS):
            line["logger"] = record.name
        line |= {name: value for name, value in getattr(record, _FIELDS, {}).items() if value is not None}
        if record.exc_info and record.exc_info[1]:
            line["exception"] = "".join(_trace(record.exc_info[1], set()))
        try:
            return to_json(line).decode()
        except PydanticSerializationError:  # a lone surrogate: bytes that were no UTF-8, from a path or a header
            return json.dumps(line)


def _trace(error: BaseException, seen: set[int]) -> Iterator[str]:
    """Yield a traceback, causes first, without the errors' messages: those of a database or a parser quote data."""
    seen.add(id(error))
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None and id(before) not in seen:
        yield from _trace(before, seen)
    yield from traceback.format_tb(error.__traceback__)
    yield f"{type(error).__module__}.{type(error).__qualname__}{_safe_message(error)}\n"
    if isinstance(error, BaseExceptionGroup):
        for part in error.exceptions:
            yield from _trace(part, seen)


def _safe_message(error: BaseException) -> str:
    if isinstance(error, AppError):
        return f": {error.code.wire}"
    return f": {error}" if isinstance(error, OSError) else ""


class LineHandler(logging.Handler):
    """Write records, and lines that were put together elsewhere, to ``stream`` in their order.

    A stream that cannot be written to stops nobody: what it did not take is lost.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream
        self._waiting: deque[str] = deque()
        self._due_in: asyncio.AbstractEventLoop | None = None

    def emit(self, record: logging.LogRecord) -> None:
        self._waiting.append(f"{self.format(record)}\n")
        if record.levelno >= logging.WARNING:
            self.flush()
        else:
            self._flush_soon()

    def write(self, line: str) -> None:
        """Write ``line``, which is whole and ends itself."""
        self._waiting.append(line)
        self._flush_soon()

    def flush(self) -> None:
        """Write what waits now."""
        self._due_in = None
        self.acquire()  # records come from threads too
        try:
            lines = "".join([self._waiting.popleft() for _ in range(len(self._waiting))])
            self._stream.write(lines)
            self._stream.flush()
        except (OSError, ValueError):  # ValueError: it was closed
            pass
        finally:
            self.release()

    def _flush_soon(self) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # a command, or a thread beside the loop
            self.flush()
            return
        if loop is not self._due_in:
            self._due_in = loop
            loop.call_later(HOLD_S, self.flush)


def line_writer() -> Callable[[str], object]:
    """Return what writes a whole line to where :func:`configure` sends the others, or to standard error."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, LineHandler):
            return handler.write
    return sys.stderr.write


def configure(*, host: str, app: str, level: str = "info", stream: TextIO | None = None) -> None:
    """Send every log record of this process to ``stream`` (standard error) as JSON lines."""
    # https://docs.python.org/3/howto/logging.html#optimization: no line says which thread or process wrote it
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    handler = LineHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter(host=host, app=app))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
