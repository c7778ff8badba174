"""What each verb does, on the host that it is asked of; the helper runs these as root."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rescue.audit import Caller
from rescue.commands import Commands, as_user, in_unit
from rescue.door import Door
from rescue.ours import GATEWAY_USER, UNIT, Ours, StepFailed
from rescue.releases import ReleaseError, releases_of, show
from rescue.remote import DOOR_KEY, ssh
from rescue.report import show_network, show_status
from rescue.request_logs import show_request
from rescue.settings import Host, Settings
from rescue.systemctl import SystemCtl
from rescue.units import unit_name
from rescue.verbs import Request
from rescue.wire import words_of

FAILED: Final = 1
BACKUP_USER: Final = "postgres"
MONITOR_USER: Final = "drawbridge-monitor"
_STATUS_OF_THE_DOOR_S: Final = 20.0
_STATUS_S: Final = 15.0
"""The door's Python starts, reads two files and ends."""


@dataclass(frozen=True, slots=True)
class Work:
    """One request under way."""

    settings: Settings
    commands: Commands
    caller: Caller
    request: Request
    given: bytes = b""

    @property
    def ours(self) -> Ours:
        return Ours(self.settings.host, self.commands)

    @property
    def door(self) -> Door:
        return Door(self.settings, self.commands, self.caller)

    @property
    def systemctl(self) -> SystemCtl:
        return SystemCtl(self.commands)

    @property
    def argument(self) -> str:
        return self.request.arguments[0]

    def say(self, text: str) -> int:
        for line in text.splitlines():
            self.commands.say(line)
        return 0


def carry_out(work: Work) -> int:
    """Do what is asked, here or at the door, and return its exit code. Failures are said."""
    if work.request.host is not work.settings.host:
        return _at_door(work, *words_of(work.request, confirmed=work.request.verb.changes))
    try:
        return ACTIONS[work.request.verb.name](work)
    except (StepFailed, ReleaseError, OSError) as error:
        work.say(str(error))
        return FAILED


def _at_door(work: Work, *words: str, timeout_s: float | None = None) -> int:
    argv = ssh(work.settings, work.commands.paths, DOOR_KEY, words)
    return work.commands.run(*argv, timeout_s=timeout_s or work.request.verb.timeout_s + 15)


def _status(work: Work) -> int:
    code = show_status(work.settings, work.commands)
    if work.settings.host is Host.KEEP:
        work.say("")
        if (at_door := _at_door(work, "status", timeout_s=_STATUS_OF_THE_DOOR_S)) != 0:
            work.say(f"the door: not well, or not reached ({at_door})")
            return FAILED
    return code


def _status_of_it_all(work: Work) -> int:
    """Show the owner's view of the release that runs at the door. Exit code 1: trouble, or it cannot be told."""
    if work.settings.host is Host.KEEP:
        return _at_door(work, "status", "--all", timeout_s=_STATUS_OF_THE_DOOR_S)
    argv = as_user(MONITOR_USER, "gateway", "status", timeout_s=_STATUS_S, paths=work.commands.paths)
    return FAILED if work.commands.run(*argv, timeout_s=_STATUS_S) else 0


def _logs(work: Work) -> int:
    unit, lines = work.request.arguments
    return work.commands.run(
        "journalctl", "--no-pager", "--quiet", "--output=short-iso", "--no-hostname", f"--lines={lines}",
        f"--unit={unit_name(unit)}",
    )  # fmt: skip


def _request(*, as_json: bool) -> Callable[[Work], int]:
    def follow(work: Work) -> int:
        return show_request(work.settings, work.commands, work.argument, as_json=as_json)

    return follow


def _units(command: str) -> Callable[[Work], int]:
    def control(work: Work) -> int:
        code = work.systemctl.run(command, "--", unit_name(work.argument))
        work.say(f"{work.argument}: {command} {'done' if code == 0 else 'failed'}")
        return code

    return control


def _certificates(work: Work) -> int:
    if work.settings.host is Host.KEEP:
        for row in work.ours.certificates():
            work.say(f"{row['name']:<32} {row['state']:<8} {row['days_left']:>5} days  {row['serial']}")
        return 0
    paths = work.commands.paths
    for user, path in (
        (GATEWAY_USER, paths.state / "gateway" / "tls" / "identity.pem"),
        ("root", paths.etc / "web" / "fullchain.pem"),
    ):
        work.say(f"— {path}")
        shown = ("openssl", "x509", "-noout", "-subject", "-enddate", "-serial", "-in", str(path))
        work.commands.run(*in_unit(user, *shown, timeout_s=10))
    return 0


def _renew(work: Work) -> int:
    if work.settings.host is Host.KEEP:
        return work.say(work.ours.renew())
    # not "start": after a failure that waits until systemd would try again by itself
    return work.systemctl.run("restart", unit_name("certificate"), timeout_s=280)


def _backup(command: str) -> Callable[[Work], int]:
    def back_up(work: Work) -> int:
        paths = work.commands.paths
        timeout_s = work.request.verb.timeout_s
        argv = as_user(
            BACKUP_USER, "agent", "backup", command, "--config", str(paths.etc / "agent.toml"), timeout_s=timeout_s,
            paths=paths,
        )  # fmt: skip
        return work.commands.run(*argv, timeout_s=timeout_s)

    return back_up


def _start_backup(work: Work) -> int:
    """Start the unit that the timer starts: it has the credentials and the limits."""
    timeout_s = work.request.verb.timeout_s
    code = work.systemctl.run("start", unit_name("backup"), timeout_s=timeout_s)
    work.say("backed up" if code == 0 else "the backup failed: logs backup")
    return code


def _list_releases(work: Work) -> int:
    show(releases_of(work.settings.host, work.commands).all(), work.commands.say)
    return 0


def _bans(command: str) -> Callable[[Work], int]:
    def ban(work: Work) -> int:
        address, minutes = (*work.request.arguments, "", "")[:2]
        options = [address] if address else []
        options += [f"--for={minutes}m"] if minutes else []
        ours = f"PYTHONPATH={Path(__file__).parents[1]}"
        return work.commands.run("env", ours, sys.executable, "-m", "rescue.bans", command, *options, timeout_s=10)

    return ban


def _reboot(work: Work) -> int:
    work.say("rebooting")
    return work.systemctl.run("--no-block", "reboot")


def _selftest(work: Work) -> int:
    """Look at what the console needs beside the login itself: systemd, the journal, and the audit's file."""
    faults = [
        name
        for name, argv in (
            ("systemd", ("systemctl", "--no-pager", "show", "--property=Version")),
            ("the journal", ("journalctl", "--no-pager", "--quiet", "--lines=1", "--output=cat")),
        )
        if work.commands.capture(*argv, timeout_s=10).code != 0
    ]
    if not work.commands.paths.audit.exists():
        faults.append("the audit file")
    work.say(f"failed: {', '.join(faults)}" if faults else "ok")
    return FAILED if faults else 0


def _take_keys(work: Work) -> int:
    return work.say(work.ours.keys("take", given=work.given))


def _admit(work: Work) -> int:
    """Take the new identity; restart the gateways one by one, for what they remember of the time without the keep."""
    work.ours.take_admission(work.given)
    codes = [work.systemctl.run("try-restart", "--", unit_name(f"gateway@{number}")) for number in (1, 2)]
    return work.say("admitted") if not any(codes) else FAILED


ACTIONS: Final[Mapping[str, Callable[[Work], int]]] = {
    "status": _status,
    "status --all": _status_of_it_all,
    "logs": _logs,
    "logs --request-id": _request(as_json=False),
    "request": _request(as_json=False),
    "request --json": _request(as_json=True),
    "restart": _units("restart"),
    "stop": _units("stop"),
    "start": _units("start"),
    "network": lambda work: show_network(work.settings, work.commands),
    "bans list": _bans("list"),
    "bans add": _bans("ban"),
    "bans remove": _bans("unban"),
    "keys list": lambda work: work.say(work.ours.keys("list")),
    "certificates list": _certificates,
    "certificates renew": _renew,
    "backup now": _start_backup,
    "backup list": _backup("status"),
    "releases list": _list_releases,
    "releases rollback": lambda work: releases_of(work.settings.host, work.commands).rollback(),
    "reboot": _reboot,
    "lock-door": lambda work: work.door.lock(),
    "readmit-door": lambda work: work.door.readmit(),
    "rotate-keys": lambda work: work.door.rotate_keys(),
    "selftest": _selftest,
    "keys take": _take_keys,
    "keys promote": lambda work: work.say(work.ours.keys("promote", "--unit", UNIT)),
    "keys retire": lambda work: work.say(work.ours.keys("retire", "--unit", UNIT, "--yes")),
    "keys json": lambda work: work.say(json.dumps(work.ours.key_ids())),
    "admit": _admit,
}
"""Every verb that is not the console's own; a test says so."""
