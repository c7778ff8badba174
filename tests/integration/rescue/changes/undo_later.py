"""What systemd starts on a host when a change was not confirmed: the undo command, in a process of its own.

The subject and the folder of the test's change come as JSON in the first argument.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path


class NoTimers:
    """The timer is over."""

    def schedule(self, name: str, delay_s: int) -> None:
        raise AssertionError(name)

    def cancel(self, name: str) -> None:
        return


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[4]))
    from rescue.changes.__main__ import main
    from rescue.changes.subjects import Subject

    given = json.loads(sys.argv[1])
    subject = Subject(
        target=Path(given["target"]),
        mode=0o644,
        check=tuple(given["check"]),
        load=tuple(given["load"]),
        unload=tuple(given["unload"]),
    )
    sys.exit(
        main(["undo", "firewall"], subjects={"firewall": subject}, state=Path(given["state"]), scheduler=NoTimers())
    )
