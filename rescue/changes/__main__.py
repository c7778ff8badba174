"""The command: see the package."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from rescue.changes.change import Change, ChangeFailed
from rescue.changes.connection import connection_of
from rescue.changes.subjects import SUBJECTS, Subject
from rescue.changes.timers import Scheduler, SystemdTimers

STATE: Final = Path("/var/lib/drawbridge/changes")
UNDO_AFTER_S: Final = 60


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m rescue.changes", description="Change, and confirm or undo.")
    commands = parser.add_subparsers(dest="command", required=True)
    apply = commands.add_parser("apply", help="put a file in force until it is confirmed or undone")
    apply.add_argument("name", choices=[*SUBJECTS], help="what changes")
    apply.add_argument("candidate", type=Path, help="the file as it shall be")
    apply.add_argument(
        "--undo-after",
        type=int,
        default=UNDO_AFTER_S,
        metavar="SECONDS",
        help="how long it waits to be confirmed (%(default)s)",
    )
    confirm = commands.add_parser("confirm", help="keep it; over another connection than the one that applied it")
    confirm.add_argument("name", choices=[*SUBJECTS], help="what was changed")
    undo = commands.add_parser("undo", help="put back what was in force before")
    which = undo.add_mutually_exclusive_group(required=True)
    which.add_argument("name", choices=[*SUBJECTS], nargs="?", help="what was changed")
    which.add_argument("--at-boot", action="store_true", help="whatever is pending, and the files alone")
    commands.add_parser("pending", help="list what waits to be confirmed")
    return parser


def main(
    arguments: list[str] | None,
    *,
    subjects: Mapping[str, Subject],
    state: Path,
    scheduler: Scheduler,
) -> int:
    """Run a command and return its exit code. Root's."""
    asked = _parser().parse_args(arguments)
    changes = {name: Change(name, subject, state=state, scheduler=scheduler) for name, subject in subjects.items()}
    try:
        return _carry_out(asked, changes)
    except (ChangeFailed, OSError) as error:
        print(f"changes: {error}", file=sys.stderr)
        return 1


def _carry_out(asked: argparse.Namespace, changes: Mapping[str, Change]) -> int:
    if asked.command == "pending":
        for name in [name for name, change in changes.items() if change.is_pending]:
            print(name)
        return 0
    if asked.command == "undo" and asked.at_boot:
        for name in [name for name, change in changes.items() if change.undo(reload=False)]:
            print(f"{name}: not confirmed before the reboot, undone")
        return 0
    change = changes[asked.name]
    connection = connection_of(os.getpid())
    match asked.command:
        case "apply":
            if change.apply(asked.candidate, undo_after_s=asked.undo_after, connection=connection):
                print(f"{asked.name}: changed, and undone in {asked.undo_after} s unless confirmed")
            else:
                print(f"{asked.name}: unchanged")
        case "confirm":
            change.confirm(connection=connection)
            print(f"{asked.name}: confirmed")
        case _:
            print(f"{asked.name}: {'undone' if change.undo() else 'nothing to undo'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(None, subjects=SUBJECTS, state=STATE, scheduler=SystemdTimers()))
