"""One line in this machine's log: always there, whatever else is configured."""

from __future__ import annotations

import logging
from typing import Final

from gateway.alerts.outbox import JOURNAL
from gateway.alerts.wording import Words

_LEVELS: Final = {"critical": logging.ERROR, "warning": logging.WARNING, "info": logging.INFO}
_log: Final = logging.getLogger(__name__)


class Journal:
    name = JOURNAL

    def send(self, words: Words) -> str:
        fields = {"message_id": words.id, "severity": words.severity, "title": words.title, "text": words.text}
        _log.log(_LEVELS[words.severity], "alert_told", extra={"drawbridge_fields": fields})
        return "written"
