"""``python -m gateway ddns …``, as its owner types it."""

from __future__ import annotations

import asyncio
import io
import json
from pathlib import Path
from typing import Any

import pytest
import trustme

from gateway.__main__ import main
from gateway.ddns import verbs
from gateway.ddns.requests import make_folder, take_requests
from gateway.ddns.service import Surroundings
from tests.bind import KEY_NAME, SECRET, Bind
from tests.clocks import TurnedClock
from tests.ddns_servers import ProviderServer, Said, trusting

CLOCK = TurnedClock()


@pytest.fixture
def config(
    tmp_path: Path, ca: trustme.CA, server: ProviderServer, named: Bind, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Return the settings of a box that keeps one name in BIND, and learns its address from a server."""
    (tmp_path / "ddns.rfc2136").write_text(SECRET)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    monkeypatch.setattr(verbs, "_surroundings", lambda: Surroundings(clock=CLOCK, tls=trusting(ca)))
    make_folder(tmp_path / "state")
    file = tmp_path / "gateway.toml"
    file.write_text(
        f'[ddns]\nipv4_sources = ["echo"]\necho_urls = ["{server.url}/a", "{server.url}/b"]\n'
        f'authoritative = ["{named.address}"]\nstate_dir = "{tmp_path}/state"\nstatus_path = "{tmp_path}/status.json"\n'
        f'[[ddns.records]]\nname = "fixed.example.org"\nprovider = "rfc2136"\nfamilies = ["ipv4"]\n'
        f'username = "{KEY_NAME}"\nserver = "{named.address}"\n'
    )
    return file


def write_status(config: Path, state: str) -> dict[str, Any]:
    row = {
        "name": "fixed.example.org", "family": "ipv4", "provider": "rfc2136", "wanted": None, "published": None,
        "state": state, "reason": "the provider said no", "changed": None, "verified": None, "next_try": None,
    }  # fmt: skip
    snapshot = {"at": CLOCK.time(), "started": CLOCK.time(), "addresses": {}, "names": [row], "mappings": []}
    config.with_name("status.json").write_text(json.dumps(snapshot))
    return snapshot


def rewrite(config: Path, text: str) -> None:
    config.write_text(text)


def change(config: Path, before: str, after: str) -> None:
    config.write_text(config.read_text().replace(before, after))


async def typed(config: Path, *words: str) -> int:
    verb, *rest = words
    return await asyncio.to_thread(main, ["ddns", verb, "--config", str(config), *rest])


async def test_check_is_content_when_the_name_leads_here(
    config: Path, server: ProviderServer, named: Bind, capsys: pytest.CaptureFixture[str]
) -> None:
    server.will(Said("192.88.98.7"))

    assert await typed(config, "check") == 0
    assert capsys.readouterr().out.splitlines() == [
        "well  1 name, each with its secret",
        "well  IPv4: 192.88.98.7 (from the echo)",
        "well  fixed.example.org leads to 192.88.98.7",
    ]
    assert [path.name for path in config.with_name("state").rglob("*")] == ["requests"]


async def test_check_is_content_when_the_house_has_no_ipv6_and_nobody_named_the_families(
    config: Path, server: ProviderServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.will(Said("192.88.98.7"))
    change(config, 'families = ["ipv4"]\n', "")
    change(config, "[ddns]\n", '[ddns]\ninterface = "lo"\n')

    assert await typed(config, "check") == 0
    assert "well  IPv6: none here, and the names do without: lo has " in capsys.readouterr().out


async def test_check_says_what_to_do_when_the_name_leads_elsewhere(
    config: Path, server: ProviderServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.will(Said("192.88.98.1"))
    write_status(config, "blocked")

    assert await typed(config, "check") == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].startswith("NOT   fixed.example.org does not lead to 192.88.98.1: the authoritative server")
    assert lines[3].startswith("      → see whether gateway-ddns runs")
    assert lines[4] == "NOT   fixed.example.org (ipv4) is blocked: the provider said no"
    assert lines[5] == "      → mend the record, or say: python -m gateway ddns update fixed.example.org"


async def test_check_says_what_to_do_when_there_is_no_address(
    config: Path, server: ProviderServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.will(Said("100.64.0.9"))

    assert await typed(config, "check") == 1
    out = capsys.readouterr().out
    assert "NOT   IPv4: none to publish: servers on the Internet say 100.64.0.9" in out
    assert 'leave "ipv4" out' in out


async def test_check_says_what_to_do_when_a_secret_is_missing(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.with_name("ddns.rfc2136").unlink()

    assert await typed(config, "check") == 1
    out = capsys.readouterr().out
    assert "NOT   ddns.records.0 (fixed.example.org): ddns.rfc2136: the credential cannot be read" in out
    assert "→ put the secret there" in out


async def test_check_is_content_when_no_names_are_configured(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rewrite(config, "")

    assert await typed(config, "check") == 0
    assert "nothing is published" in capsys.readouterr().out


async def test_status_prints_the_snapshot_when_the_service_wrote_one(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    snapshot = write_status(config, "blocked")

    assert await typed(config, "status") == 0
    assert "fixed.example.org  ipv4    blocked" in capsys.readouterr().out
    assert await typed(config, "status", "--json") == 0
    assert json.loads(capsys.readouterr().out) == snapshot


@pytest.mark.parametrize("content", [None, "{", "[]"], ids=["missing", "cut", "list"])
async def test_status_says_so_when_there_is_none(
    config: Path, content: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    if content is not None:
        config.with_name("status.json").write_text(content)

    assert await typed(config, "status") == 1
    assert "gateway-ddns does not run" in capsys.readouterr().err


def requested(config: Path) -> list[str]:
    return list(take_requests(config.with_name("state")))


@pytest.mark.parametrize("words", [[], ["fixed.example.org"], ["Fixed.Example.org."]], ids=["all", "name", "capitals"])
async def test_update_is_asked_of_the_service(config: Path, words: list[str]) -> None:
    assert await typed(config, "update", *words) == 0
    assert requested(config) == ["fixed.example.org"]


async def test_update_is_refused_when_the_name_is_not_kept_here(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await typed(config, "update", "box.example.org") == 1
    assert capsys.readouterr().err.endswith("there are: fixed.example.org\n")
    assert requested(config) == []


async def test_blocked_name_is_left_out_when_all_are_updated(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_status(config, "blocked")

    assert await typed(config, "update") == 0
    assert "fixed.example.org is left out, for it is blocked: the provider said no" in capsys.readouterr().out
    assert requested(config) == []


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("words", "stdin", "done"),
    [
        ([], io.StringIO("y\n"), False),
        ([], Terminal("\n"), False),
        ([], Terminal("n\n"), False),
        ([], Terminal("y\n"), True),
        (["--yes"], io.StringIO(""), True),
    ],
    ids=["no-terminal", "enter", "no", "yes", "option"],
)
async def test_blocked_name_is_tried_again_when_its_owner_confirms(
    config: Path, words: list[str], stdin: io.StringIO, done: bool, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    write_status(config, "blocked")
    monkeypatch.setattr("sys.stdin", stdin)

    assert await typed(config, "update", "fixed.example.org", *words) == (0 if done else 1)
    assert requested(config) == (["fixed.example.org"] if done else [])
    assert ("block names, accounts or addresses for good" in capsys.readouterr().out) is not bool(words)


async def test_service_does_not_start_when_the_settings_are_wrong(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rewrite(config, "[ddns]\nrecordz = 1")

    assert await typed(config, "serve") == 78
    assert "ddns.recordz: there is no such setting; did you mean ddns.records or" in capsys.readouterr().err


async def test_ports_reads_what_the_settings_name_when_no_file_is_given(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change(config, "[[ddns.records]]", "[ddns.mapping]\nenabled = true\n[[ddns.records]]")
    write_status(config, "current")

    assert await typed(config, "ports") == 0
    assert capsys.readouterr().out.startswith("PROTOCOL")


async def test_update_says_what_to_do_when_the_service_has_not_run_yet(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (config.with_name("state") / "requests").rmdir()

    assert await typed(config, "update", "fixed.example.org") == 1
    err = capsys.readouterr().err
    assert err == f"{config.with_name('state')}/requests: gateway-ddns has not run yet: start it\n"
