"""The lab that ``make lab`` has up while these tests run."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from uuid import uuid4

import pytest
from playwright.sync_api import Browser
from xdist.scheduler import LoadScopeScheduling

from tests.lab import network
from tests.lab.backups import Written, archived, store
from tests.lab.browser import browsing
from tests.lab.control import Play
from tests.lab.host import Host
from tests.lab.internet import DOMAIN, LOGIN
from tests.lab.intruder import Intruder
from tests.lab.lab import RUNNING, TESTSSL, UNDER_TEST, Lab
from tests.lab.order import MOSTLY_WAITS, ORDER, area, group
from tests.lab.peers.login import EMAIL
from tests.lab.report import FIGURE, Outcome, file_of, noted, write
from tests.lab.report import plays as read_plays
from tests.lab.shell import Background, LabError, wait_until
from tests.lab.visitor import Visitor

PASSWORD: Final = "Passw0rd-for-anna"
PERSON: Final = "1041"
_TEST_S: Final = 180
_IDLE: Final = RUNNING / "idle"
"""There once the tests have begun that mostly wait."""
_UNTIL_IDLE_S: Final = 600

_IS_UNDER_TEST: Final = UNDER_TEST in os.environ

collect_ignore_glob = [] if _IS_UNDER_TEST else ["test_*.py"]


class Groups(LoadScopeScheduling):  # type: ignore[misc]
    """Runs one group of tests beside another, and each in its order."""

    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Groups | None:
    return Groups(config, log) if _IS_UNDER_TEST else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not _IS_UNDER_TEST:
        return
    for item in items:
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(_TEST_S))
    items.sort(key=lambda item: ORDER.index(area(item.nodeid)))


def pytest_runtest_setup(item: pytest.Item) -> None:
    if _IS_UNDER_TEST and area(item.nodeid) == MOSTLY_WAITS:
        _IDLE.touch()


_outcomes: list[Outcome] = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Send what the test measured along with how it went: the report is written by another process."""
    report = yield
    report.user_properties += [(FIGURE, figure) for figure in noted()]
    return report


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    figures = [str(value) for name, value in report.user_properties if name == FIGURE]
    if report.when == "call" or report.outcome != "passed":
        _outcomes.append(Outcome(report.nodeid, report.outcome, report.duration, tuple(figures)))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the report where all of it ran."""
    if (
        _IS_UNDER_TEST
        and not hasattr(session.config, "workerinput")
        and {area(each.test) for each in _outcomes} >= set(ORDER)
    ):
        lab = Lab()
        outcomes = sorted(_outcomes, key=lambda each: ORDER.index(area(each.test)))
        hosts, plays = [lab.door, lab.keep], read_plays(RUNNING / "plays.json")
        write(file_of(lab.suite), hosts, plays, outcomes, took_s=time.time() - lab.began)


@pytest.fixture(scope="session")
def idle(request: pytest.FixtureRequest) -> None:
    """Return when there is time for what takes a processor's: where all is run, that is beside the tests that wait."""
    if any(area(item.nodeid) == MOSTLY_WAITS for item in request.session.items):
        with suppress(LabError):
            wait_until(_IDLE.exists, timeout_s=_UNTIL_IDLE_S, what="the tests that wait")


@pytest.fixture(scope="session")
def lab() -> Lab:
    return Lab()


@pytest.fixture(scope="session")
def door(lab: Lab) -> Host:
    return lab.door


@pytest.fixture(scope="session")
def keep(lab: Lab) -> Host:
    return lab.keep


@pytest.fixture
def intruder(door: Host, keep: Host, tmp_path: Path) -> Intruder:
    """Give somebody with the keys and the certificate that the door has; a test may give them other ones."""
    return Intruder.with_what_the_door_has(door, keep, tmp_path)


@pytest.fixture(scope="session")
def plays() -> Mapping[str, Mapping[str, float]]:
    """Return what each run of the playbook changed on which host, and how long it took."""
    return read_plays(RUNNING / "plays.json")


@pytest.fixture(scope="session")
def wrong_rescue(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Future[Play]]:
    """Bring the keep a rescue sshd that lets nobody in, beside other tests: the playbook tries the way in for long."""
    settings = tmp_path_factory.mktemp("rescue") / "port.json"
    settings.write_text(json.dumps({"rescue_port": 2223}))  # where the other host does not look
    with ThreadPoolExecutor(1) as threads:
        yield threads.submit(lab.control.play, "--tags=rescue", "--limit=rpi3", f"-e@{settings}", expect=False)


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


@pytest.fixture(scope="module")
def browser(lab: Lab, trust: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Give somebody's on the Internet."""
    names = {DOMAIN: network.OUTSIDE, LOGIN: network.INTERNET}
    roots = (trust, lab.internet.acme_ca)
    with browsing(tmp_path_factory.mktemp("browser"), network.INET, roots, names) as browser:
        yield browser


@pytest.fixture(scope="session")
def testssl(trust: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], str]]:
    """Let testssl.sh look at the front door, for some minutes; give a function that returns in the end what it said."""
    folder = tmp_path_factory.mktemp("testssl")
    background = Background(folder)
    looks = ("--protocols", "--std", "--fs", "--server-defaults", "--headers", "--vulnerable")  # or there is no grade
    background.start(
        "testssl", "ip", "netns", "exec", network.INET, "env", f"TESTSSL_INSTALL_DIR={TESTSSL}/etc/testssl",
        "bash", TESTSSL / "usr/bin/testssl", "--quiet", "--color=0", "--warnings=off", "--nodns=min",
        f"--ip={network.OUTSIDE}", f"--add-ca={trust}", *looks, f"{DOMAIN}:443",
    )  # fmt: skip

    def said() -> str:
        wait_until(lambda: background.pid("testssl") is None, timeout_s=170, what="testssl.sh's end")
        return (folder / "testssl.log").read_text()

    yield said
    background.stop("testssl")


@dataclass(frozen=True, slots=True)
class HalfOpen:
    """Handshakes that somebody left half open: how many the door waited for, and how many the firewall refused."""

    door: Host
    waited_for: int
    refused: int

    def left(self) -> int:
        """Return how many the door waits for yet."""
        return len(self.door.sudo("ss -Hnt state syn-recv").splitlines())


@pytest.fixture(scope="session")
def half_open(lab: Lab) -> HalfOpen:
    """Leave thousands half open from addresses that nobody has. To give them up takes the kernel a minute."""
    refused = lab.door.count("capped")
    sources = [f"45.67.89.{last}" for last in range(1, 151)]
    each = 60
    flood = (sys.executable, "-m", "tests.lab.half_open", network.OUTSIDE, "443", str(each), *sources)
    network.inside(network.INET, *flood)
    half_open = HalfOpen(lab.door, 0, lab.door.count("capped") - refused)
    return replace(half_open, waited_for=half_open.left())


@dataclass(frozen=True, slots=True)
class Stalled:
    """Connections that stop half way: what the attackers have said, each by a file of its own."""

    said: tuple[Path, ...]

    def words(self) -> list[list[str]]:
        """Return what each has said: how many it holds, and in the end after how many seconds they were given up."""
        return [file.read_text().split() for file in self.said]


@pytest.fixture(scope="session")
def stalled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stalled]:
    """Hold 600 connections, half of them in the handshake and half in a request's headers."""
    folder = tmp_path_factory.mktemp("stalled")
    background = Background(folder)
    sources = [f"11.22.33.{last}" for last in range(214, 244)]
    ways = ("handshake", "headers")
    with network.addresses(network.INET, sources):
        for where in ways:
            background.start(
                where, "ip", "netns", "exec", network.INET, sys.executable, "-m", "tests.lab.stalled", where,
                network.OUTSIDE, DOMAIN, "10", *sources,
            )  # fmt: skip
        held = Stalled(tuple(folder / f"{where}.log" for where in ways))
        wait_until(lambda: all(held.words()), timeout_s=30, what="those that stop")
        yield held
        for where in ways:
            background.stop(where)


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


@pytest.fixture(scope="session")
def written(keep: Host) -> Iterator[Written]:
    """Write an account after the last backup, and look beside other tests how soon it is in there too."""
    email = f"written-after-the-backup-{uuid4().hex[:8]}@example.org"
    keep.sudo(f"drawbridge users add {email}", text=f"{PASSWORD}\n")
    wal = store(keep, "SELECT pg_walfile_name(pg_current_wal_lsn())")
    with ThreadPoolExecutor(1) as threads:
        yield Written(email, threads.submit(archived, keep, wal))
