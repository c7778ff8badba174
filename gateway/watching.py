"""The commands that need the settings and nothing of the service that browsers talk to: monitor, alerts."""

from __future__ import annotations

import argparse
import json
import sys

from bridge.process.clock import SystemClock
from bridge.process.settings import EXIT_CONFIG, SettingsError, load
from gateway.alerts import verbs as alerts
from gateway.connectivity import verbs as monitor
from gateway.settings import PREFIX, GatewaySettings
from gateway.settings.plain import as_json


def run(options: argparse.Namespace) -> int:
    """Carry out the command, and return the exit code."""
    try:
        settings = load(GatewaySettings, options.config, prefix=PREFIX)
        if lines := settings.alerts.lacks():
            raise SettingsError("\n".join(lines))  # noqa: TRY301 - one way out for what cannot be used
    except (SettingsError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_CONFIG
    if options.command == "alerts":
        return alerts.run(options, json.loads(as_json(settings, {"alerts"}))["alerts"])
    return monitor.run(options, as_json(settings, monitor.SECTIONS), clock=SystemClock(), out=sys.stdout)
