"""``python -m tests.adversity``: play every fault both ways and write docs/faults.md. Exits with 1 if one is red."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from tests.adversity.appliance import Stage
from tests.adversity.faults import FAULTS
from tests.adversity.page import PAGE, Played, faults_page, play_both


def main() -> int:
    results: list[Played] = []
    with tempfile.TemporaryDirectory(prefix="drawbridge-faults-") as folder, Stage(Path(folder)) as stage:
        for fault in FAULTS:
            results.append(asyncio.run(play_both(stage, fault)))
            print(f"{'red ' if results[-1].is_red else 'good'}  {fault.id}", flush=True)
    PAGE.write_text(faults_page(results), "utf-8")
    return int(any(played.is_red for played in results))


if __name__ == "__main__":
    sys.exit(main())
