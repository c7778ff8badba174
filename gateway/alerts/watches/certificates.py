"""When certificates end: the website's as nginx shows it, the bridge's, and those above them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from gateway.alerts.limits import DAY_S
from gateway.alerts.report import Host, Severity
from gateway.alerts.watches.condition import Condition, Watch
from gateway.alerts.watches.facts import Facts
from gateway.alerts.watches.settings import Settings

_UNREAD_S: Final = 3600.0

_WHAT_TO_DO: Final = {
    "web": "It is renewed twice a day when due: journalctl -u certificate. drawbridge.local's: run the playbook.",
    "gateway": "It is renewed by itself with 20 of 30 days left: journalctl -u gateway@1.",
    "agent": "It is renewed by itself with 20 of 30 days left: journalctl -u agent.",
    "intermediate": "Prolong it with the root's key: docs/operate.md, Keys and certificates.",
    "root": "A new root is needed: docs/operate.md, Keys and certificates.",
}


def ends_by_name(facts: Facts) -> Mapping[str, tuple[Host, float]]:
    """Return each certificate's host and end. The door's word of what both know is not needed where the keep's is."""
    ends: dict[str, tuple[Host, float]] = {}
    for gateway in facts.gateways:
        for name, end in gateway.certificates.items():
            ends[name] = ("door", min(end, ends[name][1]) if name in ends else end)
    if facts.keep is not None:
        ends |= {name: ("keep", end) for name, end in facts.keep.certificates.items()}
    return ends


def _look(facts: Facts, settings: Settings) -> Iterator[Condition]:
    for name, (host, end) in sorted(ends_by_name(facts).items()):
        left_s = end - facts.now
        if severity := settings.of_certificate(name, left_s):
            yield _ending(f"certificate.ending:{name}", severity, host, left_s / DAY_S)
    for name, said in sorted(facts.web_ends.items()):
        if isinstance(said, str):
            yield Condition(
                cause=f"certificate.unread:{name}",
                severity="warning",
                summary=f"Nobody gets to see the certificate of {name}: {said}",
                detail="Asked for at nginx, on this machine.",
                after_s=_UNREAD_S,
            )
            continue
        left_s = said - facts.now
        if severity := settings.of_certificate("web", left_s):
            yield _ending(f"certificate.web:{name}", severity, "door", left_s / DAY_S)


def _ending(cause: str, severity: Severity, host: Host, left: float) -> Condition:
    what, _, name = cause.partition(":")
    when = f"ends in {left:.0f} days" if left >= 0 else "has ended"
    detail = _WHAT_TO_DO["web"] if what == "certificate.web" else _WHAT_TO_DO.get(name, "")
    return Condition(cause, severity, f"The certificate of {name} {when}", detail, host)


def _knows(facts: Facts, cause: str) -> bool:
    what, _, name = cause.partition(":")
    if what == "certificate.ending":
        return name in ends_by_name(facts)
    return what == "certificate.unread" or not isinstance(facts.web_ends.get(name), str)


WATCH: Final = Watch(("certificate.ending", "certificate.web", "certificate.unread"), _look, _knows)
