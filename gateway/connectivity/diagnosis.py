"""From what the checks found to one sentence: what is broken, since when, and what to do. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from bridge.process.clock import rfc3339
from gateway.connectivity.findings import Finding, Rung, down, unknown

Severity = Literal["critical", "warning", "info"]

ADVICE: Final[Mapping[str, tuple[Severity, str]]] = {
    "cable_out": ("critical", "put the network cable in at both ends, and see whether the router or switch has power"),
    "interface_down": ("critical", "see `ip link`, and whether the network service runs"),
    "no_address": ("critical", "see whether the router's DHCP service runs, or set a fixed address"),
    "no_route": ("critical", "see whether the router's DHCP service names a router, or set one"),
    "router_gone": ("critical", "see whether the router has power, and restart it"),
    "dns_dead": ("critical", "restart the router, or set another resolver"),
    "dns_refused": ("critical", "restart the router, or set another resolver"),
    "dns_lying": ("critical", "set a resolver that you trust, and see what filters or captures the line"),
    "captive_portal": ("critical", "sign in at the portal of this network, or ask your provider why the line is held"),
    "clock_wrong": ("critical", "see `timedatectl`: time synchronization needs UDP port 123"),
    "upstream_black_hole": ("critical", "restart the modem, and call your provider if that does not help"),
    "upstream_refused": ("critical", "see whether a firewall or filter of the router blocks HTTPS"),
    "name_elsewhere": ("critical", "see `python -m gateway ddns status`, and the record at your DNS provider"),
    "name_missing": ("critical", "make the record at your DNS provider, and see `python -m gateway ddns status`"),
    "port_closed": ("critical", "see `python -m gateway ddns ports`, or forward the port in the router by hand"),
    "gateways_down": ("critical", "see `systemctl status gateway@1 gateway@2`, and `journalctl -u gateway@1`"),
    "keep_away": ("critical", "see whether the keep has power and its network cable is in"),
    "agent_down": ("critical", "start the agent on the keep: `restart agent` in its rescue console, and see its log"),
    "bridge_refused": ("critical", "see the log of the gateway: certificates, message keys, clocks"),
    "database_down": ("critical", "see whether PostgreSQL runs on the keep, and its disk"),
    "line_flapping": ("warning", "see cables and plugs, and the journal of outages for what goes down each time"),
    "keep_flapping": ("warning", "see cables and power of the keep, and the journal of outages for what goes down"),
}
"""By code: how bad it is, and what to do. ``docs/connectivity.md`` lists them."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What is broken, as one sentence, and what shows it. ``since`` is Unix time."""

    code: str
    rung: Rung
    since: float
    summary: str
    evidence: Mapping[str, str]

    @property
    def severity(self) -> Severity:
        return ADVICE[self.code][0]


def diagnose(rung: Rung, finding: Finding, *, since: float) -> Diagnosis:
    """Return the diagnosis of a broken rung, from its latest ``down`` finding."""
    return Diagnosis(finding.code, rung, since, sentence(finding.code, finding.summary, since), finding.evidence)


def flapping(code: str, times: int, last: str, *, since: float) -> Diagnosis:
    """Return the diagnosis of a line, or keep, that comes and goes; ``last`` is what was broken last."""
    rung = Rung.LINK if code == "line_flapping" else Rung.BRIDGE
    what = f"{'The line' if code == 'line_flapping' else 'The keep'} comes and goes: down {times} times within the hour"
    return Diagnosis(code, rung, since, sentence(code, what, since), {"last": last, "times": str(times)})


def sentence(code: str, what: str, since: float) -> str:
    when = rfc3339(since, timespec="minutes").replace("T", " ").removesuffix("Z")
    return f"{what}, since {when} UTC: {ADVICE[code][1]}."


def beyond_dns(dns: Finding, https: Finding) -> tuple[Finding, Finding | None]:
    """Judge a broken DNS by what the targets did at the addresses of earlier answers: findings of DNS and HTTPS.

    If nothing beyond the router answers, or a portal answers everybody, then DNS is the consequence. If the targets
    answer, or none is known, DNS it is; the second is None then.
    """
    is_cause = https.code == "captive_portal" or (https.code == "upstream_black_hole" and dns.code == "dns_dead")
    if https.state == "down" and is_cause:
        evidence = {**https.evidence, **dns.evidence}
        return unknown(dns.summary, dns.evidence), down(https.code, https.summary, evidence)
    evidence = {**dns.evidence, "beyond the router": https.summary}
    return down(dns.code, dns.summary, evidence), None
