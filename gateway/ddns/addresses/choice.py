"""Which address is published, given what the sources say: pure.

IPv6 needs no translation, so the interface alone decides. IPv4 mostly passes a router, so:

- a public address on the interface is it;
- else the router's own external address, which must be public, and the same that servers on the Internet see: where it
  is not, a second translation stands between (CGNAT), and nothing at the address they see would lead here;
- else, where the router does not tell, the address that servers on the Internet see.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address

from gateway.ddns.addresses.scope import Scope, scope_of
from gateway.ddns.decisions import Wanted
from gateway.ddns.families import Address, Family, family_of


@dataclass(frozen=True, slots=True)
class Reading:
    """What one source says, or why it says nothing."""

    address: Address | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """The address of one family, or why there is none to publish. ``value`` is public, always."""

    family: Family
    value: Address | None
    source: str
    state: Scope
    reason: str

    @property
    def wanted(self) -> Wanted:
        return Wanted(self.value, self.reason, refused=self.state in {Scope.CGNAT, Scope.PRIVATE})


@dataclass(frozen=True, slots=True)
class LocalAddress:
    """An address of an interface, with what the kernel says of it."""

    address: Address
    temporary: bool = False
    """RFC 8981: made for leaving, given up within a day."""
    deprecated: bool = False
    unusable: bool = False
    """Tentative, or found to be a duplicate."""
    generated: bool = False
    """Made by autoconfiguration, where another came by DHCPv6 or by hand."""


def choose_ipv6(addresses: Sequence[LocalAddress], *, interface: str) -> Found:
    """Return the most lasting global address of the interface."""
    ours = [local for local in addresses if local.address.version == 6]  # noqa: PLR2004 - IPv6
    usable = [local for local in ours if not local.unusable and not local.deprecated]
    public = [local for local in usable if scope_of(local.address)[0] is Scope.PUBLIC]
    lasting = sorted((local for local in public if not local.temporary), key=_permanence)
    if lasting:
        return Found(Family.IPV6, lasting[0].address, "interface", Scope.PUBLIC, "")
    if public:
        reason = f"{interface} has temporary IPv6 addresses only, which change every day: give it a stable one"
        return Found(Family.IPV6, None, "interface", Scope.UNKNOWN, reason)
    for local in usable:
        if not local.address.is_link_local:
            words = scope_of(local.address)[1]
            return Found(Family.IPV6, None, "interface", Scope.PRIVATE, f"{interface} has {local.address}: {words}")
    return Found(Family.IPV6, None, "interface", Scope.UNKNOWN, f"{interface} has no global IPv6 address")


def _permanence(local: LocalAddress) -> tuple[bool, int]:
    return local.generated, int(local.address)


def choose_ipv4(
    addresses: Sequence[LocalAddress], router: Reading | None, echo: Reading | None, *, interface: str
) -> Found:
    """Return what to publish. ``router`` and ``echo`` are None where the owner lets nobody ask them."""
    ours = [local.address for local in addresses if isinstance(local.address, IPv4Address)]
    scopes = [scope_of(address) for address in ours]
    for address, (scope, _) in zip(ours, scopes, strict=True):
        if scope is Scope.PUBLIC:
            return Found(Family.IPV4, address, "interface", scope, "")
    if router is not None and router.address is not None:
        return _by_router(router.address, echo)
    for address, (scope, _) in zip(ours, scopes, strict=True):
        if scope is Scope.CGNAT:
            return Found(Family.IPV4, None, "interface", scope, _behind_cgnat(address))
    if echo is not None and echo.address is not None:
        return _by_echo(echo.address)
    reasons = [f"{interface} has {address}: {words}" for address, (_, words) in zip(ours, scopes, strict=True)]
    reasons = reasons or [f"{interface} has no IPv4 address"]
    reasons += [f"the router: {router.reason}"] if router is not None and router.reason else []
    reasons += [f"servers on the Internet: {echo.reason}"] if echo is not None and echo.reason else []
    state = Scope.PRIVATE if ours and router is None and echo is None else Scope.UNKNOWN
    return Found(Family.IPV4, None, "none", state, "; ".join(reasons))


def _by_router(address: Address, echo: Reading | None) -> Found:
    scope, words = scope_of(address)
    seen = None if echo is None else echo.address
    if scope is Scope.CGNAT:
        return Found(Family.IPV4, None, "router", scope, _behind_cgnat(address))
    if scope is not Scope.PUBLIC:
        reason = f"the router's own address is {address}, {words}: there is another router before it"
        if seen is not None:
            reason += f"; a name at {seen}, which servers on the Internet see, would not lead here"
        return Found(Family.IPV4, None, "router", scope, reason)
    if seen is not None and seen != address:
        reason = (
            f"the router says {address}, servers on the Internet see {seen}: one of them does not lead here; "
            "name the right source in ddns.ipv4_sources"
        )
        return Found(Family.IPV4, None, "router", Scope.UNKNOWN, reason)
    return Found(Family.IPV4, address, "router", scope, "")


def _by_echo(address: Address) -> Found:
    scope, words = scope_of(address)
    if family_of(address) is not Family.IPV4 or scope is not Scope.PUBLIC:
        return Found(Family.IPV4, None, "echo", scope, f"servers on the Internet say {address}: {words}")
    return Found(Family.IPV4, address, "echo", scope, "")


def _behind_cgnat(address: Address) -> str:
    return (
        f"your provider puts you behind CGNAT: {address}; nobody can reach you at an IPv4 address; "
        "ask for a public address, or use IPv6"
    )
