"""The real gateway with a time of day that a test moves, and where asked without the mitigation for that.

``python -m tests.adversity.gateway WITHOUT serve --config FILE``, WITHOUT being one of :class:`Mitigation`.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Final
from unittest.mock import patch

import gateway.__main__
from bridge.process.clock import SystemClock
from bridge.process.environment import environment
from tests.adversity import clock


class Mitigation(StrEnum):
    """What a gateway can be without."""

    NOTHING = "nothing"
    AGENT_TIME = "the agent's time, kept by a clock that nobody sets"


_WITHOUT: Final[Mapping[Mitigation, Mapping[str, object]]] = {
    Mitigation.NOTHING: {},
    Mitigation.AGENT_TIME: {
        "bridge.client.session.SignedSession.agent_time": lambda session: SystemClock.time() + session.clock_offset_s
    },
}


def main() -> int:
    replaced = {**clock.led_by(Path(environment()[clock.VARIABLE])), **_WITHOUT[Mitigation(sys.argv[1])]}
    for target, value in replaced.items():
        patch(target, value).start()
    return gateway.__main__.main(sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
