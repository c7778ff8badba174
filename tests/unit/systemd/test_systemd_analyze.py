"""What the real systemd says of the units, laid out in a folder as on each host."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.unit_files import HOSTS, UNITS, install, units

EXPOSURE_MAX: Final = 15
"""Tenths of systemd's 0 (safe) to 10."""

ON_HOST: Final = [
    (host, unit.path.name) for host in HOSTS for folder in (host, "both") for unit in units("service", folder)
]


@pytest.fixture(scope="module", autouse=True)
def _has_systemd_analyze() -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is missing: sudo apt-get install systemd")


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )


def verify(root: Path, *names: str) -> str:
    """Return what systemd says of units, without what is only about this machine."""
    return analyze("verify", "--man=no", f"--root={root}", *names).stdout.strip()


def version() -> int:
    match = re.match(r"systemd (\d+)", analyze("--version").stdout)
    assert match is not None
    return int(match[1])


def instance(name: str) -> str:
    return name.replace("@.", "@1.")


def exposure(root: Path, name: str) -> tuple[bool, str]:
    """Return whether a service is within the limit, and its score."""
    result = analyze("security", "--offline=true", "--no-pager", f"--root={root}", f"--threshold={EXPOSURE_MAX}", name)
    return result.returncode == 0, result.stdout.strip().rpartition("\n")[2]


@pytest.mark.parametrize("host", HOSTS)
def test_units_are_taken_without_a_word_when_systemd_reads_them(host: str, tmp_path: Path) -> None:
    ours = install(host, tmp_path)
    names = [instance(path.name) for path in ours.iterdir() if path.is_file()]
    assert len(names) >= 10
    assert verify(tmp_path, *names) == ""


def test_mistake_is_told_when_systemd_reads_a_unit(tmp_path: Path) -> None:
    ours = install("door", tmp_path)
    unit = ours / "gateway@.service"
    unit.write_text(unit.read_text().replace("WatchdogSec=", "WatchdogSeconds="))
    assert "WatchdogSeconds" in verify(tmp_path, "gateway@1.service")


def test_growing_restarts_are_known_when_systemd_is_new_enough(tmp_path: Path) -> None:
    ours = install("keep", tmp_path)
    shutil.copy(UNITS / "since-254" / "growing-restarts.conf", ours / "agent.service.d" / "30-growing-restarts.conf")
    said = verify(tmp_path, "agent.service")
    assert ("RestartSteps" in said) == (version() < 254)


@pytest.mark.parametrize(("host", "name"), ON_HOST)
def test_exposure_is_low_when_a_service_is_installed(host: str, name: str, tmp_path: Path) -> None:
    install(host, tmp_path)
    is_low, score = exposure(tmp_path, name)
    assert is_low, score


def test_exposure_is_too_high_when_the_sandbox_is_missing(tmp_path: Path) -> None:
    ours = install("keep", tmp_path)
    (ours / "agent.service.d" / "10-sandbox.conf").unlink()
    is_low, score = exposure(tmp_path, "agent.service")
    assert not is_low, score
