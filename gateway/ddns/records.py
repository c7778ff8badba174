"""The owner's records, each with the provider that keeps it and its secret."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from pydantic import SecretStr

from bridge.process.settings import SettingsError
from gateway.ddns.credentials import read_credential
from gateway.ddns.decisions import Rules
from gateway.ddns.families import Family
from gateway.ddns.https import HttpsClient
from gateway.ddns.nameservers import Nameserver
from gateway.ddns.providers import cloudflare, desec, duckdns
from gateway.ddns.providers.cloudflare import Cloudflare
from gateway.ddns.providers.desec import Desec
from gateway.ddns.providers.duckdns import DuckDns
from gateway.ddns.providers.dyndns2 import DynDns2
from gateway.ddns.providers.provider import Provider
from gateway.ddns.providers.rfc2136 import Rfc2136
from gateway.settings.ddns import Ddns, DdnsRecord

_SALT: Final = b"drawbridge ddns record"


@dataclass(frozen=True, slots=True)
class Record:
    """A name, its families, and its provider, ready to be asked."""

    name: str
    families: tuple[Family, ...]
    provider_name: str
    provider: Provider
    fingerprint: str
    """Differs when any setting of the record does, its secret included; tells nothing of the secret."""
    account: str
    """Records with the same one share the provider's limits, and its anger."""
    has_chosen_families: bool = True
    """Whether the owner named the families; else they are both, as far as the house has them."""

    @property
    def rules(self) -> Rules:
        return self.provider.rules

    def limits_key(self, family: Family) -> str:
        return self.account if self.rules.per_account else f"{self.name}/{family.value}"


def make_records(settings: Ddns, client: HttpsClient, environ: Mapping[str, str] | None = None) -> tuple[Record, ...]:
    """Return the records of ``settings`` with their secrets. Raises SettingsError with a line for each problem."""
    made: list[Record] = []
    problems: list[str] = []
    for number, record in enumerate(settings.records):
        try:
            made.append(_make(record, client, read_credential(record.credential_name, environ)))
        except (SettingsError, ValueError) as error:
            problems.append(f"ddns.records.{number} ({record.name}): {error}")
    if problems:
        raise SettingsError("\n".join(problems))
    return tuple(made)


def _make(record: DdnsRecord, client: HttpsClient, secret: SecretStr) -> Record:
    try:
        provider = _PROVIDERS[record.provider](record, client, secret.get_secret_value())
    except ValueError as error:
        msg = f"{record.credential_name}: {error}"
        raise SettingsError(msg) from None
    families = tuple(Family(name) for name in record.families)
    account = f"{record.provider}:{record.server}:{record.username}:{record.credential_name}"
    return Record(
        record.name, families, record.provider, provider, _fingerprint(record, secret), account,
        has_chosen_families="families" in record.model_fields_set,
    )  # fmt: skip


def _fingerprint(record: DdnsRecord, secret: SecretStr) -> str:
    # a token has too many bits to be guessed from its hash, but a password may not: it is made slow to try
    said = json.dumps(record.model_dump(mode="json", exclude={"families"}), sort_keys=True).encode()
    kept = hashlib.scrypt(secret.get_secret_value().encode(), salt=_SALT + record.name.encode(), n=2**12, r=8, p=1)
    return hashlib.sha256(said + kept).hexdigest()


def _dyndns2(record: DdnsRecord, client: HttpsClient, secret: str) -> Provider:
    return DynDns2(client, server=record.server, username=record.username, password=secret)


def _duckdns(record: DdnsRecord, client: HttpsClient, secret: str) -> Provider:
    return DuckDns(client, token=secret, server=record.server or duckdns.SERVER)


def _desec(record: DdnsRecord, client: HttpsClient, secret: str) -> Provider:
    return Desec(client, token=secret, server=record.server or desec.SERVER)


def _cloudflare(record: DdnsRecord, client: HttpsClient, secret: str) -> Provider:
    server = record.server or cloudflare.SERVER
    return Cloudflare(client, token=secret, zone=record.zone, ttl_s=record.ttl_s, server=server)


def _rfc2136(record: DdnsRecord, client: HttpsClient, secret: str) -> Provider:
    del client
    server = Nameserver.parse(record.server)
    return Rfc2136(server=server, key_name=record.username, key=secret, zone=record.zone, ttl_s=record.ttl_s)


_PROVIDERS: Final[Mapping[str, Callable[[DdnsRecord, HttpsClient, str], Provider]]] = {
    "dyndns2": _dyndns2,
    "duckdns": _duckdns,
    "desec": _desec,
    "cloudflare": _cloudflare,
    "rfc2136": _rfc2136,
}
