"""What ``python -m gateway ddns serve|status|update|check|ports`` does.

Exit codes: 0 done or well; 1 not, with what to do; 78 (EX_CONFIG) the settings cannot be used.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from typing import Any, Final

from bridge.process import logs
from bridge.process.clock import Clock, SystemClock
from bridge.process.settings import EXIT_CONFIG, SettingsError, load
from gateway.alerts.report import Inbox
from gateway.ddns.alerts import report_to
from gateway.ddns.check import check
from gateway.ddns.decisions import State
from gateway.ddns.mapping.verbs import run_ports
from gateway.ddns.requests import ask_for_update
from gateway.ddns.service import Surroundings, serve
from gateway.ddns.snapshot import read_snapshot
from gateway.settings import PREFIX, GatewaySettings

_STALE_S: Final = 900.0
_MINUTE_S: Final = 60.0
_HOUR_S: Final = 3600.0
_DAY_S: Final = 86_400.0
_WARNING: Final = (
    "{name} is blocked: {reason}\n"
    "An update goes out although the provider said no. Providers block names, accounts or addresses for good that go "
    "on after an error: mend the cause first.\n"
)


def run(options: argparse.Namespace) -> int:
    """Carry out the verb, and return the exit code."""
    try:
        settings = load(GatewaySettings, options.config, prefix=PREFIX)
        match options.verb:
            case "serve":
                logs.configure(host=settings.log.host, app="ddns", level=settings.log.level)
                asyncio.run(serve(settings.ddns, _surroundings()))  # not uvloop's: pyroute2 needs asyncio's own
                return 0
            case "status":
                return _status(settings, as_json=options.json)
            case "ports":
                options.status = options.status or settings.ddns.status_path
                return run_ports(options, settings.ddns.mapping, SystemClock(), sys.stdout)
            case "update":
                return _update(settings, options.name, yes=options.yes)
            case _:
                return _check(settings)
    except (SettingsError, OSError) as error:
        sys.stderr.write(f"{_said(error)}\n")
        return EXIT_CONFIG if isinstance(error, SettingsError) else 1


def _said(error: SettingsError | OSError) -> str:
    """Return the words of ``error``: of the system's, without its number and quotes."""
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def _surroundings() -> Surroundings:
    clock = SystemClock()
    return Surroundings(clock=clock, report=report_to(Inbox(), clock))


def _status(settings: GatewaySettings, *, as_json: bool) -> int:
    snapshot = read_snapshot(settings.ddns.status_path)
    if snapshot is None:
        sys.stderr.write(f"{settings.ddns.status_path} is not there: gateway-ddns does not run\n")
        return 1
    sys.stdout.write(json.dumps(snapshot, indent=1) + "\n" if as_json else render(snapshot, SystemClock()))
    return 0


def render(snapshot: dict[str, Any], clock: Clock) -> str:
    """Return the snapshot as text for a terminal."""
    now = clock.time()
    lines = [f"as of {_span(now - snapshot['at'])} ago" + _stale(now - snapshot["at"]), ""]
    for family, place in snapshot["addresses"].items():
        source = "" if place["source"] == "none" else f", from the {place['source']}"
        lines.append(f"{family:<5} {place['value'] or '–'}  {place['state']}{source}")
        lines += [f"      {place['reason']}"] if place["reason"] else []
    rows: list[tuple[str, ...]] = [("NAME", "FAMILY", "STATE", "PUBLISHED", "CHANGED", "SEEN", "NEXT")]
    rows += [_cells(row, now) for row in snapshot["names"]]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines.append("")
    for number, row in enumerate(rows):
        lines.append("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        reason = snapshot["names"][number - 1]["reason"] if number else ""
        lines += [f"  {reason}"] if reason else []
    if not snapshot["names"]:
        lines[-1] = "no names are configured: nothing is published"
    for mapping in snapshot["mappings"]:
        reason = f": {mapping['reason']}" if mapping["reason"] else ""
        lines.append(
            f"port {mapping['external']}/{mapping['protocol']} {mapping['state']} by {mapping['method']}{reason}"
        )
    return "\n".join(lines) + "\n"


def _cells(row: dict[str, Any], now: float) -> tuple[str, ...]:
    ago = [f"{_span(now - at)} ago" if (at := row[key]) else "–" for key in ("changed", "verified")]
    next_try = f"in {_span(row['next_try'] - now)}" if row["next_try"] else "–"
    return (row["name"], row["family"], row["state"], row["published"] or "–", *ago, next_try)


def _span(seconds: float) -> str:
    for unit_s, unit in ((_DAY_S, "d"), (_HOUR_S, "h"), (_MINUTE_S, "min")):
        if seconds >= unit_s:
            return f"{seconds / unit_s:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def _stale(age_s: float) -> str:
    return "; gateway-ddns does not run, or hangs" if age_s > _STALE_S else ""


def _update(settings: GatewaySettings, name: str | None, *, yes: bool) -> int:
    known = {record.name for record in settings.ddns.records}
    wanted = known if name is None else {name.lower().removesuffix(".")}
    if not wanted or not wanted <= known:
        names = ", ".join(sorted(known)) or "none"
        sys.stderr.write(f"there is no such name in [[ddns.records]]; there are: {names}\n")
        return 1
    snapshot = read_snapshot(settings.ddns.status_path) or {}
    blocked = {row["name"]: row["reason"] for row in snapshot.get("names", ()) if row["state"] == State.BLOCKED}
    if name is None:
        for left_out in sorted(wanted & blocked.keys()):
            sys.stdout.write(f"{left_out} is left out, for it is blocked: {blocked[left_out]}\n")
        wanted -= blocked.keys()
    for each in sorted(wanted):
        if each in blocked and not yes and not _confirmed(_WARNING.format(name=each, reason=blocked[each])):
            sys.stderr.write("nothing was done\n")
            return 1
        ask_for_update(settings.ddns.state_dir, each)
        sys.stdout.write(f"{each}: asked for\n")
    sys.stdout.write("gateway-ddns does it at once where it runs, or when it starts; see: ddns status\n")
    return 0


def _confirmed(warning: str) -> bool:
    sys.stdout.write(warning)
    if not sys.stdin.isatty():
        sys.stdout.write("Say --yes to do it all the same.\n")
        return False
    sys.stdout.write("Try all the same? [y/N] ")
    sys.stdout.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _check(settings: GatewaySettings) -> int:
    findings = asyncio.run(check(settings.ddns, _surroundings()))
    for finding in findings:
        sys.stdout.write(f"{'well' if finding.well else 'NOT '}  {finding.text}\n")
        if finding.remedy:
            sys.stdout.write(f"      → {finding.remedy}\n")
    return 0 if all(finding.well for finding in findings) else 1
