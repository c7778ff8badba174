"""``ddns check``: everything that an update needs, tried without sending one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bridge.process.settings import SettingsError
from gateway.ddns.addresses.choice import Found
from gateway.ddns.addresses.echo import Echo
from gateway.ddns.addresses.finder import Finder
from gateway.ddns.authority import Authority
from gateway.ddns.decisions import State
from gateway.ddns.families import Family
from gateway.ddns.https import https_client
from gateway.ddns.records import Record, make_records
from gateway.ddns.service import Surroundings
from gateway.ddns.snapshot import read_snapshot
from gateway.ddns.updater import wanted_of
from gateway.settings.ddns import Ddns


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the check: what was looked at, how it is, and what to do where it is not well."""

    well: bool
    text: str
    remedy: str = ""


async def check(settings: Ddns, surroundings: Surroundings) -> list[Finding]:
    """Look at settings, secrets, addresses, authoritative servers and blocks. Changes nothing."""
    clock, tls = surroundings.clock, surroundings.tls
    if not settings.records:
        return [Finding(well=True, text="no names are configured: nothing is published")]
    async with https_client(clock, contact=settings.contact, tls=tls, ipv4_only=True) as client:
        try:
            records = make_records(settings, client)
        except SettingsError as error:
            remedy = "put the secret there, see docs/ddns.md; `sudo drawbridge ddns check` reads the service's own"
            return [Finding(well=False, text=line, remedy=remedy) for line in str(error).splitlines()]
        echo = Echo(client, settings.echo_urls, clock=clock)
        found = await Finder(settings.ipv4_sources, settings.interface, surroundings.router, echo).find()
    findings = [Finding(well=True, text=f"{len(records)} name{'s' * (len(records) > 1)}, each with its secret")]
    findings += _addresses(records, found)
    authority = Authority(resolvers=settings.resolvers, authoritative=settings.authoritative)
    for record in records:
        for family in record.families:
            if (finding := await _name(record, family, found[family], authority)) is not None:
                findings.append(finding)
    return [*findings, *_blocks(settings)]


def _addresses(records: tuple[Record, ...], found: Mapping[Family, Found]) -> Iterator[Finding]:
    for family, place in found.items():
        keeping = [record for record in records if family in record.families]
        if not keeping:
            continue
        if place.value is not None:
            yield Finding(well=True, text=f"{family.label}: {place.value} (from the {place.source})")
        elif all(wanted_of(record, family, found).dispensable for record in keeping):
            yield Finding(well=True, text=f"{family.label}: none here, and the names do without: {place.reason}")
        else:
            remedy = f'get such an address, or leave "{family.value}" out of the records\' families'
            yield Finding(well=False, text=f"{family.label}: none to publish: {place.reason}", remedy=remedy)


async def _name(record: Record, family: Family, place: Found, authority: Authority) -> Finding | None:
    if place.value is None:
        return None
    shown = await authority.ask(record.name, family)
    doubt = shown.doubt(place.value)
    if doubt is None:
        return Finding(well=True, text=f"{record.name} leads to {place.value}")
    remedy = "see whether gateway-ddns runs (python -m gateway ddns status); right after a change, wait a minute"
    return Finding(well=False, text=f"{record.name} does not lead to {place.value}: {doubt}", remedy=remedy)


def _blocks(settings: Ddns) -> Iterator[Finding]:
    for row in (read_snapshot(settings.status_path) or {}).get("names", ()):
        if row["state"] == State.BLOCKED:
            remedy = f"mend the record, or say: python -m gateway ddns update {row['name']}"
            yield Finding(
                well=False, text=f"{row['name']} ({row['family']}) is blocked: {row['reason']}", remedy=remedy
            )
