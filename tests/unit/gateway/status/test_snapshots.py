"""Reading the two files, whatever state they are in."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.settings import Status
from gateway.status.fields import TEXT_MAX
from gateway.status.judging import findings, headline, states
from gateway.status.snapshots import BYTES_MAX, STALE_S, Files, read
from gateway.status.text import document, render
from tests import status_snapshots
from tests.status_snapshots import write

NOW = 1_780_000_000.0
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
KEYS = [*status_snapshots.monitor(NOW), *status_snapshots.ddns(NOW)]


def test_files_are_where_the_settings_say_when_nothing_is_set() -> None:
    assert Files() == Files(Status().monitor_file, Status().ddns_file)


def test_model_holds_what_the_files_say_when_both_are_new(tmp_path: Path) -> None:
    monitor = status_snapshots.in_an_outage(NOW)
    model = read(write(tmp_path, monitor, status_snapshots.refused_ddns(NOW)), NOW)

    assert (model.monitor.source.state, model.monitor.source.at) == ("here", NOW - 4)
    assert (model.monitor.line.state, model.monitor.line.rung) == ("down", "router")
    assert [rung.name for rung in model.monitor.line.rungs] == [rung["name"] for rung in monitor["rungs"]]
    assert model.monitor.line.diagnosis is not None
    assert ("pings answered", "0 of 5") in model.monitor.line.diagnosis.evidence
    assert len(model.monitor.outages) == len(monitor["outages"])
    assert model.monitor.outages[0].ended is None
    assert model.monitor.keep is not None
    assert model.monitor.keep.under_voltage is True
    assert model.monitor.gateways[1].breakers == (("data", "open"), ("credentials", "closed"), ("machine", "half_open"))
    assert model.monitor.alerts[0].delivered == (("journal", NOW - 240), ("email", None))
    assert model.ddns.names[0].state == "refused"
    assert model.ddns.mappings[0].state == "failed"
    assert model.ddns.addresses[0].state == "cgnat"


def test_model_says_so_when_there_are_no_files(tmp_path: Path) -> None:
    model = read(write(tmp_path), NOW)

    assert model.monitor.source.state == model.ddns.source.state == "missing"
    assert model.monitor.line.rungs == ()


@pytest.mark.parametrize(
    ("age_s", "state"),
    [(STALE_S - 5, "here"), (STALE_S + 5, "stale"), (-STALE_S - 5, "stale")],
    ids=["new", "old", "from the future"],
)
def test_model_is_stale_when_a_file_is_too_old_or_from_the_future(tmp_path: Path, age_s: float, state: str) -> None:
    files = write(tmp_path, status_snapshots.monitor(NOW) | {"at": NOW - age_s})

    assert read(files, NOW).monitor.source.state == state


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[]", b"7", b'{"at": "now"}', b'{"at": NaN}', b'{"at": -1}', b"[" * 100_000, b"\xff{}",
        b" " * (BYTES_MAX + 1),
    ],
    ids=["empty", "cut", "a list", "a number", "no time", "no number", "before time", "deep", "no utf-8", "huge"],
)  # fmt: skip
def test_model_says_so_when_a_file_is_damaged(tmp_path: Path, content: bytes) -> None:
    model = read(write(tmp_path, content), NOW)

    assert model.monitor.source.state == "damaged"
    assert model.monitor.source.reason


def test_model_says_so_at_once_when_there_is_a_pipe_or_a_folder(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "monitor.json")
    (tmp_path / "ddns.json").mkdir()

    model = read(Files(tmp_path / "monitor.json", tmp_path / "ddns.json"), NOW)

    assert model.monitor.source.state == model.ddns.source.state == "damaged"


def test_keys_do_not_matter_when_nobody_knows_them(tmp_path: Path) -> None:
    known = status_snapshots.monitor(NOW)
    plain = read(write(tmp_path, known), NOW)
    more = read(write(tmp_path, known | {"news": {"a": 1}}), NOW)

    assert plain == more


def test_text_is_cut_and_harmless_when_it_is_long_or_steers_a_terminal(tmp_path: Path) -> None:
    monitor = status_snapshots.monitor(NOW)
    monitor["alerts"][0]["summary"] = "\x1b[31mred\x07\n\N{RIGHT-TO-LEFT OVERRIDE}" + "x" * 10_000

    [alert, *_] = read(write(tmp_path, monitor), NOW).monitor.alerts

    assert len(alert.summary) == TEXT_MAX
    assert alert.summary.isprintable()


def test_lists_are_bounded_when_they_are_endless(tmp_path: Path) -> None:
    monitor = status_snapshots.monitor(NOW)
    monitor["outages"] = monitor["outages"][:1] * 2_000
    monitor["alerts"] = monitor["alerts"][:1] * 2_000

    model = read(write(tmp_path, monitor), NOW)

    assert len(model.monitor.outages) == 500
    assert len(model.monitor.alerts) == 100


@settings(deadline=None, max_examples=20)
@given(st.dictionaries(st.sampled_from(KEYS), JSON), st.sampled_from(["monitor", "ddns"]))
def test_everything_can_be_shown_when_a_file_makes_no_sense(
    tmp_path_factory: pytest.TempPathFactory, nonsense: dict[str, Any], which: str
) -> None:
    content = getattr(status_snapshots, which)(NOW) | nonsense | {"at": NOW}
    model = read(write(tmp_path_factory.getbasetemp(), **{which: content}), NOW)

    found = findings(model)
    assert headline(model, found).text
    assert states(model, found)
    assert render(model, zone=None, has_colour=False)
    json.dumps(document(model))
