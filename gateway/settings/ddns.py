"""The settings of ``python -m gateway ddns serve``: which names it keeps, with whom, and which ports it maps."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, field_validator, model_validator

from bridge.process.settings import Section
from gateway.settings.types import Seconds

_LABEL: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NAME_MAX: Final = 253
_CREDENTIAL: Final = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}")
_SERVER_NAME: Final = re.compile(r"\[?[A-Za-z0-9.:_-]+\]?(:[0-9]{1,5})?")


def _host_name(text: str) -> str:
    name = text.lower().removesuffix(".")
    labels = name.split(".")
    if len(labels) < 2 or len(name) > _NAME_MAX or not all(map(_LABEL.fullmatch, labels)):  # noqa: PLR2004
        msg = "must be a full host name such as box.example.org"
        raise ValueError(msg)
    return name


def _credential(text: str) -> str:
    if text and not _CREDENTIAL.fullmatch(text):
        msg = "must be the end of a credential's name: small letters, digits, dots and hyphens"
        raise ValueError(msg)
    return text


def _https(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or "@" in parts.netloc or parts.query or parts.fragment:
        msg = "must be a URL that begins with https://, without user, query and fragment"
        raise ValueError(msg)
    return url


def _nameserver(text: str) -> str:
    if not _SERVER_NAME.fullmatch(text):
        msg = "must be a name server's address or name, and a port after a colon where it is not 53"
        raise ValueError(msg)
    return text


HostName = Annotated[str, AfterValidator(_host_name)]
HttpsUrl = Annotated[str, AfterValidator(_https)]
NameserverText = Annotated[str, AfterValidator(_nameserver)]
ProviderName = Literal["dyndns2", "duckdns", "cloudflare", "desec", "rfc2136"]
FamilyName = Literal["ipv4", "ipv6"]
SourceName = Literal["interface", "router", "echo"]


class DdnsRecord(Section):
    """One name and who keeps it."""

    name: HostName = Field(description="The public name, in full, such as box.example.org.")
    provider: ProviderName = Field(description="Who keeps the name: dyndns2, duckdns, cloudflare, desec or rfc2136.")
    families: tuple[FamilyName, ...] = Field(
        ("ipv4", "ipv6"),
        min_length=1,
        description="Which addresses are published under it. Left out: both, as far as the house has IPv6.",
    )
    credential: Annotated[str, AfterValidator(_credential)] = Field(
        "", description="The secret is the systemd credential ddns.CREDENTIAL. Empty: the provider's name."
    )
    username: str = Field(
        "", max_length=200, description="dyndns2: the user name. rfc2136: the name of the TSIG key. Else empty."
    )
    server: str = Field(
        "",
        description="dyndns2: the https URL of updates. rfc2136: the primary name server. Else: empty for its own.",
    )
    zone: str = Field("", description="cloudflare, rfc2136: the zone that the name is in. Empty: it is looked up.")
    ttl_s: int = Field(60, ge=30, le=86_400, description="cloudflare, rfc2136: how long resolvers keep it, seconds.")

    @field_validator("zone")
    @classmethod
    def _zone_is_a_name(cls, text: str) -> str:
        return _host_name(text) if text else ""

    @model_validator(mode="after")
    def _has_what_its_provider_needs(self) -> DdnsRecord:
        if problem := self._problem():
            msg = f"{self.provider}: {problem}"
            raise ValueError(msg)
        return self

    def _problem(self) -> str | None:
        by_user = self.provider in {"dyndns2", "rfc2136"}
        if by_user and not (self.username and self.server):
            return {
                "dyndns2": "needs username, and server, such as https://dynupdate.no-ip.com",
                "rfc2136": "needs username (the key's name) and server (the primary name server)",
            }[self.provider]
        if not by_user and self.username:
            return "takes no username"
        if self.provider == "duckdns" and not self.name.endswith(".duckdns.org"):
            return "name must end in .duckdns.org"
        try:
            if self.server:
                (_nameserver if self.provider == "rfc2136" else _https)(self.server)
        except ValueError as error:
            return f"server {error}"
        return None

    @property
    def credential_name(self) -> str:
        """The file in $CREDENTIALS_DIRECTORY that holds the secret."""
        return f"ddns.{self.credential or self.provider}"


class Mapping(Section):
    """Keeping ports mapped at the router, ``ddns.mapping``."""

    enabled: bool = Field(
        default=False,
        description="Ask the router to map the ports to this host. Off: they are mapped by hand, see docs/ports.md.",
    )
    ports: tuple[Annotated[int, Field(ge=1, le=65535)], ...] = Field(
        default=(443, 80), min_length=1, max_length=16, description="TCP ports; the same inside and outside."
    )
    methods: tuple[Literal["pcp", "nat-pmp", "upnp"], ...] = Field(
        default=("pcp", "nat-pmp", "upnp"),
        min_length=1,
        description="The protocols to try with the router, best first.",
    )
    lease_s: Annotated[int, Field(ge=120, le=604_800)] = Field(
        default=3600, description="How long a mapping is asked for, seconds. It is renewed at half of what is granted."
    )
    check_every_s: Seconds = Field(
        default=300.0,
        description="How often the router is asked whether the mappings are there and what its address is, seconds.",
    )
    delete_at_stop: bool = Field(
        default=False,
        description="Delete the mappings when the service stops. Off: they last until their lease ends, "
        "and a restart cuts nobody.",
    )
    nonce_file: Path = Field(
        default=Path("/var/lib/drawbridge/ddns/pcp-nonce"),
        description="The secret by which the router knows this host again (PCP). Made at the first start.",
    )

    @field_validator("ports", "methods")
    @classmethod
    def _once_each(cls, values: tuple[int | str, ...]) -> tuple[int | str, ...]:
        if len(set(values)) != len(values):
            msg = "each once"
            raise ValueError(msg)
        return values


class Ddns(Section):
    """Keeping public names at this box's address."""

    records: tuple[DdnsRecord, ...] = Field(
        (), max_length=50, description="The names to keep, a table [[ddns.records]] each. None: nothing is published."
    )
    contact: str = Field(
        "",
        max_length=100,
        pattern=r"^[!-~]*$",
        description="An e-mail address of yours that updates carry in User-Agent: No-IP asks for one. Empty: none.",
    )
    ipv4_sources: tuple[SourceName, ...] = Field(
        ("interface", "router", "echo"), min_length=1, description="Who is asked for the IPv4 address."
    )
    interface: str | None = Field(
        None, max_length=15, description="The interface toward the Internet. None: the one of the default route."
    )
    echo_urls: tuple[HttpsUrl, ...] = Field(
        ("https://api.ipify.org", "https://checkip.amazonaws.com", "https://ipv4.icanhazip.com"),
        min_length=2,
        max_length=5,
        description="Servers that answer with the IPv4 address they are asked from, as text; two must agree.",
    )
    check_s: Seconds = Field(300.0, ge=10, description="Seconds between looks at the addresses where nothing happens.")
    resolvers: tuple[NameserverText, ...] = Field(
        (), description="Name servers that find the authoritative ones. Empty: the system's."
    )
    authoritative: tuple[NameserverText, ...] = Field(
        (), description="Name servers that are asked whether an update took. Empty: those of the name's zone."
    )
    mapping: Mapping = Mapping()
    state_dir: Path = Field(
        Path("/var/lib/drawbridge/ddns"),
        description="Folder of what must outlive a restart, and of requests to update.",
    )
    status_path: Path = Field(
        Path("/run/drawbridge/ddns/status.json"), description="The file that tells others how things are."
    )

    @field_validator("records")
    @classmethod
    def _each_name_has_one_keeper(cls, records: tuple[DdnsRecord, ...]) -> tuple[DdnsRecord, ...]:
        seen: set[tuple[str, str]] = set()
        for record in records:
            for family in record.families:
                if (record.name, family) in seen:
                    msg = f"{record.name} is there twice for {family}"
                    raise ValueError(msg)
                seen.add((record.name, family))
        return records
