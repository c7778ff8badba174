"""``python -m gateway.alerts.sending``: one message over one channel, in a process that ends with it.

The libraries of mail and HTTPS, and the authorities that they check, weigh several megabytes; an appliance sends a few
messages a month. Reads an :func:`errand <gateway.alerts.errand.errands>` as JSON from its input, the password too, and
writes as JSON what became of it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

from gateway.alerts import settings
from gateway.alerts.channels import Channel, NotSent, Refused
from gateway.alerts.channels.email import Email
from gateway.alerts.channels.webhook import Webhook
from gateway.alerts.wording import Words


def channels_of(configured: settings.Settings) -> list[Channel]:
    """Return the configured ways to the administrator, without the journal."""
    channels: list[Channel] = []
    if configured.email:
        channels.append(Email(configured.email))
    if configured.webhook:
        channels.append(Webhook(configured.webhook))
    return channels


def run(errand: Mapping[str, Any]) -> dict[str, Any]:
    """Send, and return what became of it: ``said``, or ``reason`` with ``refused`` and ``advice`` or ``wait_s``."""
    try:
        return {"said": _channel(errand).send(Words(**errand["words"]))}
    except Refused as error:
        return {"refused": True, "reason": error.reason, "advice": error.advice}
    except NotSent as error:
        return {"reason": error.reason, "wait_s": error.wait_s}
    except Exception as error:  # noqa: BLE001 - a channel's fault; its message could quote what it was given
        return {"reason": type(error).__name__, "wait_s": None}


def _channel(errand: Mapping[str, Any]) -> Channel:
    values: dict[str, Any] = errand["settings"]
    if errand["channel"] == Email.name:
        return Email(settings.Email(**{**values, "recipients": tuple(values["recipients"])}))
    return Webhook(settings.Webhook(**values))


if __name__ == "__main__":
    json.dump(run(json.load(sys.stdin)), sys.stdout)
