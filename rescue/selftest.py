"""The door's daily look whether the way into the keep works: a login over that very path, with a key for it alone."""

from __future__ import annotations

from rescue.alerts import Alerts
from rescue.audit import Audit, Level
from rescue.commands import Commands
from rescue.remote import SELFTEST_KEY, ssh
from rescue.settings import Paths, Settings

_WITHIN_S = 60.0


def run(settings: Settings, paths: Paths) -> int:
    """Log in to the other host and have it test itself. Exit code 1, and a line that alerts, where it does not work."""
    commands = Commands(paths=paths)
    ended = commands.capture(*ssh(settings, paths, SELFTEST_KEY, ["selftest"]), timeout_s=_WITHIN_S)
    audit, alerts = Audit(settings.host, paths.audit), Alerts(settings.host, paths)
    if ended.code != 0 or ended.out.strip() != "ok":
        audit.write("rescue_selftest_failed", Level.ERROR, peer=settings.peer, exit=ended.code, reason=ended.reason)
        alerts.selftest(settings.peer, ended.reason or f"it ended with {ended.code}")
        return 1
    audit.write("rescue_selftest_passed", Level.INFO, peer=settings.peer)
    alerts.selftest(settings.peer, "")
    return 0
