"""From where on something is trouble: the one word on it for the alerts, the status page and the terminal.

The figures are the machine's ``[watches]``. The monitor writes them into its snapshot, so that who reads that judges by
the same ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gateway.alerts.report import Severity

HOUR_S: Final = 3600.0
DAY_S: Final = 24 * HOUR_S
_LEAVES: Final = frozenset({"gateway", "agent"})
_WEB: Final = "web"


@dataclass(frozen=True, slots=True)
class Limits:
    """Each method returns how bad something is, or None where it is well."""

    errors_min: float = 10
    errors_share: float = 0.05
    errors_critical_share: float = 0.5
    keep_silent_s: float = 900.0
    web_warn_days: float = 14.0
    web_critical_days: float = 3.0
    leaf_warn_days: float = 15.0
    leaf_critical_days: float = 5.0
    ca_warn_days: float = 60.0
    ca_critical_days: float = 20.0
    backup_age_max_s: float = 26 * HOUR_S
    drill_age_max_s: float = 8 * DAY_S
    disk_warn_share: float = 0.10
    disk_critical_share: float = 0.03
    temperature_warn_c: float = 80.0
    temperature_critical_c: float = 85.0

    def of_errors(self, errors: int, requests: int) -> Severity | None:
        """Judge answers that were errors of ours, of so many requests."""
        share = errors / requests if requests else 0.0
        if errors < self.errors_min or share <= self.errors_share:
            return None
        return "critical" if share >= self.errors_critical_share else "warning"

    def of_certificate(self, name: str, left_s: float) -> Severity | None:
        """Judge a certificate that ends so soon: ``web``, ``gateway``, ``agent``, or one of those above them."""
        warn, critical = self.ca_warn_days, self.ca_critical_days
        if name == _WEB:
            warn, critical = self.web_warn_days, self.web_critical_days
        elif name in _LEAVES:
            warn, critical = self.leaf_warn_days, self.leaf_critical_days
        left = left_s / DAY_S
        return "critical" if left < critical else "warning" if left < warn else None

    def of_backup(self, age_s: float) -> Severity | None:
        """Judge the age of the last backup, which is made every night."""
        return "critical" if age_s > self.backup_age_max_s else None

    def of_drill(self, age_s: float) -> Severity | None:
        """Judge the age of the last drill, which is done every week."""
        return "warning" if age_s > self.drill_age_max_s else None

    def of_disk(self, free_share: float) -> Severity | None:
        """Judge how much of a disk is free."""
        if free_share >= self.disk_warn_share:
            return None
        return "critical" if free_share < self.disk_critical_share else "warning"

    def of_temperature(self, degrees_c: float) -> Severity | None:
        """Judge how hot a host is: a Pi slows down at 80 to 85 °C.

        https://www.raspberrypi.com/documentation/computers/raspberry-pi.html#frequency-management-and-thermal-control
        """
        if degrees_c <= self.temperature_warn_c:
            return None
        return "critical" if degrees_c > self.temperature_critical_c else "warning"
