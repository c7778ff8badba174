"""What the monitor looks at besides the line, and when it is trouble."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from bridge.process.settings import Section
from gateway.settings.types import Count, Seconds, Share


class Watches(Section):
    """What the monitor looks at besides the line, and from where on something is told as an alert."""

    sockets: tuple[Path, ...] = Field(
        (Path("/run/drawbridge/gateway-1.sock"), Path("/run/drawbridge/gateway-2.sock")),
        min_length=1,
        description="The gateways' Unix sockets.",
    )
    bans_socket: Path = Field(Path("/run/drawbridge/bans.sock"), description="The ban helper's socket.")
    ddns_status: Path = Field(
        Path("/run/drawbridge/ddns/status.json"), description="The file in which the DDNS updater says how it is."
    )
    taken: Path = Field(
        Path("/var/lib/drawbridge/monitor/taken.json"),
        description="Where it is remembered which of the keep's reports were taken over.",
    )
    release: Path = Field(Path("/opt/drawbridge/current"), description="The link to the release that runs.")
    disk: Path = Field(Path("/"), description="A path on the disk whose free space is watched.")
    units: tuple[str, ...] = Field(
        (
            "nginx.service", "gateway@1.service", "gateway@2.service", "gateway@1.socket", "gateway@2.socket",
            "gateway-ddns.service", "gateway-monitor.service", "gateway-relay.service", "bans.service", "bans.socket",
            "rescue-sshd.service", "rescue-helper.service", "rescue-helper.socket", "rescue-selftest.service",
            "rescue-selftest.timer", "certificate.service", "certificate.timer",
        ),
        description="Units of this machine that are watched, names or patterns; what is not installed is left out.",
    )  # fmt: skip
    web_names: tuple[str, ...] = Field(
        (), description="Names of the website whose certificates are looked at, as nginx shows them here. Empty: none."
    )
    web_port: int = Field(443, ge=1, le=65535, description="The port at which nginx shows them.")
    window_s: Seconds = Field(300.0, description="Seconds of requests that error share and waiting time are of.")
    errors_min: Count = Field(10, description="Fewer errors (5xx) than this in that time are not told.")
    errors_share: Share = Field(0.05, description="A larger share of errors is told as a warning.")
    errors_critical_share: Share = Field(0.5, description="This share of errors or more is critical.")
    slow_requests_min: Count = Field(20, description="Of fewer requests nobody is told that they were slow.")
    slow_p95_ms: Seconds = Field(
        1000.0, description="If one request in 20 takes longer, it is told; sign-in does not count. Milliseconds."
    )
    breaker_open_s: Seconds = Field(60.0, description="Seconds that a breaker may be open untold.")
    gateway_silent_s: Seconds = Field(60.0, description="Seconds that a gateway may give no figures untold.")
    keep_silent_s: Seconds = Field(900.0, description="Seconds that the keep may not say how it is untold.")
    web_warn_days: Seconds = Field(14.0, description="The website's certificate: fewer days left are told.")
    web_critical_days: Seconds = Field(3.0, description="The same, critical.")
    leaf_warn_days: Seconds = Field(
        15.0, description="The bridge's certificates, which renew with 20 of 30 days left: fewer are told."
    )
    leaf_critical_days: Seconds = Field(5.0, description="The same, critical.")
    ca_warn_days: Seconds = Field(
        60.0, description="Intermediate and root: fewer days left are told. With 30, leaves begin to live shorter."
    )
    ca_critical_days: Seconds = Field(20.0, description="The same, critical: leaves would be due at once.")
    backup_age_max_s: Seconds = Field(26 * 3600.0, description="A last backup that is older is told, seconds.")
    drill_age_max_s: Seconds = Field(8 * 86_400.0, description="A last drill that is older is told, seconds.")
    bans_summary_s: Seconds = Field(3600.0, description="New bans are told together, so often. Seconds.")
    bans_silent_s: Seconds = Field(
        120.0, description="Seconds that the ban helper may be silent, or without its firewall, untold."
    )
    disk_warn_share: Share = Field(0.10, description="A smaller free share of a host's disk is told.")
    disk_critical_share: Share = Field(0.03, description="The same, critical.")
    unsynchronized_s: Seconds = Field(3600.0, description="Seconds that nobody may set a host's clock untold.")
    clock_offset_s: Seconds = Field(60.0, description="Clocks of the hosts that are further apart are told, seconds.")
    temperature_warn_c: float = Field(80.0, description="A hotter host is told, °C.")
    temperature_critical_c: float = Field(85.0, description="The same, critical.")
    restarts_max: Count = Field(3, description="A unit that systemd restarted so often in a while is told.")
    restarts_within_s: Seconds = Field(600.0, description="That while, seconds.")
    ddns_silent_s: Seconds = Field(900.0, description="Seconds that the DDNS updater may be silent untold.")
