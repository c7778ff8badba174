"""The dashboard, the alert rules and the list of metrics name what /metrics gives, and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import promql_parser
import pytest

from bridge.client.metrics import cache_requests
from bridge.process.http_unix import ask
from gateway.alerts.watches.figures import TARGET, TEXT_MAX_BYTES
from tests.integration.gateway.keep_and_door import Hosts

DOCS: Final = Path(__file__).parents[3] / "docs"
_RULE: Final = re.compile(
    r"^ +- alert: (?P<name>\w+)\n +expr: (?:>-\n(?P<lines>(?: {10}\S.*\n)+)|(?P<line>.*)\n)", re.MULTILINE
)
_AGGREGATION: Final = re.compile(r"\b(?:by|without) \(([^)]*)\)")
_MATCHERS: Final = re.compile(r"(\w+)\{([^}]*)\}")
_NAME: Final = re.compile(r"(?<![\w.$])[a-z_]\w+(?!\w*\s*\()")
_OF_PROMETHEUS: Final = {"up", "and"}
_LABELS_OF_PROMETHEUS: Final = {"instance", "job", "le"}


def alerts() -> dict[str, str]:
    text = (DOCS / "prometheus" / "alerts.yml").read_text("utf-8")
    found = {rule["name"]: rule["line"] or " ".join(rule["lines"].split()) for rule in _RULE.finditer(text)}
    assert len(found) == text.count("- alert:") == text.count("expr:")
    return found


def shown() -> list[str]:
    """Return the dashboard's expressions."""
    dashboard: dict[str, Any] = json.loads((DOCS / "grafana" / "drawbridge.json").read_text("utf-8"))
    return [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]


def expressions() -> list[str]:
    return [*alerts().values(), *shown()]


def metrics_in(expression: str) -> set[str]:
    """Return the metrics that an expression names."""
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]", "", _AGGREGATION.sub("", expression))
    return set(_NAME.findall(bare)) - _OF_PROMETHEUS


def labels_in(expression: str) -> set[str]:
    """Return the labels that an expression groups by or matches."""
    listed = ",".join(_AGGREGATION.findall(expression))
    matched = re.findall(r"(\w+)(?:=~|!~|!=|=)\"", expression)
    return {*re.findall(r"\w+", listed), *matched} - _LABELS_OF_PROMETHEUS


def documented() -> dict[str, tuple[str, set[str]]]:
    """Return kind and labels of each metric in the page's table."""
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (.*?) ?\| ", (DOCS / "metrics.md").read_text("utf-8"), re.MULTILINE)
    return {name: (kind, set(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}


@pytest.fixture
async def given(hosts: Hosts) -> AsyncIterator[str]:
    """Give the text of /metrics."""
    async with hosts.machine.running(report=hosts.report) as running, hosts.gateway(running.port):
        await ask(hosts.socket, "/health/ready")
        answer = await ask(hosts.socket, "/metrics", answer_max_bytes=64 << 20)  # of all gateways of this run of tests
        yield answer.body.decode()


def kinds_in(text: str) -> dict[str, str]:
    found: list[tuple[str, str]] = re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE)
    return {name: kind for name, kind in found if not name.endswith("_created")}


def labels_of(name: str, text: str) -> set[str] | None:
    """Return the labels of a metric's series; None where it has none yet."""
    series = re.search(rf"^{name}(?:_count)?(?:\{{(.*)\}})? ", text, re.MULTILINE)
    return series and set(re.findall(r"(\w+)=\"", series[1] or ""))


def test_every_expression_is_one_that_prometheus_understands() -> None:
    for expression in expressions():
        promql_parser.parse(expression.replace("$__rate_interval", "5m"))  # which Grafana fills in


@pytest.mark.story("health/US-BE-45.4", "hub/AC-065")
async def test_every_metric_of_dashboard_and_alerts_is_given_when_metrics_are_read(given: str) -> None:
    kinds = kinds_in(given)
    known = {*kinds, *(f"{name}_{part}" for name in kinds for part in ("bucket", "count", "sum"))}
    named = {each: metrics_in(each) for each in expressions()}
    assert {each: missing for each, names in named.items() if (missing := names - known)} == {}
    assert all(names or "up{" in each for each, names in named.items())


async def test_monitor_is_given_all_that_it_counts_and_no_more_when_it_asks(hosts: Hosts) -> None:
    async with hosts.machine.running(report=hosts.report) as running, hosts.gateway(running.port):
        await ask(hosts.socket, "/health/ready")
        cache_requests("miss")
        text = (await ask(hosts.socket, TARGET, answer_max_bytes=TEXT_MAX_BYTES)).body.decode()

    given = {re.split(r"[{ ]", line, maxsplit=1)[0] for line in text.splitlines() if not line.startswith("#")}
    assert given == {name for _, name in parse_qsl(urlsplit(TARGET).query)}


async def test_page_lists_every_metric_with_its_kind_and_labels_when_metrics_are_read(given: str) -> None:
    ours = re.compile(r"(gateway|bridge|drawbridge|agent(?!_process_|_python_))_\w+")
    kinds = {name: kind for name, kind in kinds_in(given).items() if ours.fullmatch(name)}
    page = documented()
    assert {name: kind for name, (kind, _) in page.items()} == kinds
    labels = {name: labels_of(name, given) for name in page}
    assert {name: found for name, found in labels.items() if found is not None and found != page[name][1]} == {}
    assert labels["gateway_request_duration_seconds"] is not None


def test_every_label_of_dashboard_and_alerts_is_one_that_the_metric_has() -> None:
    page = documented()
    for expression in expressions():
        names = {re.sub(r"_(bucket|count|sum)$", "", name) for name in metrics_in(expression)} & page.keys()
        for label in labels_in(expression):
            assert any(label in page[name][1] for name in names), (expression, label)
        for name, matchers in _MATCHERS.findall(expression):
            matched = set(re.findall(r"(\w+)(?:=~|!~|!=|=)\"", matchers)) - _LABELS_OF_PROMETHEUS
            assert matched <= page.get(re.sub(r"_(bucket|count|sum)$", "", name), ("", set()))[1], expression


def test_everything_that_is_measured_of_ours_is_on_the_dashboard() -> None:
    names = {re.sub(r"_(bucket|count|sum)$", "", name) for each in shown() for name in metrics_in(each)}
    assert documented().keys() - names == set()


@pytest.mark.parametrize(
    ("expression", "metrics", "labels"),
    [
        ('sum by (le, route) (rate(a_bucket{status=~"5..",job="x"}[5m])) / b_total > 0.5', {"a_bucket", "b_total"},
         {"route", "status"}),
        ("histogram_quantile(0.9, max without (instance, job) (rate(c_bucket[$__interval])))", {"c_bucket"}, set()),
        ("min by (name) (d_seconds) - time() < 10 * 86400", {"d_seconds"}, {"name"}),
    ],
)  # fmt: skip
def test_names_are_found_when_an_expression_is_read(expression: str, metrics: set[str], labels: set[str]) -> None:
    assert (metrics_in(expression), labels_in(expression)) == (metrics, labels)
