"""What is wrong with an inventory, in words for its owner: filters for the role ``inventory``.

Types and names that must be there are the argument specs' affair; this is what those cannot say.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
import zoneinfo
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import yaml

Given = Mapping[str, Any]
_DERIVED: Final = frozenset(
    {"drawbridge_collector", "drawbridge_oidc_servers", "drawbridge_other", "drawbridge_relay_targets"}
)
"""What group_vars/all.yml makes of the inventory, beside what roles ask for."""
_DOMAIN: Final = re.compile(
    r"(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]", re.IGNORECASE
)
_KEY_TYPES: Final = ("ssh-ed25519", "sk-ssh-ed25519@openssh.com")
_PORT_MAX: Final = 65535


def inventory_group_faults(groups: Mapping[str, Collection[str]]) -> list[str]:
    """Return why these groups are not one door and one keep; nothing where they are."""
    named = {name: list(groups.get(name, ())) for name in ("door", "keep")}
    counts = {name: len(hosts) for name, hosts in named.items()}
    faults = [f"the group {name} needs one host, and has {count}" for name, count in counts.items() if count != 1]
    if not faults and named["door"] == named["keep"]:
        faults.append("door and keep are one host: they have to be two")
    return faults


def inventory_unknown(names: Iterable[str], roles: str) -> list[str]:
    """Return which of these names are no setting of the folder of roles."""
    return [f"{name}: there is no such setting" for name in sorted({*names} - settings_of(Path(roles)) - _DERIVED)]


def inventory_faults(given: Given, folder: str) -> list[str]:
    """Return what is wrong with a host's variables; ``folder`` is the inventory's."""
    return [fault for look in _LOOKS for fault in look(given, Path(folder))]


def settings_of(roles: Path) -> set[str]:
    """Return the variables that the roles' argument specs name."""
    specs = [yaml.safe_load(path.read_text("utf-8")) for path in roles.glob("*/meta/argument_specs.yml")]
    return {name for spec in specs for entry in spec["argument_specs"].values() for name in entry["options"]}


def _addresses(given: Given, _folder: Path) -> Iterator[str]:
    own, other = (_address(given.get(name)) for name in ("ansible_host", "drawbridge_peer"))
    if own is None:
        yield "ansible_host: must be the Pi's address in the house, such as 192.168.1.4, and no name"
    elif own == other:
        yield f"ansible_host: both Pis have {own}"
    try:
        lan = ipaddress.ip_network(str(given.get("drawbridge_lan")))
    except ValueError:
        yield "drawbridge_lan: must be the network in the house, such as 192.168.1.0/24"
        return
    if own is not None and own not in lan:
        yield f"ansible_host: {own} is not in drawbridge_lan, {lan}; the firewall would let nobody in"


def _names(given: Given, _folder: Path) -> Iterator[str]:
    if not _DOMAIN.fullmatch(str(given.get("drawbridge_domain"))):
        yield "drawbridge_domain: must be a name on the Internet, such as health.example.org, without https://"
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", str(given.get("drawbridge_email"))):
        yield "drawbridge_email: must be an address, such as owner@example.org"
    if not re.fullmatch(r"[a-z0-9-]+\.local", str(given.get("drawbridge_lan_name", "drawbridge.local"))):
        yield "drawbridge_lan_name: must be one word and .local, such as drawbridge.local"


def _times(given: Given, _folder: Path) -> Iterator[str]:
    if not re.fullmatch(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]|", str(given.get("drawbridge_restart_window", ""))):
        yield 'drawbridge_restart_window: must be a time in quotation marks, such as "04:30", or "" for never'
    zone, zones = str(given.get("drawbridge_time_zone", "UTC")), zoneinfo.available_timezones()
    if zones and zone not in zones:
        yield f"drawbridge_time_zone: there is no {zone}; Europe/London is one"
    if not re.fullmatch(r"[1-9][0-9]*[KMG]?", str(given.get("drawbridge_journal_max", "1G"))):
        yield "drawbridge_journal_max: must be a size, such as 200M"


def _rescue_keys(given: Given, _folder: Path) -> Iterator[str]:
    for number, key in enumerate(_list(given, "drawbridge_rescue_keys"), start=1):
        if not _is_public_key(str(key)):
            yield (
                f"drawbridge_rescue_keys: number {number} is no public key of the kind ssh-ed25519 or sk-ssh-ed25519;"
                " cat ~/.ssh/id_ed25519.pub shows yours"
            )


def _ports(given: Given, _folder: Path) -> Iterator[str]:
    for name in ("drawbridge_keep_open", "drawbridge_keep_closed"):
        for entry in _list(given, name):
            if not isinstance(entry, Mapping):
                yield f"{name}: each must look like {{name: PostgreSQL, port: 5432, from: [lan]}}"
                continue
            if not 0 < _number(entry.get("port")) <= _PORT_MAX:
                yield f"{name}: {entry.get('port')} is no port"
            if re.search(r'["\\\n]', str(entry.get("name", ""))):
                yield f"{name}: a name is without quotation marks"
            for who in _list(entry, "from"):
                if who not in {"lan", "anywhere"} and not _is_network(str(who)):
                    yield f"{name}: {who} is neither an address, nor a network, nor lan or anywhere"


def _source(given: Given, folder: Path) -> Iterator[str]:
    database = given.get("drawbridge_source_database")
    for name in ("drawbridge_source_tables", "drawbridge_source_mapping", "drawbridge_source_cluster"):
        if given.get(name) and not database:
            yield f"{name}: drawbridge_source_database is missing"
    if database and not _list(given, "drawbridge_source_tables"):
        yield "drawbridge_source_tables: name the tables of the records, or leave drawbridge_source_database out"
    if not re.fullmatch(r"[0-9]+/[\w.-]+|", str(given.get("drawbridge_source_cluster", ""))):
        yield "drawbridge_source_cluster: must look like 15/main, as pg_lsclusters shows it"
    mapping = given.get("drawbridge_source_mapping")
    if mapping and not (folder / str(mapping)).is_file():
        yield f"drawbridge_source_mapping: there is no {folder / str(mapping)}; leave it out until you have drafted it"


def _outside(given: Given, _folder: Path) -> Iterator[str]:
    if server := given.get("drawbridge_acme_dns_server"):
        if _address(server) is None:
            yield "drawbridge_acme_dns_server: must be an address, and no name"
        for name in ("drawbridge_acme_dns_key", "drawbridge_acme_dns_secret"):
            if name not in given:
                yield f"{name}: drawbridge_acme_dns_server needs it"
    ca = given.get("drawbridge_acme_ca")
    if ca and not Path(str(ca)).is_file():
        yield f"drawbridge_acme_ca: there is no {ca}"
    tracing = given.get("drawbridge_tracing")
    if isinstance(tracing, Mapping) and tracing.get("endpoint") and not _is_collector(str(tracing["endpoint"])):
        yield (
            "drawbridge_tracing: its endpoint wants an address and a port, such as http://192.168.1.9:4318:"
            " the keep asks no name server"
        )
    secrets = given.get("drawbridge_secrets")
    if isinstance(secrets, Mapping):
        for name in secrets:
            if not re.fullmatch(r"(?:ddns|alerts)\.[\w.-]+|mail\.password|oidc\.client-secret", str(name)):
                yield f"drawbridge_secrets: nothing asks for {name}"


_LOOKS: Final[tuple[Callable[[Given, Path], Iterable[str]], ...]] = (
    _addresses, _names, _times, _rescue_keys, _ports, _source, _outside,
)  # fmt: skip


def _list(given: Given, name: str) -> list[Any]:
    value = given.get(name)
    return list(value) if isinstance(value, list | tuple) else []


def _number(value: object) -> int:
    return int(str(value)) if str(value).isdecimal() else 0


def _address(value: object) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(str(value))
    except ValueError:
        return None


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True


def _is_collector(endpoint: str) -> bool:
    try:
        parts = urlsplit(endpoint)
        return parts.scheme in {"http", "https"} and parts.port is not None and _address(parts.hostname) is not None
    except ValueError:
        return False


def _is_public_key(text: str) -> bool:
    kind, _, rest = text.partition(" ")
    try:
        blob = base64.b64decode(rest.partition(" ")[0], validate=True)
    except (binascii.Error, ValueError):
        return False
    is_one_line = not re.search(r'["\\\n]', text)
    return is_one_line and kind in _KEY_TYPES and blob.startswith(len(kind).to_bytes(4, "big") + kind.encode())


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Callable[..., list[str]]]:
        return {one.__name__: one for one in (inventory_faults, inventory_group_faults, inventory_unknown)}
