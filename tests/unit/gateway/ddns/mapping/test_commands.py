from __future__ import annotations

import argparse
import io
import json
from pathlib import Path

import pytest

from bridge.process.clock import SystemClock
from gateway.ddns.mapping.commands import add_ports_parser
from gateway.ddns.mapping.keeper import Keeper
from gateway.ddns.mapping.method import Gateway, Refused
from gateway.ddns.mapping.verbs import read, run_ports
from gateway.settings.ddns import Mapping
from tests.clocks import TurnedClock
from tests.unit.gateway.ddns.mapping.routers import HOME, PlayedMethod

NOW = 1_780_000_000.0
ON = Mapping(enabled=True)
ENTRIES = [
    {"protocol": "tcp", "internal": 443, "external": 443, "method": "pcp", "state": "mapped",
     "external_address": "11.22.33.44", "lease_ends": NOW + 2880, "reason": ""},
    {"protocol": "tcp", "internal": 80, "external": 80, "method": "none", "state": "failed",
     "external_address": None, "lease_ends": None, "reason": "upnp: the port is taken: 192.168.1.7 has it"},
]  # fmt: skip
TABLE = """\
PROTOCOL  INTERNAL  EXTERNAL  STATE   METHOD  EXTERNAL ADDRESS  TIME LEFT  REASON
tcp       443       443       mapped  pcp     11.22.33.44       48 min     -
tcp       80        80        failed  none    -                 -          upnp: the port is taken: 192.168.1.7 has it
"""


def run(*arguments: str, settings: Mapping = ON, keeper: Keeper | None = None) -> tuple[int, str]:
    parser = argparse.ArgumentParser()
    add_ports_parser(parser.add_subparsers())
    out = io.StringIO()
    code = run_ports(parser.parse_args(["ports", *arguments]), settings, TurnedClock(NOW), out, keeper=keeper)
    return code, out.getvalue()


def status(folder: Path, content: object) -> str:
    path = folder / "status.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


def test_ports_prints_a_table_and_fails_when_a_port_is_not_mapped(tmp_path: Path) -> None:
    assert run("--status", status(tmp_path, {"mappings": ENTRIES})) == (1, TABLE)


def test_ports_succeeds_when_all_are_mapped(tmp_path: Path) -> None:
    code, _ = run("--status", status(tmp_path, {"mappings": ENTRIES[:1]}))
    assert code == 0


@pytest.mark.parametrize(("ends", "left"), [(NOW + 42, "42 s"), (NOW, "over"), (None, "no end")])
def test_ports_says_how_long_a_mapping_lasts(tmp_path: Path, ends: float | None, left: str) -> None:
    _, table = run("--status", status(tmp_path, {"mappings": [ENTRIES[0] | {"lease_ends": ends}]}))
    assert table.splitlines()[1] == f"tcp       443       443       mapped  pcp     11.22.33.44       {left:9}  -"


def test_ports_prints_the_entries_as_json_when_asked(tmp_path: Path) -> None:
    code, text = run("--json", "--status", status(tmp_path, {"mappings": ENTRIES, "names": []}))
    assert (code, json.loads(text)) == (1, {"mappings": ENTRIES})


@pytest.mark.parametrize(
    "content", ["", "[]", "nonsense", {"mappings": {}}, {"mappings": ["x"]}, {"mappings": [{"state": "mapped"}]}],
    ids=["empty", "list", "nonsense", "no list", "no entries", "half an entry"],
)  # fmt: skip
def test_ports_says_so_when_the_status_cannot_be_read(tmp_path: Path, content: object) -> None:
    path = status(tmp_path, content)
    assert read(Path(path)) is None
    assert run("--status", path) == (1, f"{path} holds nothing that can be read: does gateway-ddns run?\n")


def test_ports_says_so_when_there_is_no_status(tmp_path: Path) -> None:
    code, text = run("--status", str(tmp_path / "none"))
    assert code == 1
    assert "does gateway-ddns run?" in text


def test_ports_says_off_when_mapping_is_switched_off() -> None:
    code, text = run(settings=Mapping())
    assert code == 0
    assert [line.split()[3] for line in text.splitlines()[1:]] == ["off", "off"]


def test_ports_asks_the_router_when_told_to_check() -> None:
    async def route() -> Gateway:
        return HOME

    method = PlayedMethod("upnp", map_80=Refused("the port is taken"))
    keeper = Keeper(ON, clock=SystemClock(), route=route, methods=lambda _: [method])
    code, text = run("--check", "--json", keeper=keeper)
    assert code == 1
    assert [(entry["state"], entry["reason"]) for entry in json.loads(text)["mappings"]] == [
        ("mapped", ""),
        ("failed", "upnp: the port is taken"),
    ]


@pytest.mark.parametrize("ports", [(443, 443), (), (0,), (65536,)], ids=["twice", "none", "zero", "too high"])
def test_settings_refuse_ports_that_cannot_be_mapped(ports: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="ports"):
        Mapping(ports=ports)
