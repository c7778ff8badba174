"""The view in a terminal."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import UTC
from pathlib import Path

import pytest

from bridge.process.clock import SystemClock
from gateway import __main__ as command
from gateway.status.snapshots import read
from gateway.status.text import WIDTH, render
from gateway.status.words import duration, share
from tests import status_snapshots
from tests.status_snapshots import write

NOW = 1_780_000_000.0
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def options(folder: Path, monitor: object, ddns: object = None) -> list[str]:
    files = write(folder, monitor, ddns)
    return ["status", "--monitor-file", str(files.monitor), "--ddns-file", str(files.ddns)]


@pytest.mark.parametrize("which", ["monitor", "in_an_outage"], ids=["good", "bad"])
def test_text_fits_the_screen_and_tells_of_every_part(tmp_path: Path, which: str) -> None:
    files = write(tmp_path, getattr(status_snapshots, which)(NOW), status_snapshots.refused_ddns(NOW))

    text = render(read(files, NOW), zone=UTC, has_colour=False)

    assert max(map(len, text.splitlines())) <= WIDTH
    for title in (
        "THE LINE",
        "ALERTS",
        "THE LAST 30 DAYS",
        "THE HOSTS",
        "GATEWAYS",
        "NAMES",
        "PORT",
        "CERT",
        "BACKUP",
        "BANS",
    ):
        assert f"] {title}" in re.sub(" +", " ", text)


def test_text_says_the_same_without_its_colours(tmp_path: Path) -> None:
    model = read(write(tmp_path, status_snapshots.in_an_outage(NOW), status_snapshots.refused_ddns(NOW)), NOW)

    coloured = render(model, zone=UTC, has_colour=True)

    assert ESCAPE.search(coloured)
    assert ESCAPE.sub("", coloured) == render(model, zone=UTC, has_colour=False)


def test_text_says_what_broke_first_when_the_line_is_down(tmp_path: Path) -> None:
    text = render(read(write(tmp_path, status_snapshots.in_an_outage(NOW)), NOW), zone=UTC, has_colour=False)

    assert text.startswith("[BAD] The line is down: The router at 192.168.1.1 does not answer, and ")
    assert "  [BAD]  Router          28 May, 20:22" in text
    assert "neighbour entry: FAILED" in text


def test_text_says_why_when_nothing_is_known(tmp_path: Path) -> None:
    text = render(read(write(tmp_path, b"{"), NOW), zone=UTC, has_colour=False)

    assert "What the monitor wrote cannot be read: it is not JSON." in text
    assert "The DDNS updater does not run, or has written nothing yet." in text
    assert "THE LINE" not in text


@pytest.mark.parametrize(
    ("which", "code"), [("monitor", 0), ("in_an_outage", 1), ("", 2)], ids=["well", "trouble", "cannot be told"]
)
def test_command_ends_with_how_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str], which: str, code: int) -> None:
    now = SystemClock.time()
    monitor = getattr(status_snapshots, which)(now) if which else None

    assert command.main(options(tmp_path, monitor, status_snapshots.ddns(now))) == code
    assert capsys.readouterr().out.startswith(("[good] All is well", "[BAD]", "[?]")[code])


def test_command_gives_everything_when_asked_for_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    now = SystemClock.time()
    arguments = options(tmp_path, status_snapshots.in_an_outage(now), status_snapshots.ddns(now))

    assert command.main([*arguments, "--json"]) == 1

    told = json.loads(capsys.readouterr().out)
    assert told["headline"]["state"] == "bad"
    assert told["findings"][0]["section"] == "line"
    assert told["sections"]["names"] == "good"
    assert told["monitor"]["line"]["diagnosis"]["evidence"]["neighbour entry"] == "FAILED"
    assert told["monitor"]["gateways"][1]["breakers"]["data"] == "open"
    assert told["ddns"]["names"][0]["published"] == "203.0.113.7"
    monitor = told["monitor"]
    for host in ("door", "keep"):
        assert {each["active"] for each in monitor[host]["units"]} >= {"active"}
    assert [each["name"] for each in monitor["line"]["rungs"]][:3] == ["link", "address", "router"]
    assert monitor["availability"]["days"] == 30
    assert monitor["outages"][0]["began"] > now - 30 * 86_400
    for name in ("gateways", "certificates", "alerts"):
        assert monitor[name], name
    assert monitor["gateways"][0]["cache"]["hits"] > 0
    assert {"last", "last_ok", "drill", "drill_ok"} <= monitor["backup"].keys()
    assert monitor["bans"]["count"] == 3
    assert {each["external"] for each in told["ddns"]["mappings"]} == {80, 443}


def test_command_imports_nothing_heavy_when_it_is_a_look(tmp_path: Path) -> None:
    code = (
        "import sys; from gateway.__main__ import main; main(sys.argv[1:]);"
        "heavy = {'aiohttp', 'pydantic', 'asyncio', 'cryptography', 'jinja2', 'uvloop'} & set(sys.modules);"
        "sys.exit(repr(heavy) if heavy else 0)"
    )
    found = subprocess.run(
        [sys.executable, "-c", code, *options(tmp_path, None)], capture_output=True, text=True, check=False, timeout=9
    )

    assert (found.returncode, found.stderr) == (0, "")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (3600, "1 h"),
        (7_500, "2 h 5 min"),
        (86_400 * 12 + 3 * 3600, "12 d 3 h"),
    ],
)
def test_duration_is_said_in_two_units_at_most(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_share_is_never_more_than_it_is() -> None:
    assert (share(0.99999), share(1.0), share(0.995)) == ("99.99 %", "100.00 %", "99.50 %")
