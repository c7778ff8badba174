"""``python -m gateway status``: the owner's view in a terminal.

Exit codes: 0 all is well, or works and wants a look; 1 there is trouble; 2 it cannot be told.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bridge.process.clock import SystemClock
from gateway.status import snapshots
from gateway.status.judging import findings, headline
from gateway.status.model import Model, State
from gateway.status.snapshots import Files
from gateway.status.text import document, render

if TYPE_CHECKING:
    from argparse import _SubParsersAction

COMMAND: Final = "status"
TROUBLE, CANNOT_BE_TOLD = 1, 2
_LOOK_AGAIN_S: Final = 2.0
_CLEAR: Final = "\x1b[H\x1b[2J"


def add_parser(commands: _SubParsersAction[argparse.ArgumentParser]) -> None:
    text = "show how everything is: the line, both hosts, names, certificates, backup, bans, alerts"
    parser = commands.add_parser(COMMAND, help=text, description=f"{text}. Exit code 0: well, 1: trouble, 2: unknown.")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="as JSON")
    how.add_argument("--watch", action="store_true", help="again and again, until ctrl-C")
    for name, default in Files()._asdict().items():
        parser.add_argument(f"--{name}-file", type=Path, default=default, metavar="FILE", help=f"default: {default}")


def run(options: argparse.Namespace) -> int:
    """Show it, and return the exit code."""
    files = Files(options.monitor_file, options.ddns_file)
    while True:
        model = snapshots.read(files, SystemClock.time())
        _show(model, as_json=options.json, clear=options.watch and sys.stdout.isatty())
        code = exit_code(model)
        if not options.watch:
            return code
        try:
            time.sleep(_LOOK_AGAIN_S)
        except KeyboardInterrupt:
            return code


def exit_code(model: Model) -> int:
    state = headline(model, findings(model)).state
    return {State.BAD: TROUBLE, State.UNKNOWN: CANNOT_BE_TOLD}.get(state, 0)


def _show(model: Model, *, as_json: bool, clear: bool) -> None:
    if as_json:
        text = json.dumps(document(model), ensure_ascii=False, indent=2) + "\n"
    else:
        text = render(model, zone=None, has_colour=sys.stdout.isatty())
    sys.stdout.write(f"{_CLEAR}{text}" if clear else text)
    sys.stdout.flush()
