"""The log: one JSON object a line on standard error, with the keys that the other services' lines have."""

from __future__ import annotations

import json
import logging
import os
from datetime import UTC, datetime
from typing import Final

_FIELDS: Final = "drawbridge_fields"


def log(logger: logging.Logger, event: str, *, level: int = logging.INFO, **fields: object) -> None:
    """Write one event, a past-tense constant. Fields that are None or empty lists are left out."""
    logger.log(
        level, event, extra={_FIELDS: {name: value for name, value in fields.items() if value not in (None, [])}}
    )


class JsonFormatter(logging.Formatter):
    """Turn a record into one line; an exception becomes its traceback."""

    def __init__(self, *, app: str) -> None:
        super().__init__()
        self._app = app
        self._host = os.uname().nodename

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "host": self._host,
            "app": self._app,
            "event": record.getMessage(),
            **getattr(record, _FIELDS, {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def log_to_stderr(*, app: str) -> None:
    """Set this process's log up."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter(app=app))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
