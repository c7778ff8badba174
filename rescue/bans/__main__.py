"""``python -m rescue.bans``: serve (the default), or ask the helper that serves: list, ban, unban, status."""

from __future__ import annotations

import argparse
import asyncio
import grp
import json
import re
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Final

from rescue.bans import systemd
from rescue.bans.client import SOCKET, BansClient, HelperUnreachable
from rescue.bans.clock import SystemClock
from rescue.bans.helper import BanHelper
from rescue.bans.log import log_to_stderr
from rescue.bans.nft import EdgeSets
from rescue.bans.protected import Protected
from rescue.bans.requests import Reason, Refused
from rescue.bans.server import Server, bound_socket
from rescue.bans.store import LedgerFile

STATE: Final = Path("/var/lib/drawbridge/bans.json")
GROUP: Final = "drawbridge-bans"

_UNITS_S: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def duration_s(text: str) -> int:
    """Return seconds of ``90s``, ``15m``, ``1h`` or ``30d``. Raises argparse.ArgumentTypeError."""
    match = re.fullmatch(r"([0-9]{1,9})([smhd])", text)
    if match is None:
        msg = f"{text!r} is none of 90s, 15m, 1h, 30d"
        raise argparse.ArgumentTypeError(msg)
    return int(match[1]) * _UNITS_S[match[2]]


def spelled_duration(seconds: int) -> str:
    """Return the two largest units: ``1d 3h``, ``15m 0s``."""
    parts: list[str] = []
    for unit, length in sorted(_UNITS_S.items(), key=lambda item: -item[1]):
        count, seconds = divmod(seconds, length)
        if count or parts or unit == "s":
            parts.append(f"{count}{unit}")
    return " ".join(parts[:2])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m rescue.bans", description="Ban addresses at the firewall.")
    parser.add_argument("--socket", type=Path, default=SOCKET, help="the helper's socket (%(default)s)")
    commands = parser.add_subparsers(dest="command")
    serve = commands.add_parser(
        "serve", argument_default=argparse.SUPPRESS, help="be the helper, until SIGTERM (what a missing command means)"
    )
    for command in (parser, serve):  # in both places, and what is left out in the second leaves the first as it is
        command.add_argument("--state", type=Path, help=f"where bans outlive a reboot ({STATE})")
        command.add_argument("--group", help=f"who may ask beside root ({GROUP})")
        command.add_argument("--boot", help="this boot's id, as systemd has it (%%b); the kernel's if left out")
    parser.set_defaults(state=STATE, group=GROUP)
    listing = commands.add_parser("list", help="print the bans, the next to end first")
    listing.add_argument("--json", action="store_true", help="as JSON, a ban a line")
    ban = commands.add_parser("ban", help="ban an address")
    ban.add_argument("address", help="IPv4, or IPv6, of which the /64 is banned")
    ban.add_argument("--for", dest="duration_s", type=duration_s, default=3600, help="60s to 30d (1h)")
    ban.add_argument("--reason", choices=[*Reason], default=Reason.MANUAL, help="what the list says why (%(default)s)")
    commands.add_parser("unban", help="lift a ban").add_argument("address", help="as it is in the list")
    commands.add_parser("status", help="say whether bans are in force, and how many")
    return parser


def serve(arguments: argparse.Namespace) -> None:
    try:
        gid = grp.getgrnam(arguments.group).gr_gid
    except KeyError:
        sys.exit(f"bans: there is no group {arguments.group}, who may ask: the playbook makes it")
    log_to_stderr(app="bans")
    sets = EdgeSets()
    helper = BanHelper(
        clock=SystemClock(boot=arguments.boot), sets=sets, protected=Protected(sets), file=LedgerFile(arguments.state)
    )
    listener = systemd.listening_socket() or bound_socket(arguments.socket, group=arguments.group)
    asyncio.run(Server(helper, gid=gid).run(listener))


def ask(arguments: argparse.Namespace) -> int:
    client = BansClient(arguments.socket)
    match arguments.command:
        case "ban":
            ban, in_force = client.ban(
                arguments.address, duration_s=arguments.duration_s, reason=Reason(arguments.reason)
            )
            where = "" if in_force else ", once the firewall is there: it is missing"
            print(f"{ban.address} is banned for {spelled_duration(ban.remaining_s)}{where}")
        case "unban":
            if not client.unban(arguments.address):
                print(f"{arguments.address} was not banned", file=sys.stderr)
                return 1
            print(f"{arguments.address} is not banned any more")
        case "status":
            status = client.status()
            print(f"{status.bans} of at most {status.bans_max} bans, {status.given_up} given up for newer ones")
            if not status.in_force:
                print("NOT IN FORCE: the firewall is missing: systemctl status nftables", file=sys.stderr)
                return 1
        case _:
            for ban in client.bans():
                if arguments.json:
                    print(json.dumps(asdict(ban)))
                else:
                    left = spelled_duration(ban.remaining_s)
                    print(f"{ban.address:<40} {left:>8} left  {ban.reason:<20} by {ban.by}")
    return 0


def main() -> int:
    arguments = _parser().parse_args()
    try:
        if arguments.command in {None, "serve"}:
            serve(arguments)
            return 0
        return ask(arguments)
    except (Refused, HelperUnreachable, OSError) as error:
        print(f"bans: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
