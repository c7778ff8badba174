"""``python -m tests.replays``: play everything, and write what came of it into docs/protection.md."""

from __future__ import annotations

import asyncio
import logging

from tests.replays.attacks import ATTACKS, play
from tests.replays.everyday import live
from tests.replays.page import table, write


async def _play() -> str:
    return table([await play(attack) for attack in ATTACKS], await live())


if __name__ == "__main__":
    logging.disable()
    write(asyncio.run(_play()))
