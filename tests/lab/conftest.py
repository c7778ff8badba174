"""The lab that ``make lab`` has up while these tests run; what breaks the hosts comes last."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from tests.lab import network
from tests.lab.host import Host
from tests.lab.lab import RUNNING, Lab
from tests.lab.report import Outcome, file_of, write
from tests.lab.report import plays as read_plays
from tests.lab.visitor import Visitor

ORDER: Final = (
    "provisioning", "arm64", "web", "hardening", "network", "relay", "protection", "trust", "takeover", "rescue",
    "reach", "line", "services", "upgrade", "backup", "outage",
)  # fmt: skip
EMAIL: Final = "anna@example.org"
PASSWORD: Final = "Passw0rd-for-anna"
PERSON: Final = "1041"
_TEST_S: Final = 180

collect_ignore_glob = [] if Lab.is_under_test else ["test_*.py"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not Lab.is_under_test:
        return
    for item in items:
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(_TEST_S))
    items.sort(key=lambda item: ORDER.index(item.path.stem.removeprefix("test_")))


_outcomes: list[Outcome] = []


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" or report.outcome != "passed":
        _outcomes.append(Outcome(report.nodeid, report.outcome, report.duration))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the report where all of it ran."""
    if Lab.is_under_test and {
        Path(each.test.partition("::")[0]).stem.removeprefix("test_") for each in _outcomes
    } >= set(ORDER):
        lab = Lab()
        write(file_of(lab.suite), [lab.door, lab.keep], read_plays(RUNNING / "plays.json"), _outcomes)


@pytest.fixture(scope="session")
def lab() -> Lab:
    return Lab()


@pytest.fixture(scope="session")
def door(lab: Lab) -> Host:
    return lab.door


@pytest.fixture(scope="session")
def keep(lab: Lab) -> Host:
    return lab.keep


@pytest.fixture(scope="session")
def plays() -> Mapping[str, Mapping[str, float]]:
    """Return what each run of the playbook changed on which host, and how long it took."""
    return read_plays(RUNNING / "plays.json")


@pytest.fixture(scope="session")
def trust(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return what a browser on the Internet trusts: the ACME server's root, and nothing else."""
    file = tmp_path_factory.mktemp("trust") / "roots.pem"
    file.write_text(lab.internet.root())
    return file


@pytest.fixture(scope="session")
def outside(trust: Path) -> Visitor:
    """Somebody on the Internet."""
    return Visitor(network.INET, trust)


@pytest.fixture(scope="session")
def account(keep: Host) -> str:
    """Anna's, who sees her records; made by the owner's command."""
    if EMAIL not in keep.sudo("drawbridge users list"):
        keep.sudo(f"drawbridge users add {EMAIL} --name Anna", text=f"{PASSWORD}\n")
        keep.sudo(f"drawbridge grants add {EMAIL} --person {PERSON}")
    return EMAIL


@pytest.fixture(scope="session")
def token(outside: Visitor, account: str) -> str:
    return outside.sign_in(account, PASSWORD)
