"""UPnP Internet Gateway Device, versions 1 and 2: what is sent and what comes back, as bytes.

Discovery is SSDP (UPnP Device Architecture 1.1, section 1.3), HTTP in UDP::

    M-SEARCH * HTTP/1.1                    HTTP/1.1 200 OK
    HOST: 239.255.255.250:1900             ST: urn:schemas-upnp-org:device:InternetGatewayDevice:2
    MAN: "ssdp:discover"                   LOCATION: http://192.168.1.1:5000/rootDesc.xml
    MX: 1
    ST: urn:…:InternetGatewayDevice:2

LOCATION is a description (XML) of devices within devices and their services. Those that map ports are called
``WANIPConnection:1``, ``:2`` and ``WANPPPConnection:1``; their actions are SOAP.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final
from urllib.parse import urljoin
from xml.sax.saxutils import escape

from gateway.ddns.mapping.bounded_xml import NotXml, parse, text

GROUP: Final = "239.255.255.250"
PORT: Final = 1900
SEARCHED: Final = (
    "urn:schemas-upnp-org:device:InternetGatewayDevice:2",
    "urn:schemas-upnp-org:device:InternetGatewayDevice:1",
)
_SERVICES: Final = (
    "urn:schemas-upnp-org:service:WANIPConnection:2",
    "urn:schemas-upnp-org:service:WANIPConnection:1",
    "urn:schemas-upnp-org:service:WANPPPConnection:1",
)
"""Best first."""
_URL_MAX: Final = 512
_PORT_MAX: Final = 65535
_ANSWER_MAX_BYTES: Final = 2048
_STATUS: Final = re.compile(rb"HTTP/1\.[01] 200\b")


@dataclass(frozen=True, slots=True)
class Service:
    """A service that maps ports, and where its actions are posted."""

    kind: str
    control_url: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A mapping in the router's table."""

    client: str
    port: int
    lifetime_s: int
    """0: until somebody deletes it."""


class Fault(Exception):
    """An action's error: UPnP's ``code``, 0 where the router gave none."""

    def __init__(self, code: int, description: str) -> None:
        super().__init__(f"{code} {description}".strip())
        self.code = code


def search(kind: str) -> bytes:
    """Return an M-SEARCH for devices of ``kind``, to be answered within a second."""
    lines = ("M-SEARCH * HTTP/1.1", f"HOST: {GROUP}:{PORT}", 'MAN: "ssdp:discover"', "MX: 1", f"ST: {kind}", "", "")
    return "\r\n".join(lines).encode("ascii")


def location(answer: bytes, router: IPv4Address) -> str | None:
    """Return where the description is, from an answer to :func:`search`; None if it is none, or elsewhere."""
    if len(answer) > _ANSWER_MAX_BYTES or not _STATUS.match(answer):
        return None
    headers: dict[str, str] = {}
    for line in answer.decode("latin-1").split("\r\n")[1:]:
        name, _, value = line.partition(":")
        headers.setdefault(name.strip().upper(), value.strip())
    if headers.get("ST") not in SEARCHED:
        return None
    return at_router(headers.get("LOCATION", ""), router)


def at_router(url: str, router: IPv4Address) -> str | None:
    """Return ``url`` where it is plain HTTP at the router's own address, written as an address; else None.

    What a description names is fetched by this host: it must not be sent elsewhere.
    """
    written = re.fullmatch(rf"http://{re.escape(str(router))}(?::([0-9]{{1,5}}))?(?:/[!-~]*)?", url)
    whole = written is not None and 0 < int(written[1] or 80) <= _PORT_MAX
    return url if whole and len(url) <= _URL_MAX else None


def services(description: bytes, url: str, router: IPv4Address) -> list[Service]:
    """Return the services of a description, fetched from ``url``, that map ports; best first.

    Those that are not at ``router`` are left out. Raises :class:`NotXml`.
    """
    root = parse(description)
    base = at_router(text(root, "URLBase"), router) or url
    found = []
    for element in root.iter("service"):
        kind = text(element, "serviceType")
        path = text(element, "controlURL")
        try:
            control = at_router(urljoin(base, path), router)
        except ValueError:
            continue
        if kind in _SERVICES and path and control is not None:
            found.append(Service(kind, control))
    return sorted(found, key=lambda service: _SERVICES.index(service.kind))


def call(service: Service, action: str, arguments: Mapping[str, str]) -> tuple[dict[str, str], bytes]:
    """Return the headers and the body that ask ``service`` for ``action``; arguments keep their order."""
    inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in arguments.items())
    body = (
        '<?xml version="1.0"?>\r\n<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" '
        's:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>'
        f'<u:{action} xmlns:u="{service.kind}">{inner}</u:{action}></s:Body></s:Envelope>\r\n'
    )
    headers = {"Content-Type": 'text/xml; charset="utf-8"', "SOAPAction": f'"{service.kind}#{action}"'}
    return headers, body.encode()


def result(answer: bytes, action: str) -> dict[str, str]:
    """Return what ``action`` gave, by name. Raises :class:`Fault`, and :class:`NotXml` for anything else."""
    root = parse(answer)
    given = root.find(f"Body/{action}Response")
    if given is not None:
        return {child.tag: (child.text or "").strip() for child in given}
    error = root.find("Body/Fault/detail/UPnPError")
    if error is None and root.find("Body/Fault") is None:
        msg = "neither a result nor a fault"
        raise NotXml(msg)
    code = "" if error is None else text(error, "errorCode")
    described = "" if error is None else text(error, "errorDescription")
    raise Fault(int(code) if re.fullmatch(r"[0-9]{1,5}", code) else 0, _plain(described))


def add_arguments(port: int, client: IPv4Address, lifetime_s: int, description: str) -> dict[str, str]:
    """Return the arguments of AddPortMapping: TCP, from everywhere, the same port on both sides."""
    return lookup_arguments(port) | {
        "NewInternalPort": str(port),
        "NewInternalClient": str(client),
        "NewEnabled": "1",
        "NewPortMappingDescription": description,
        "NewLeaseDuration": str(lifetime_s),
    }


def lookup_arguments(port: int) -> dict[str, str]:
    """Return the arguments of GetSpecificPortMappingEntry and DeletePortMapping."""
    return {"NewRemoteHost": "", "NewExternalPort": str(port), "NewProtocol": "TCP"}


def entry(given: Mapping[str, str]) -> Entry:
    """Return what GetSpecificPortMappingEntry gave; what is no number counts as 0."""
    return Entry(
        _plain(given.get("NewInternalClient", "")),
        _number(given.get("NewInternalPort", "")),
        _number(given.get("NewLeaseDuration", "")),
    )


def outer_address(given: Mapping[str, str]) -> IPv4Address | None:
    """Return what GetExternalIPAddress gave; None where the router has none."""
    try:
        address = IPv4Address(given.get("NewExternalIPAddress", ""))
    except ValueError:
        return None
    return None if address.is_unspecified else address


def _number(written: str) -> int:
    return int(written) if re.fullmatch(r"[0-9]{1,10}", written) else 0


def _plain(words: str) -> str:
    """Return a router's words as far as they can stand in a status page and a terminal."""
    return "".join(letter for letter in words if letter.isascii() and letter.isprintable())[:80]
