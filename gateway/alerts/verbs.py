"""What ``alerts list`` and ``alerts test`` do: what was told, and whether it would arrive."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

from bridge.process.clock import Clock, SystemClock
from gateway.alerts import wording
from gateway.alerts.channels import Channel, NotSent, Refused
from gateway.alerts.channels.journal import Journal
from gateway.alerts.message import Message, Part
from gateway.alerts.sending import channels_of
from gateway.alerts.settings import Settings
from gateway.alerts.store import new_instance


def run(
    options: argparse.Namespace, values: Mapping[str, Any], *, out: TextIO | None = None, clock: Clock | None = None,
    channels: Sequence[Channel] | None = None,
) -> int:  # fmt: skip
    """Do what was asked, with ``[alerts]`` as the monitor gets it; return the exit code."""
    out, clock = out or sys.stdout, clock or SystemClock()
    settings = Settings.of(values)
    if options.action == "list":
        return _list(options.status, settings, out, as_json=options.json)
    return _test(settings, channels_of(settings) if channels is None else channels, options.channel, out, clock)


def _list(status: Path, settings: Settings, out: TextIO, *, as_json: bool) -> int:
    try:
        alerts = json.loads(status.read_bytes())["alerts"]
    except (OSError, ValueError, KeyError, TypeError):
        sys.stderr.write(f"{status} says nothing of alerts: is gateway-monitor.service running?\n")
        return 1
    if as_json:
        print(json.dumps(alerts, indent=2), file=out)
        return 0
    if not alerts:
        print("No alerts.", file=out)
    for alert in alerts:
        print("\n".join(_rows(alert, settings)), file=out)
    return 0


def _rows(alert: Mapping[str, Any], settings: Settings) -> Iterable[str]:
    raised, cleared = alert["raised"], alert["cleared"]
    lasted = "still so" if cleared is None else f"over after {wording.span(max(0.0, cleared - raised))}"
    yield f"{_time(raised, settings)}  {alert['severity']:<8}  {alert['summary']} ({alert['cause']}), {lasted}"
    for channel, at in alert["delivered"].items():
        if refused := alert.get("refused", {}).get(channel):
            yield f"    {channel}: refused: {refused}"
        elif at is not None:
            yield f"    {channel}: {_time(at, settings)}"


def _time(unix_s: float, settings: Settings) -> str:
    return f"{datetime.fromtimestamp(unix_s, settings.zone):%Y-%m-%d %H:%M}"


def _test(settings: Settings, channels: Sequence[Channel], only: str | None, out: TextIO, clock: Clock) -> int:
    chosen = [channel for channel in channels if only in {None, channel.name}]
    if only and not chosen:
        print(f"{only} is not configured: see alerts.{only} in docs/alerts.md", file=out)
        return 1
    words = wording.put(_test_message(clock), name=settings.name, zone=settings.zone)
    codes = [_try(channel, words, out) for channel in chosen]
    if not only:
        Journal().send(words)
        print("journal: written", file=out)
    if not channels:
        print("Only the journal is configured: set alerts.email or alerts.webhook (docs/alerts.md)", file=out)
    return max(codes, default=0)


def _test_message(clock: Clock) -> Message:
    now = clock.time()
    part = Part(
        kind="events", cause="alerts.test", severity="info", summary="alerts arrive here",
        detail="This is a test that somebody at the appliance has asked for. Nothing is wrong.", host="door",
        raised=now, cleared=now, events=1,
    )  # fmt: skip
    return Message(f"test-{new_instance()}", now, (part,), is_test=True)


def _try(channel: Channel, words: wording.Words, out: TextIO) -> int:
    try:
        print(f"{channel.name}: {channel.send(words)}", file=out)
    except NotSent as error:
        advice = error.advice if isinstance(error, Refused) else ""
        print(f"{channel.name}: NOT SENT: {error.reason}{f': {advice}' if advice else ''}", file=out)
        return 1
    return 0
