"""What the requirements want documented has its place in the documentation, and that names what it is about."""

from __future__ import annotations

import re
from typing import Final

import pytest

from bridge.contracts.health import SymptomRecord
from gateway.settings.ddns import DdnsRecord
from tests.unit_files import ROOT

PROVIDERS: Final = sorted(
    {path.stem for path in (ROOT / "gateway/ddns/providers").glob("*.py")} - {"__init__", "provider"}
)
OPEN: Final = {"door": {22, 80, 443, 2222, 3128}, "keep": {22, 2222, 8443, 8444}}
"""What tests/integration/rescue/bans/test_ruleset.py finds open in the firewall's rules."""


def section(page: str, heading: str) -> str:
    """Return the text of a section up to the next heading of its level or a higher one. Raises if there is none."""
    text = (ROOT / page).read_text("utf-8")
    found = re.search(rf"^(#+) {re.escape(heading)}$", text, re.MULTILINE)
    assert found is not None, f"{page} has no section {heading!r}"
    end = re.compile(rf"^#{{1,{len(found[1])}}} ", re.MULTILINE).search(text, found.end())
    return text[found.end() : end.start() if end else None]


@pytest.mark.story("health/US-BE-42.1")
@pytest.mark.parametrize("heading", ["A call", "An outage", "A rotation", "A sign-in"])
def test_flow_has_a_diagram_when_the_architecture_explains_it(heading: str) -> None:
    assert "```mermaid\nsequenceDiagram" in section("docs/architecture.md", heading)


@pytest.mark.parametrize(
    ("page", "heading", "names"),
    [
        pytest.param(
            "docs/performance.md", "Measured", ["p95", "the bridge adds", "100 people"],
            marks=pytest.mark.story("health/US-BE-42.4"),
        ),
        pytest.param(
            "docs/architecture.md", "Growing", ["More gateways", "replicas"],
            marks=pytest.mark.story("health/US-BE-42.5"),
        ),
        pytest.param(
            "docs/network.md", "Port forwarding", ["TCP 443", "TCP 80", "FRITZ!Box", "OpenWrt"],
            marks=pytest.mark.story("health/US-BE-17.2"),
        ),
        pytest.param(
            "docs/network.md", "What the firewall does", ["edge refused", "nftables", "IPv6"],
            marks=pytest.mark.story("health/US-BE-19.4"),
        ),
        pytest.param(
            "docs/rescue.md", "Who may", ["/etc/drawbridge/rescue_keys"],
            marks=pytest.mark.story("health/US-BE-21.4"),
        ),
        pytest.param(
            "docs/protection.md", "What is refused before it counts", ["`web.cors_origins`", "Bearer", "Vary: Origin"],
            marks=pytest.mark.story("health/US-BE-28.5"),
        ),
        pytest.param(
            "docs/testing.md", "What holds for every test", ["test_<subject>_<behaviour>_when_<condition>"],
            marks=pytest.mark.story("health/US-BE-32.5", "health/US-BE-36.5"),
        ),
        pytest.param(
            "docs/testing.md", "Databases", ["`database`", "real server"],
            marks=pytest.mark.story("health/US-BE-36.5"),
        ),
        pytest.param(
            "docs/performance.md", "What limits", ["bottleneck"], marks=pytest.mark.story("health/US-BE-40.3"),
        ),
    ],
)  # fmt: skip
def test_section_is_there_and_names_its_subject_when_it_is_required(page: str, heading: str, names: list[str]) -> None:
    assert [name for name in names if name not in section(page, heading)] == []


@pytest.mark.story("health/US-BE-18.4")
@pytest.mark.parametrize("provider", PROVIDERS)
def test_provider_has_a_page_whose_example_is_accepted_when_names_can_be_kept_there(provider: str) -> None:
    page = ROOT / "docs" / "ddns" / f"{provider}.md"
    assert f"({page.relative_to(ROOT / 'docs')})" in (ROOT / "docs/ddns.md").read_text("utf-8")
    [example] = re.findall(r"^    - \{(.+)\}$", page.read_text("utf-8"), re.MULTILINE)
    record = DdnsRecord.model_validate(dict(re.findall(r'(\w+): "?([^",]+)', example)))
    assert record.provider == provider
    assert f"\n  {record.credential_name}: " in page.read_text("utf-8")


@pytest.mark.story("health/US-BE-19.4", "health/US-BE-49.5")
@pytest.mark.parametrize("host", OPEN)
def test_port_is_in_the_table_of_what_is_exposed_when_the_firewall_opens_it(host: str) -> None:
    rows = re.findall(rf"^\| {host} \| ([^|]+) \|", section("docs/network.md", "What is exposed"), re.MULTILINE)
    assert {int(port) for row in rows for port in re.findall(r"(\d+)/tcp", row)} == OPEN[host]


@pytest.mark.story("health/US-BE-09.5")
def test_field_of_a_record_is_in_both_tables_of_the_mapping_when_the_model_has_it() -> None:
    fields = re.findall(r"^\| `(\w+)` \|", section("docs/mapping.md", "The record"), re.MULTILINE)
    assert sorted(fields) == sorted([*SymptomRecord.model_fields, "person"] * 2)


@pytest.mark.story("health/US-BE-22.3")
def test_variable_is_in_the_containers_guide_when_compose_reads_it() -> None:
    read = set(re.findall(r"\$\{(\w+)", (ROOT / "compose.yaml").read_text("utf-8")))
    told = set(re.findall(r"`([A-Z_]+)`(?=[^|]*\|)", section("docs/compose.md", "Settings")))
    assert {"DATABASE_URL", "DOMAIN", "HTTPS_PORT"} <= read <= told | {"BASE"}
