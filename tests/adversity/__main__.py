"""``python -m tests.adversity [ROW …]``: play faults both ways and write docs/faults.md. Exits with 1 if one is red.

All of them, or the rows named; then the page's other rows stay as they are.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import tempfile
from pathlib import Path

from tests.adversity.appliance import Stage
from tests.adversity.fault import Fault
from tests.adversity.faults import FAULTS
from tests.adversity.page import PAGE, Played, faults_page, play_both, rows_of


def main(names: list[str]) -> int:
    chosen = _chosen(names)
    logging.getLogger("mail.log").setLevel(logging.CRITICAL)  # aiosmtpd tells of each connection that a fault breaks
    results: list[Played] = []
    with tempfile.TemporaryDirectory(prefix="drawbridge-faults-") as folder, Stage(Path(folder)) as stage:
        for fault in chosen:
            results.append(asyncio.run(play_both(stage, fault)))
            print(f"{'red ' if results[-1].is_red else 'good'}  {fault.id}", flush=True)
    others = rows_of(PAGE.read_text("utf-8")) if names else {}
    PAGE.write_text(faults_page(results, others), "utf-8")
    return int(any(played.is_red for played in results))


def _chosen(names: list[str]) -> list[Fault]:
    unknown = set(names) - {fault.id for fault in FAULTS}
    if unknown:
        sys.exit(f"no such row: {', '.join(sorted(unknown))}")
    return [fault for fault in FAULTS if not names or fault.id in names]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
