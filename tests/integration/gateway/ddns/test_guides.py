"""What a provider's page says to fill in, filled in, and an update sent to a server that speaks its protocol."""

from __future__ import annotations

import re
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.ddns.answers import Kind
from gateway.ddns.families import Family
from gateway.ddns.https import HttpsClient
from gateway.ddns.records import make_records
from gateway.settings.ddns import Ddns
from tests.bind import NAME, SECRET, Bind
from tests.ddns_servers import DESEC, DUCKDNS, DYNDNS2, FakeCloudflare, ProviderServer, Said

PAGES = Path(__file__).parents[4] / "docs" / "ddns"
ZONE_ID = "023e105f4ecef8ad9ca31a8372d0c353"
ADDRESS = IPv4Address("192.88.98.1")


def filled_in(provider: str, folder: Path, *, secret: str, server: str) -> Ddns:
    """Return the page's settings with its secrets on disk; the server alone is another than the provider's own."""
    [example] = re.findall(r"```yaml\n(.+?)```", (PAGES / f"{provider}.md").read_text("utf-8"), re.DOTALL)
    inventory: dict[str, Any] = yaml.safe_load(example)
    [credential] = inventory["drawbridge_secrets"]
    (folder / credential).write_text(f"{secret}\n")
    settings = inventory["drawbridge_ddns"]
    settings["records"] = [record | {"server": server} for record in settings["records"]]
    return Ddns.model_validate(settings)


async def updated(settings: Ddns, folder: Path, client: HttpsClient) -> Kind:
    [record] = make_records(settings, client, {"CREDENTIALS_DIRECTORY": str(folder)})
    return (await record.provider.update(record.name, {Family.IPV4: ADDRESS})).kind


@pytest.mark.parametrize(
    ("provider", "said"),
    [
        ("dyndns2", DYNDNS2["good"].said),
        ("duckdns", DUCKDNS["updated"].said),
        ("desec", DESEC["good"].said),
        ("cloudflare", FakeCloudflare("the-secret", {"example.org": ZONE_ID})),
    ],
    ids=["dyndns2", "duckdns", "desec", "cloudflare"],
)
async def test_update_is_taken_when_a_page_was_followed(
    tmp_path: Path, client: HttpsClient, server: ProviderServer, provider: str, said: Said | FakeCloudflare
) -> None:
    server.will(said)
    settings = filled_in(provider, tmp_path, secret="the-secret", server=server.url)

    assert await updated(settings, tmp_path, client) is Kind.UPDATED
    asked = server.asked[0]
    told = f"{asked.query} {asked.headers}"
    assert "the-secret" in told or "Basic cnY3c2M5YTp0aGUtc2VjcmV0" in told  # rv7sc9a:the-secret


async def test_update_is_taken_by_a_name_server_when_its_page_was_followed(
    tmp_path: Path, client: HttpsClient, named: Bind
) -> None:
    settings = filled_in("rfc2136", tmp_path, secret=SECRET, server=named.address)

    assert await updated(settings, tmp_path, client) is Kind.UPDATED
    assert named.look_up(NAME) == {str(ADDRESS)}
