"""The faults, all of them. Each is played once as delivered, and once without what makes it end well."""

from __future__ import annotations

from typing import Final

from tests.adversity import rows_bridge, rows_browser, rows_clock, rows_database, rows_load, rows_mail, rows_trust
from tests.adversity.fault import Fault

FAULTS: Final[tuple[Fault, ...]] = (
    *rows_browser.ROWS, *rows_bridge.ROWS, *rows_database.ROWS, *rows_mail.ROWS, *rows_clock.ROWS, *rows_trust.ROWS,
    *rows_load.ROWS,
)  # fmt: skip
