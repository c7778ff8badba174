from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Final

import pytest

from gateway.connectivity import checks
from gateway.connectivity.diagnosis import ADVICE, beyond_dns, diagnose, flapping
from gateway.connectivity.findings import Rung, down, unknown, up

ROOT: Final = Path(__file__).parents[4]
CODES: Final = {
    "cable_out", "no_address", "router_gone", "dns_dead", "dns_lying", "captive_portal", "upstream_black_hole",
    "name_elsewhere", "port_closed", "keep_away", "agent_down", "database_down", "gateways_down", "line_flapping",
}  # fmt: skip
DNS_DEAD: Final = down("dns_dead", "The resolver 10.0.0.1 did not answer", {"10.0.0.1": "silent"})
DNS_LYING: Final = down("dns_lying", "The resolver 10.0.0.1 does not tell the truth")
BLACK_HOLE: Final = down("upstream_black_hole", "Nothing beyond the router answers", {"a": "silent"})
PORTAL: Final = down("captive_portal", "A portal answers", {"portal": "302 http://p/"})


@pytest.mark.story("health/US-BE-20.5")
def test_diagnosis_is_one_sentence_with_what_and_since_and_what_to_do() -> None:
    finding = down("cable_out", "The network cable of eth0 is out", {"interface": "eth0"})
    found = diagnose(Rung.LINK, finding, since=1_780_000_000.0)
    assert found.summary == (
        "The network cable of eth0 is out, since 2026-05-28 20:26 UTC: put the network cable in at both ends, and see "
        "whether the router or switch has power."
    )
    assert (found.code, found.rung, found.severity, found.evidence) == (
        "cable_out", Rung.LINK, "critical", {"interface": "eth0"},
    )  # fmt: skip


def test_diagnosis_of_flapping_says_how_often_when_it_comes_and_goes() -> None:
    found = flapping("line_flapping", 4, "The cable is out", since=1_780_000_000.0)
    assert found.summary.startswith("The line comes and goes: down 4 times within the hour, since 2026-05-28 20:26 UTC")
    assert found.evidence == {"last": "The cable is out", "times": "4"}


@pytest.mark.parametrize(
    ("dns", "https", "first", "second"),
    [
        pytest.param(DNS_DEAD, BLACK_HOLE, "", "upstream_black_hole", id="nothing beyond answers"),
        pytest.param(DNS_DEAD, PORTAL, "", "captive_portal", id="a portal"),
        pytest.param(DNS_LYING, PORTAL, "", "captive_portal", id="a portal that captures names too"),
        pytest.param(DNS_LYING, BLACK_HOLE, "dns_lying", None, id="lies lead into the void"),
        pytest.param(DNS_DEAD, up("deb.debian.org answers"), "dns_dead", None, id="the targets answer"),
        pytest.param(DNS_DEAD, unknown("No address is known"), "dns_dead", None, id="nothing to compare"),
    ],
)
def test_dns_is_told_from_what_breaks_it_when_the_targets_are_tried(
    dns: object, https: object, first: str, second: str | None
) -> None:
    one, other = beyond_dns(dns, https)  # type: ignore[arg-type] # parametrized
    assert one.code == first
    assert (other.code if other else None) == second
    assert (one.state == "unknown") == (other is not None)


def test_every_code_of_a_check_has_advice_and_a_row_in_the_docs() -> None:
    found = set()
    for file in Path(checks.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "down":
                found |= {each.value for each in ast.walk(node.args[0]) if isinstance(each, ast.Constant)}
    assert found - {""} <= set(ADVICE)
    assert set(ADVICE) >= CODES
    documented = set(
        re.findall(r"^\| `(\w+)` \|", (ROOT / "docs" / "connectivity.md").read_text("utf-8"), re.MULTILINE)
    )
    assert documented >= set(ADVICE)
