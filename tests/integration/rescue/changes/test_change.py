"""A change of the firewall in a real kernel: confirmed, or undone by a process that nobody waits for."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from rescue.bans.nft import NFT
from rescue.changes.__main__ import main
from rescue.changes.change import Change, ChangeFailed
from rescue.changes.subjects import Subject
from tests.namespaces import STRANGER, Edge
from tests.ruleset import ruleset
from tests.waiting import until

UNDO_LATER: Final = Path(__file__).with_name("undo_later.py")
LONG_S: Final = 3600
OPEN: Final = {80, 443}


class Timers:
    """systemd's part: sleeps, and starts the undo, in a session of its own."""

    def __init__(self, subject: Subject, state: Path) -> None:
        self._given = json.dumps({
            "target": str(subject.target), "check": subject.check, "load": subject.load, "unload": subject.unload,
            "state": str(state),
        })  # fmt: skip
        self.running: subprocess.Popen[bytes] | None = None

    def schedule(self, name: str, delay_s: int) -> None:
        script = f'sleep {delay_s} && exec "$@"'
        command = ["sh", "-c", script, "sh", sys.executable, str(UNDO_LATER), self._given]
        self.running = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL)

    def cancel(self, name: str) -> None:
        if self.running is not None:
            self.running.kill()
            self.running.wait()
            self.running = None


class Host:
    """A door of a test's own, with the files of its changes."""

    def __init__(self, edge: Edge, folder: Path) -> None:
        self.edge = edge
        self.target = folder / "nftables.d" / "drawbridge.nft"
        self.state = folder / "changes"
        nft = (*edge.host.enter, NFT)
        self.subject = Subject(
            target=self.target,
            mode=0o644,
            check=(*nft, "-c", "-f", str(self.target)),
            load=(*nft, "-f", str(self.target)),
            unload=(*nft, "add table inet edge; delete table inet edge"),
            is_loaded=(*nft, "list chain inet edge input"),
        )
        self.timers = Timers(self.subject, self.state)
        self._folder = folder

    @property
    def change(self) -> Change:
        return Change("firewall", self.subject, state=self.state, scheduler=self.timers)

    def candidate(self, text: str) -> Path:
        path = self._folder / "candidate.nft"
        path.write_text(text)
        return path

    def apply(self, text: str, *, undo_after_s: int = LONG_S, connection: str | None = "1@1") -> bool:
        return self.change.apply(self.candidate(text), undo_after_s=undo_after_s, connection=connection)

    def settle(self, text: str) -> None:
        self.apply(text)
        self.change.confirm(connection="2@2")

    def passed(self) -> set[int]:
        return self.edge.passed(STRANGER, [80, 443])


@pytest.fixture
def host(edge: Edge, tmp_path: Path) -> Iterator[Host]:
    made = Host(edge, tmp_path)
    yield made
    made.timers.cancel("firewall")


async def test_change_is_undone_with_bans_kept_when_nobody_confirms(host: Host) -> None:
    host.settle(ruleset("door"))
    assert host.apply(ruleset("keep"), undo_after_s=1)
    assert host.passed() == set()
    host.edge.host.nft("add element inet edge ban4 { 198.51.100.77 timeout 1h }")
    await until(lambda: not host.change.is_pending, timeout_s=8)
    assert host.passed() == OPEN
    assert host.target.read_text() == ruleset("door")
    assert "198.51.100.77 timeout 1h" in host.edge.host.nft("list", "set", "inet", "edge", "ban4")
    with pytest.raises(ChangeFailed, match="confirmed or undone before"):
        host.change.confirm(connection="2@2")


async def test_first_change_is_undone_to_no_rules_when_nobody_confirms(host: Host) -> None:
    assert host.apply(ruleset("keep"), undo_after_s=1)
    assert host.passed() == set()
    await until(lambda: not host.change.is_pending, timeout_s=8)
    assert host.passed() == OPEN
    assert not host.target.exists()
    assert host.edge.host.nft("list", "tables") == ""


def test_change_stays_when_it_is_confirmed_over_a_new_connection(host: Host) -> None:
    host.settle(ruleset("door"))
    host.apply(ruleset("keep"))
    host.change.confirm(connection="2@2")
    assert host.timers.running is None
    assert not host.change.undo()
    assert host.passed() == set()
    assert host.target.read_text() == ruleset("keep")
    assert host.target.stat().st_mode & 0o777 == 0o644


def test_confirmation_is_refused_when_it_comes_over_the_connection_of_the_change(host: Host) -> None:
    host.apply(ruleset("door"), connection="7@70")
    with pytest.raises(ChangeFailed, match="over a new one"):
        host.change.confirm(connection="7@70")
    assert host.change.is_pending
    host.change.confirm(connection="7@71")


def test_confirmation_is_taken_when_somebody_is_at_the_console(host: Host) -> None:
    host.apply(ruleset("door"), connection="7@70")
    host.change.confirm(connection=None)
    host.apply(ruleset("keep"), connection=None)
    host.change.confirm(connection=None)


@pytest.mark.parametrize("broken", ["table inet edge {", "flush table inet missing\n", "\0"])
def test_change_is_refused_and_nothing_differs_when_the_rules_are_wrong(host: Host, broken: str) -> None:
    host.settle(ruleset("door"))
    with pytest.raises(ChangeFailed, match="is as it was before"):
        host.apply(broken)
    assert host.target.read_text() == ruleset("door")
    assert not host.change.is_pending
    assert host.timers.running is None
    assert host.passed() == OPEN


def test_change_is_refused_when_its_undo_cannot_be_promised(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.settle(ruleset("door"))

    def fail(name: str, delay_s: int) -> None:
        raise subprocess.CalledProcessError(1, "systemd-run", stderr="no bus")

    monkeypatch.setattr(host.timers, "schedule", fail)
    with pytest.raises(ChangeFailed, match="no bus"):
        host.apply(ruleset("keep"))
    assert host.passed() == OPEN
    assert not host.change.is_pending


def test_change_does_nothing_when_the_file_is_in_force_already(host: Host) -> None:
    host.settle(ruleset("door"))
    assert not host.apply(ruleset("door"))
    assert not host.change.is_pending


async def test_rules_are_loaded_again_when_they_alone_are_gone(host: Host) -> None:
    host.settle(ruleset("keep"))
    host.edge.host.nft("delete table inet edge")
    assert host.apply(ruleset("keep"), undo_after_s=1)
    assert host.passed() == set()
    await until(lambda: not host.change.is_pending, timeout_s=8)
    assert host.passed() == OPEN, "as it was: not loaded"
    assert host.target.read_text() == ruleset("keep"), "the next start loads what was confirmed"
    host.timers.cancel("firewall")
    assert host.apply(ruleset("keep"))
    host.change.confirm(connection="2@2")
    assert not host.apply(ruleset("keep"))


def test_second_change_is_refused_when_one_waits(host: Host) -> None:
    host.apply(ruleset("door"))
    with pytest.raises(ChangeFailed, match="confirm or undo it first"):
        host.apply(ruleset("keep"))
    assert host.change.undo()


def test_file_is_put_back_alone_when_power_was_cut_before_the_confirmation(
    host: Host, capsys: pytest.CaptureFixture[str]
) -> None:
    host.settle(ruleset("door"))
    host.apply(ruleset("keep"))
    given = {"subjects": {"firewall": host.subject}, "state": host.state, "scheduler": host.timers}
    assert main(["undo", "--at-boot"], **given) == 0  # type: ignore[arg-type]
    assert capsys.readouterr().out == "firewall: not confirmed before the reboot, undone\n"
    assert host.target.read_text() == ruleset("door")
    assert host.passed() == set(), "nothing is loaded: nftables.service reads the file next"
    assert main(["undo", "--at-boot"], **given) == 0  # type: ignore[arg-type]
    assert capsys.readouterr().out == ""


def test_undo_says_so_when_what_was_before_cannot_be_loaded(host: Host) -> None:
    host.settle(ruleset("door"))
    host.apply(ruleset("keep"))
    host.subject = replace(host.subject, load=("sh", "-c", "echo no such table >&2; exit 1"))
    with pytest.raises(ChangeFailed, match="could not be loaded: no such table"):
        host.change.undo()
    assert host.target.read_text() == ruleset("door")
    assert not host.change.is_pending


def test_command_applies_lists_confirms_and_undoes_when_typed(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    def typed(*arguments: str) -> tuple[int, str]:
        code = main(list(arguments), subjects={"firewall": host.subject}, state=host.state, scheduler=host.timers)
        said = capsys.readouterr()
        return code, said.out + said.err

    door = str(host.candidate(ruleset("door")))
    assert typed("pending") == (0, "")
    assert typed("apply", "firewall", door) == (0, "firewall: changed, and undone in 60 s unless confirmed\n")
    assert typed("pending") == (0, "firewall\n")
    assert typed("undo", "firewall") == (0, "firewall: undone\n")
    assert typed("undo", "firewall") == (0, "firewall: nothing to undo\n")
    code, said = typed("confirm", "firewall")
    assert (code, said.startswith("changes: no change of firewall waits")) == (1, True)
    typed("apply", "firewall", door, "--undo-after", "3600")
    host.change.confirm(connection="another")
    assert typed("apply", "firewall", door) == (0, "firewall: unchanged\n")
    code, said = typed("apply", "firewall", door + ".missing")
    assert (code, "No such file" in said) == (1, True)
