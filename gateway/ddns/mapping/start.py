"""Putting a keeper together for this host."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from bridge.process.clock import Clock
from gateway.ddns.mapping.keeper import Keeper
from gateway.ddns.mapping.method import Gateway, Method, MethodName
from gateway.ddns.mapping.natpmp import NatPmp
from gateway.ddns.mapping.nonces import nonces
from gateway.ddns.mapping.pcp import Pcp
from gateway.ddns.mapping.routes import default_gateway
from gateway.ddns.mapping.upnp import Upnp
from gateway.settings.ddns import Mapping


def keeper(
    settings: Mapping,
    clock: Clock,
    *,
    changed: Callable[[], None] = lambda: None,
    route: Callable[[], Awaitable[Gateway | None]] = default_gateway,
) -> Keeper:
    """Return a keeper that speaks the protocols of the settings to the router of the default route."""
    nonce_of = nonces(settings.nonce_file)

    def methods(gateway: Gateway) -> Sequence[Method]:
        known: dict[MethodName, Method] = {
            "pcp": Pcp(gateway, clock, nonce_of),
            "nat-pmp": NatPmp(gateway, clock),
            "upnp": Upnp(gateway),
        }
        return [known[name] for name in settings.methods]

    return Keeper(settings, clock=clock, route=route, methods=methods, changed=changed)
