"""What the monitor and the DDNS updater write, as on a box that has run for a month and had several outages."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any, Final

from gateway.status.snapshots import Files

HOUR_S: Final = 3600.0
DAY_S: Final = 86_400.0
MIB: Final = 2**20

_RUNGS: Final = (
    ("link", 0.1, "eth0 is up, 1000 Mbit/s", {"interface": "eth0", "carrier": "yes", "speed": "1000 Mbit/s"}),
    ("address", 0.2, "192.168.1.4/24", {"IPv4": "192.168.1.4/24", "IPv6": "2001:db8:1:2::4/64"}),
    ("router", 1.4, "192.168.1.1 answers", {"gateway": "192.168.1.1", "neighbour": "reachable"}),
    ("dns", 12.0, "2 of 2 resolvers answer", {"192.168.1.1": "12 ms", "9.9.9.9": "19 ms"}),
    ("https", 58.0, "2 of 2 places answer", {"deb.debian.org": "58 ms", "letsencrypt.org": "61 ms"}),
    ("name", 33.0, "box.example.org is 203.0.113.7", {"answer": "203.0.113.7", "ours": "203.0.113.7"}),
    ("port", 140.0, "443 answers from outside", {"mirror": "mirror.example.net", "port": "443"}),
    ("bridge", 4.0, "the agent answers", {"address": "192.168.1.3:8443"}),
    ("database", 9.0, "both databases are up", {"store": "up", "source": "up"}),
)


def rungs(
    now: float, *, broken: str = "", summary: str = "", evidence: dict[str, str] | None = None
) -> list[dict[str, Any]]:
    """Return the ladder; with a ``broken`` rung, what comes after it is not known."""
    found: list[dict[str, Any]] = []
    state = "up"
    for number, (name, took_ms, said, shown) in enumerate(_RUNGS):
        if name == broken:
            found.append(_rung(name, "down", now - 252, None, 1, summary, evidence or {}))
            state = "unknown"
        elif state == "unknown" and name not in {"bridge", "database"}:
            found.append(_rung(name, "unknown", now - 252, None, 0, "not looked at: a rung below it is broken", {}))
        else:
            found.append(_rung(name, "up", now - (9 - number) * 1.7 * DAY_S, took_ms, 0, said, shown))
    return found


def _rung(
    name: str, state: str, since: float, took_ms: float | None, flaps: int, summary: str, evidence: dict[str, str]
) -> dict[str, Any]:
    return {
        "name": name,
        "state": state,
        "since": since,
        "took_ms": took_ms,
        "flaps": flaps,
        "summary": summary,
        "evidence": evidence,
    }


def outages(now: float) -> list[dict[str, Any]]:
    """Return a month of them: forced reconnects at night, a router's restart, a long one, a wrong record, the keep."""
    rng = random.Random(7)
    nightly = [
        _outage(
            now - day * DAY_S - 10 * HOUR_S + rng.uniform(-120, 120),
            rng.uniform(35, 95),
            "router",
            "router_silent",
            "The router does not answer",
        )
        for day in range(1, 29, 3)
    ]
    others = [
        _outage(now - 3.2 * DAY_S, 22 * 60, "https", "upstream_black_hole", "Nothing answers beyond the router", 2),
        _outage(
            now - 8.6 * DAY_S, 47 * 60, "name", "name_elsewhere", "box.example.org points to 198.51.100.9, not to us"
        ),
        _outage(now - 12.4 * DAY_S, 6 * 60, "bridge", "keep_away", "The keep does not answer"),
        _outage(now - 17.3 * DAY_S, 5.4 * HOUR_S, "dns", "resolvers_dead", "No resolver answers", 4),
        _outage(now - 17.9 * DAY_S, 45, "link", "no_carrier", "The network cable is out"),
        _outage(now - 23.1 * DAY_S, 80, "database", "store_down", "The store's database does not answer"),
        _outage(now - 26.5 * DAY_S, 3 * HOUR_S, "port", "port_closed", "443 does not answer from outside"),
    ]
    return sorted([*nightly, *others], key=lambda each: -each["began"])


def _outage(began: float, lasted_s: float, rung: str, code: str, summary: str, flaps: int = 0) -> dict[str, Any]:
    return {"began": began, "ended": began + lasted_s, "rung": rung, "code": code, "summary": summary, "flaps": flaps}


def _unit(now: float, name: str, *, days: float = 12.0, restarts: int = 0, **others: Any) -> dict[str, Any]:  # noqa: ANN401
    return {
        "name": name,
        "active": "active",
        "sub": "running",
        "since": now - days * DAY_S,
        "restarts": restarts,
        "result": "success",
    } | others


def _host(now: float, host: str, units: list[dict[str, Any]], **figures: object) -> dict[str, Any]:
    return {
        "host": host,
        "at": now - 6,
        "release": "1.4.0",
        "uptime_s": 12.13 * DAY_S,
        "memory_unused_mib": 512,
        "disk_free_share": 0.71,
        "temperature_c": 48.3,
        "under_voltage": False,
        "clock_synchronized": True,
        "units": units,
    } | figures


def monitor(now: float) -> dict[str, Any]:
    """Return the monitor's snapshot of a good moment."""
    rests: dict[str, Any] = {"active": "inactive", "sub": "dead"}
    door = [
        _unit(now, "gateway@1.service", days=2.1),
        _unit(now, "gateway@2.service", days=2.1),
        _unit(now, "gateway-ddns.service"),
        _unit(now, "gateway-monitor.service"),
        _unit(now, "nginx.service"),
        _unit(now, "bans.service", restarts=1),
        _unit(now, "certificate.timer", sub="waiting"),
        _unit(now, "rescue-sshd.service"),
    ]
    keep = [
        _unit(now, "agent.service"),
        _unit(now, "postgresql@17-store.service"),
        _unit(now, "backup.service", **rests),
        _unit(now, "backup-drill.service", **rests),
        _unit(now, "bans.service"),
        _unit(now, "rescue-sshd.service"),
    ]
    breakers = {"data": "closed", "credentials": "closed", "machine": "closed"}
    certificates = {"web": ("door", 61), "gateway": ("door", 24), "agent": ("keep", 26)}
    certificates |= {"intermediate": ("keep", 1490), "root": ("keep", 7300)}
    return {
        "at": now - 4,
        "started": now - 12.1 * DAY_S,
        "state": "up",
        "rung": None,
        "diagnosis": None,
        "rungs": rungs(now),
        "outages": outages(now),
        "availability": {"days": 30, "known_s": 29.6 * DAY_S, "down_s": 12_300.0, "share": 0.99519},
        "gateways": [
            {
                "name": name,
                "state": "up",
                "requests": requests,
                "errors_5xx": 0,
                "p95_ms": p95_ms,
                "breakers": dict(breakers),
                "cache": {"hits": hits, "misses": misses, "bytes": int(size_mib * MIB)},
            }
            for name, requests, p95_ms, hits, misses, size_mib in (
                ("gateway@1", 214, 21.0, 1830, 412, 1.4),
                ("gateway@2", 96, 24.5, 702, 230, 0.6),
            )
        ],
        "door": _host(now, "door", door),
        "keep": _host(now, "keep", keep, temperature_c=51.0, memory_unused_mib=203, disk_free_share=0.38),
        "certificates": [
            {"name": name, "host": host, "ends": now + days * DAY_S + 5 * HOUR_S}
            for name, (host, days) in certificates.items()
        ],
        "backup": {
            "last": now - 11 * HOUR_S,
            "last_ok": True,
            "drill": now - 6.2 * DAY_S,
            "drill_ok": True,
            "detail": "sftp://nas.lan/drawbridge, 14 backups, the oldest of 15 Nov",
        },
        "bans": {
            "count": 3,
            "recent": [
                {
                    "address": "198.51.100.23",
                    "reason": "asked for /wp-login.php",
                    "began": now - 700,
                    "remaining_s": 2900,
                },
                {
                    "address": "203.0.113.200",
                    "reason": "9 wrong passwords",
                    "began": now - 3 * HOUR_S,
                    "remaining_s": 75_600,
                },
                {"address": "2001:db8:bad::/64", "reason": "flood", "began": now - 9 * HOUR_S, "remaining_s": 54_000},
            ],
        },
        "alerts": [
            {
                "cause": "line.upstream_black_hole",
                "severity": "critical",
                "state": "cleared",
                "summary": "The line was down for 22 min: nothing answered beyond the router",
                "raised": now - 3.2 * DAY_S,
                "cleared": now - 3.2 * DAY_S + 1320,
                "delivered": {"email": now - 3.2 * DAY_S + 1330, "webhook": now - 3.2 * DAY_S + 1329},
            },
            {
                "cause": "rescue.used",
                "severity": "info",
                "state": "cleared",
                "summary": "The rescue console was used: restart agent",
                "raised": now - 5 * DAY_S,
                "cleared": now - 5 * DAY_S,
                "delivered": {"email": now - 5 * DAY_S + 3},
            },
        ],
    }


def in_an_outage(now: float) -> dict[str, Any]:
    """Return the same box while its line is down, with more that is wrong."""
    snapshot = monitor(now)
    summary = "The router at 192.168.1.1 does not answer"
    evidence = {
        "gateway": "192.168.1.1",
        "neighbour entry": "FAILED",
        "pings answered": "0 of 5",
        "route": "default via 192.168.1.1 dev eth0",
    }
    snapshot |= {
        "state": "down",
        "rung": "router",
        "diagnosis": {"code": "router_silent", "summary": summary, "evidence": evidence},
        "rungs": rungs(now, broken="router", summary=summary, evidence=evidence),
        "availability": {"days": 30, "known_s": 29.6 * DAY_S, "down_s": 15_000.0, "share": 0.99413},
    }
    lasting = _outage(now - 252, 0, "router", "router_silent", summary) | {"ended": None}
    snapshot["outages"] = [lasting, *snapshot["outages"]]
    snapshot["gateways"][1] |= {
        "breakers": {"data": "open", "credentials": "closed", "machine": "half_open"},
        "errors_5xx": 31,
    }
    snapshot["keep"]["units"][2] |= {"active": "failed", "sub": "failed", "result": "exit-code"}
    snapshot["keep"] |= {"temperature_c": 82.0, "disk_free_share": 0.02, "under_voltage": True}
    snapshot["certificates"][0]["ends"] = now + 5.5 * DAY_S
    snapshot["backup"] |= {"last_ok": False, "detail": "sftp://nas.lan/drawbridge: connection refused"}
    raised = {
        "cause": "line.router_silent",
        "severity": "critical",
        "state": "raised",
        "summary": f"The line is down: {summary}",
        "raised": now - 240,
        "cleared": None,
        "delivered": {"journal": now - 240, "email": None},
    }
    snapshot["alerts"] = [raised, *snapshot["alerts"]]
    return snapshot


def ddns(now: float) -> dict[str, Any]:
    """Return the updater's snapshot of a good moment."""
    names = [
        {
            "name": "box.example.org",
            "family": family,
            "provider": provider,
            "wanted": value,
            "published": value,
            "state": "current",
            "reason": "",
            "changed": now - 3.2 * DAY_S,
            "verified": now - 140,
            "next_try": now + 160,
        }
        for family, provider, value in (
            ("ipv4", "rfc2136", "203.0.113.7"),
            ("ipv6", "rfc2136", "2001:db8:1:2::4"),
        )
    ]
    return {
        "at": now - 9,
        "started": now - 12.1 * DAY_S,
        "addresses": {
            "ipv4": {"value": "203.0.113.7", "source": "router (PCP)", "state": "public", "reason": ""},
            "ipv6": {"value": "2001:db8:1:2::4", "source": "interface eth0", "state": "public", "reason": ""},
        },
        "names": names,
        "mappings": [
            {
                "protocol": "tcp",
                "internal": port,
                "external": port,
                "method": "pcp",
                "state": "mapped",
                "external_address": "203.0.113.7",
                "lease_ends": now + 2400,
                "reason": "",
            }
            for port in (443, 80)
        ],
    }


def without_ipv6(now: float) -> dict[str, Any]:
    """Return the same in a house whose IPv6 is its own network's alone."""
    snapshot = ddns(now)
    reason = "this box, which has no default route for it, has fd00::1: a private (unique local) address"
    snapshot["addresses"]["ipv6"] = {"value": None, "source": "none", "state": "private", "reason": reason}
    for name in snapshot["names"]:
        if name["family"] == "ipv6":
            name |= {"state": "off", "wanted": None, "published": None, "changed": None, "verified": None}
            name |= {"next_try": None, "reason": reason}
    return snapshot


def refused_ddns(now: float) -> dict[str, Any]:
    """Return one that has trouble of each kind."""
    snapshot = ddns(now)
    snapshot["addresses"]["ipv4"] = {
        "value": "100.64.3.9",
        "source": "router (PCP)",
        "state": "cgnat",
        "reason": "100.64.3.9 is the provider's own network (RFC 6598)",
    }
    snapshot["names"][0] |= {
        "state": "refused",
        "reason": "the provider says badauth: user or password is wrong",
        "wanted": None,
    }
    snapshot["mappings"][0] |= {
        "state": "failed",
        "method": "upnp",
        "reason": "the router answers 718 ConflictInMappingEntry",
    }
    return snapshot


def write(folder: Path, monitor: object = None, ddns: object = None) -> Files:
    """Write what is given, as their writers do: a new file in the place of the old one."""
    files = Files(folder / "monitor.json", folder / "ddns.json")
    for path, content in ((files.monitor, monitor), (files.ddns, ddns)):
        if content is not None:
            draft = path.with_suffix(".new")
            draft.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
            draft.replace(path)
    return files
