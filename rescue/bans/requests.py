"""What may be asked of the ban helper: a line in, a validated request out. No I/O."""

from __future__ import annotations

import ipaddress
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

LINE_MAX_BYTES: Final = 4096
DURATION_MIN_S: Final = 60
DURATION_MAX_S: Final = 30 * 24 * 3600

_IPV6_PREFIX: Final = 64
_ADDRESS_MAX_CHARS: Final = 64


class Reason(StrEnum):
    """Why an address is banned."""

    MANUAL = "manual"
    MALFORMED_REQUESTS = "malformed_requests"
    PROBING = "probing"
    RATE_EXCEEDED = "rate_exceeded"
    SIGN_IN_FAILURES = "sign_in_failures"


class ErrorCode(StrEnum):
    """Why a request was refused."""

    MALFORMED = "malformed"
    INVALID = "invalid"
    PROTECTED = "protected"
    DENIED = "denied"
    BUSY = "busy"
    FAILED = "failed"


class Refused(Exception):
    """A request is not carried out; ``str()`` of it is the message for who asked."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class BanRequest:
    network: Network
    duration_s: int
    reason: Reason


@dataclass(frozen=True, slots=True)
class UnbanRequest:
    network: Network


@dataclass(frozen=True, slots=True)
class ListRequest:
    pass


@dataclass(frozen=True, slots=True)
class StatusRequest:
    pass


@dataclass(frozen=True, slots=True)
class RepeatsRequest:
    pass


Request = BanRequest | UnbanRequest | ListRequest | StatusRequest | RepeatsRequest

_KEYS: Final = {
    "ban": {"address", "duration_s", "reason"},
    "unban": {"address"},
    "list": set[str](),
    "status": set[str](),
    "repeats": set[str](),
}
_BARE: Final[dict[str, Request]] = {"list": ListRequest(), "status": StatusRequest(), "repeats": RepeatsRequest()}


def parse(line: bytes) -> Request:
    """Return the request that ``line`` is. Raises :class:`Refused`."""
    fields = _read(line)
    name = fields.pop("request", None)
    if not isinstance(name, str) or name not in _KEYS:
        raise Refused(ErrorCode.INVALID, f"request is one of {', '.join(_KEYS)}")
    if wrong := sorted(_KEYS[name] ^ fields.keys()):
        what = "is missing" if wrong[0] in _KEYS[name] else "is not known"
        raise Refused(ErrorCode.INVALID, f"{wrong[0][:_ADDRESS_MAX_CHARS]} {what}")
    if name == "ban":
        return BanRequest(bannable(fields["address"]), _duration_s(fields["duration_s"]), _reason(fields["reason"]))
    if name == "unban":
        return UnbanRequest(network_of(fields["address"]))
    return _BARE[name]


def network_of(value: object) -> Network:
    """Return what stands for an address in the sets: an IPv4 address as a /32, an IPv6 one's /64.

    Raises :class:`Refused`, for a network that is smaller or larger as well.
    """
    if not isinstance(value, str) or len(value) > _ADDRESS_MAX_CHARS or "%" in value:
        raise Refused(ErrorCode.INVALID, "address is an IPv4 or IPv6 address")
    text = value.removesuffix(f"/{_IPV6_PREFIX}") if ":" in value else value
    try:
        address = ipaddress.ip_address(text)
    except ValueError as error:
        raise Refused(ErrorCode.INVALID, "address is an IPv4 or IPv6 address") from error
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            return ipaddress.IPv6Network((address, _IPV6_PREFIX), strict=False)
        address = address.ipv4_mapped
    return ipaddress.IPv4Network(address)


def bannable(value: object) -> Network:
    """Return the same for an address that a stranger can have. Raises :class:`Refused`."""
    network = network_of(value)
    address = network.network_address
    # a ban of fe80::/64 would cut the router off, for it is from there that it answers neighbour discovery
    if address.is_loopback or address.is_multicast or address.is_unspecified or address.is_link_local:
        raise Refused(ErrorCode.PROTECTED, f"{spelled(network)} is nobody's address on the Internet")
    if network == ipaddress.IPv6Network((0, _IPV6_PREFIX)) or network == ipaddress.IPv4Network("255.255.255.255"):
        raise Refused(ErrorCode.PROTECTED, f"{spelled(network)} is nobody's address on the Internet")
    return network


def spelled(network: Network) -> str:
    """Return a network as answers write it: an IPv4 address without its prefix length."""
    return str(network.network_address) if network.version == 4 else str(network)  # noqa: PLR2004 - IPv4


def _read(line: bytes) -> dict[str, object]:
    if len(line) > LINE_MAX_BYTES or not line.endswith(b"\n"):
        raise Refused(ErrorCode.MALFORMED, f"a request is one line of at most {LINE_MAX_BYTES} bytes")
    try:
        value = json.loads(line.decode("utf-8", "strict"), object_pairs_hook=_without_repetition)
    except (ValueError, RecursionError) as error:
        raise Refused(ErrorCode.MALFORMED, "a request is one JSON object, each key once") from error
    if not isinstance(value, dict):
        raise Refused(ErrorCode.MALFORMED, "a request is one JSON object, each key once")
    return value


def _without_repetition(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        msg = "a key is there twice"
        raise ValueError(msg)
    return fields


def _duration_s(value: object) -> int:
    if type(value) is not int or not DURATION_MIN_S <= value <= DURATION_MAX_S:  # True is an int
        raise Refused(ErrorCode.INVALID, f"duration_s is a whole number, {DURATION_MIN_S} to {DURATION_MAX_S}")
    return value


def _reason(value: object) -> Reason:
    try:
        return Reason(str(value))
    except ValueError as error:
        raise Refused(ErrorCode.INVALID, f"reason is one of {', '.join(Reason)}") from error
