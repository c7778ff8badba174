"""What is known of each port and of the router's outer address: for the status file, the command and DDNS."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Final, Literal

from gateway.ddns.mapping.method import Lease, MethodName

_CGNAT: Final = IPv4Network("100.64.0.0/10")
_RENEW_AT: Final = 0.5
"""Of the lifetime: RFC 6886, section 3.3, and RFC 6887, section 11.2.1."""
_RENEW_MIN_S: Final = 4.0
"""RFC 6887, section 11.2.1: not more often, however short the lifetime."""


NOT_ASKED: Final = "the router has not been asked yet"


@dataclass(frozen=True, slots=True)
class PortStatus:
    """A port, as the status file has it. ``lease_ends``: Unix time; None where it does not end."""

    protocol: Literal["tcp"]
    internal: int
    external: int
    method: MethodName | Literal["none"]
    state: Literal["mapped", "failed", "off"]
    external_address: str | None
    lease_ends: float | None
    reason: str

    def as_json(self) -> dict[str, str | int | float | None]:
        return asdict(self)


def off(ports: Iterable[int]) -> tuple[PortStatus, ...]:
    """Return the status of ports that the settings leave alone."""
    reason = "switched off: ddns.mapping.enabled"
    return tuple(PortStatus("tcp", port, port, "none", "off", None, None, reason) for port in ports)


class RouterAddress:
    """The router's outer IPv4 address, as the router says it: one of the sources of DDNS."""

    def __init__(self) -> None:
        self._address: IPv4Address | None = None
        self.method: MethodName | Literal["none"] = "none"
        self.reason = NOT_ASKED
        """Why there is no address; or, where there is one, why it cannot be reached from outside."""

    def external_ipv4(self) -> IPv4Address | None:
        """Return the address that the router named when last asked; None where it did not, or did not answer."""
        return self._address

    def learnt(self, address: IPv4Address | None, method: MethodName) -> None:
        self._address = address
        self.method = method
        self.reason = "the router has no outer address now" if address is None else unreachable(address)

    def lost(self, reason: str) -> None:
        self._address = None
        self.method = "none"
        self.reason = reason


def unreachable(address: IPv4Address) -> str:
    """Return why nobody outside reaches this outer address of a router; "" where nothing is against it."""
    if address in _CGNAT:
        return f"the provider shares one address among customers (CGNAT): nobody outside reaches {address}"
    if not address.is_global:
        return f"another router stands before this one: nobody outside reaches {address}"
    return ""


class Kept:
    """One port: what was granted, and when to ask again. Times are monotonic seconds."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.method: MethodName | Literal["none"] = "none"
        self.trouble = NOT_ASKED
        self._granted = False
        self._renew_at: float | None = None
        self._ends_at: float | None = None

    def granted(self, lease: Lease, method: MethodName, now: float) -> None:
        """Take ``lease``, asked for at ``now``: counted from the question, it ends no later than the router's."""
        self.method = method
        self.trouble = ""
        self._granted = True
        self._ends_at = self._renew_at = None
        if lease.lifetime_s is not None:
            self._ends_at = now + lease.lifetime_s
            self._renew_at = now + max(lease.lifetime_s * _RENEW_AT, _RENEW_MIN_S)

    def forget(self, trouble: str) -> None:
        self.method = "none"
        self.trouble = trouble
        self._granted = False
        self._ends_at = self._renew_at = None

    def is_mapped(self, now: float) -> bool:
        return self._granted and (self._ends_at is None or now < self._ends_at)

    def is_held_by(self, method: MethodName, now: float) -> bool:
        return self.method == method and self.is_mapped(now)

    def is_due(self, now: float) -> bool:
        return not self.is_mapped(now) or (self._renew_at is not None and now >= self._renew_at)

    def renew_now(self) -> None:
        """Ask for it again at the next occasion; until then it counts as mapped."""
        self._renew_at = 0.0

    def next_at(self, now: float) -> float | None:
        """Return when it is to be renewed, or ends; None where neither is ahead."""
        ahead = [at for at in (self._renew_at, self._ends_at) if at is not None and at > now]
        return min(ahead, default=None)

    def status(self, router: RouterAddress, *, monotonic: float, unix: float) -> PortStatus:
        if not self.is_mapped(monotonic):
            return PortStatus(
                "tcp",
                self.port,
                self.port,
                "none",
                "failed",
                None,
                None,
                self.trouble or "what the router granted has ended",
            )
        ends = None if self._ends_at is None else unix + self._ends_at - monotonic
        address = router.external_ipv4()
        outer = None if address is None else str(address)
        reason = self.trouble or (router.reason if address is not None else "")
        return PortStatus("tcp", self.port, self.port, self.method, "mapped", outer, ends, reason)
