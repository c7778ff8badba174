"""``docs/lab-report.md``, written by the run itself: what was shown, on which versions, in what time."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.lab.host import Host
from tests.lab.lab import SUITES
from tests.lab.shell import PROJECT

FOLDER: Final = PROJECT / "docs"
_VERSIONS: Final[Mapping[str, str]] = {
    "Debian": ". /etc/os-release && echo $PRETTY_NAME",
    "systemd": "systemctl --version | head -1",
    "Python": "python3 -V",
    "nftables": "/usr/sbin/nft --version",
    "OpenSSH": "ssh -V 2>&1",
    "OpenSSL": "openssl version",
    "nginx": "test -x /usr/sbin/nginx && /usr/sbin/nginx -v 2>&1",
    "certbot": "command -v certbot >/dev/null && certbot --version",
    "PostgreSQL": "ls -d /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 && /usr/lib/postgresql/*/bin/postgres -V",
}
_NOT_SHOWN: Final = Path(__file__).with_name("not_shown.md")


FIGURE: Final = "figure"
"""The name of what a test measured, among its properties."""
_figures: list[str] = []
"""What the test under way measured."""


@dataclass(frozen=True, slots=True)
class Outcome:
    test: str
    outcome: str
    time_s: float
    figures: tuple[str, ...] = ()


def file_of(suite: str) -> Path:
    """Return where the report on a Debian is: the usual one's has no suffix."""
    return FOLDER / ("lab-report.md" if suite == SUITES[0] else f"lab-report-{suite}.md")


def note(figure: str) -> None:
    """Keep what a test measured for the page, and print it."""
    _figures.append(figure)
    print(figure)  # noqa: T201 - for who watches


def noted() -> list[str]:
    """Return what the test that has ended measured, and forget it."""
    figures = _figures.copy()
    _figures.clear()
    return figures


def write(
    file: Path,
    hosts: Sequence[Host],
    plays: Mapping[str, Mapping[str, float]],
    outcomes: Sequence[Outcome],
    *,
    took_s: float,
) -> None:
    """Write the page anew; ``took_s`` is from the first boot to the last test."""
    lines = [
        "# What the lab showed", "",
        "Written by `make lab`: two hosts booted under systemd, provisioned by the playbook over SSH, and tested.", "",
        "## Playbook", "", "| run | changed at the door | changed at the keep | seconds |", "|---|---|---|---|",
    ]  # fmt: skip
    names = {"check": "dry, on bare hosts", "first": "first", "second": "second"}
    door, keep = (host.name for host in hosts)
    lines += [
        f"| {names[name]} | {play[door]:.0f} | {play[keep]:.0f} | {play['time_s']:.0f} |"
        for name, play in plays.items()
    ]
    passed = sum(each.outcome == "passed" for each in outcomes)
    lines += [
        "",
        f"From the first boot to the last test: {took_s / 60:.1f} min; {passed} of {len(outcomes)} tests passed.",
    ]
    lines += ["", "## Versions", "", f"| | {door} | {keep} |", "|---|---|---|"]
    for what, command in _VERSIONS.items():
        said = [host.ssh(command, check=False).strip().splitlines() for host in hosts]
        lines.append(f"| {what} | {' | '.join(text[0] if text else '–' for text in said)} |")
    lines += ["", "## Tests", "", "| | | seconds |", "|---|---|---|"]
    lines += [f"| {_title(each.test)} | {each.outcome} | {each.time_s:.1f} |" for each in outcomes]
    if figures := [figure for each in outcomes for figure in each.figures]:
        lines += ["", "## Measured", "", *(f"- {figure}" for figure in figures)]
    file.write_text("\n".join([*lines, "", _NOT_SHOWN.read_text("utf-8")]), "utf-8")


def _title(test: str) -> str:
    file, _, name = test.partition("::")
    area = Path(file).stem.removeprefix("test_")
    words, _, case = name.removeprefix("test_").partition("[")
    text = re.sub(r"_", " ", words) + (f" [{case}" if case else "")
    return f"{area}: {text}".replace("|", "\\|")


def plays(path: Path) -> Mapping[str, Mapping[str, float]]:
    """Return what each run of the playbook changed, and how long it took."""
    read: Mapping[str, Mapping[str, float]] = json.loads(path.read_text())
    return read
