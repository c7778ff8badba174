"""``drawbridge-rescue …``, or ``python -m rescue …``.

::

    console       what user ``rescue`` gets, whatever they ask sshd for (ForceCommand)
    helper        the root helper
    selftest      on the door: does the way into the keep work
    rotate-keys   on the keep: replace the message keys of both hosts
    VERB …        any verb of the console, for root at the machine itself; help lists them

As the login shell of ``rescue`` it is called with ``-c``, and is the console.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Final

from rescue import console, helper, selftest, wire
from rescue.audit import Caller
from rescue.settings import USUAL_PATHS, Host, SettingsError, load_settings
from rescue.verbs import YES, Role

EXIT_CONFIG: Final = 78
_BY_TIMER: Final = "keys-rotate.timer"


def main(arguments: Sequence[str] | None = None) -> int:
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words in (["--help"], ["-h"]):
        print(__doc__.replace("``", "").replace("::", "").strip())
        return 0
    try:
        settings = load_settings()
    except SettingsError as error:
        print(error, file=sys.stderr)
        return EXIT_CONFIG
    command = words[0] if words else "console"
    if command in {"-c", "console"} or os.geteuid() != 0:
        return console.run(settings, os.environ, USUAL_PATHS)
    if command == "helper":
        return helper.run(settings, USUAL_PATHS)
    if words == ["selftest"] and settings.host is Host.DOOR:
        return selftest.run(settings, USUAL_PATHS)
    is_timer = words == ["rotate-keys"] and not sys.stdin.isatty()
    at_hand = console.Console(
        settings,
        Caller(Role.OWNER, key_name=_BY_TIMER if is_timer else "root", address="local"),
        lambda line: wire.ask(USUAL_PATHS.socket, line),
        sys.stdin.buffer,
        sys.stdout,
        is_terminal=sys.stdin.isatty(),
    )
    return at_hand.once(" ".join([*words, YES] if is_timer else words))


if __name__ == "__main__":
    sys.exit(main())
