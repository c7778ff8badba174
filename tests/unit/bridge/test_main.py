"""``python -m bridge``, command by command, as the person at the terminal sees it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bridge.__main__ import Terminal, main
from bridge.keys import RotationStep, load_keyring
from bridge.pki import IDENTITY_FILE, REVOKED_FILE, Profile, read_identity, read_revoked
from bridge.process.clock import utc
from tests.clocks import TurnedClock

DAY_S = 86_400


@dataclass
class Person:
    """Somebody in a folder of their own, and what they were told."""

    folder: Path
    clock: TurnedClock = field(default_factory=TurnedClock)
    given: bytes = b""
    told: list[str] = field(default_factory=list)
    waited_s: list[float] = field(default_factory=list)

    def run(self, line: str) -> int:
        """Run a command; ``DIR/`` in it is the folder."""
        terminal = Terminal(say=self.told.append, sleep=self.waited_s.append, clock=self.clock, read=lambda: self.given)
        return main(line.replace("DIR", str(self.folder)).split(), terminal)

    def listed(self, line: str) -> list[dict[str, str]]:
        """Return what a list command says as JSON."""
        assert self.run(f"{line} --json") == 0
        rows: list[dict[str, str]] = json.loads(self.told.pop())
        return rows


@pytest.fixture
def person(tmp_path: Path) -> Person:
    return Person(tmp_path)


BOTH = "--agent DIR/agent --gateway DIR/gateway"


# keys


def test_keys_create_shares_one_secret_when_there_was_none(person: Person) -> None:
    assert person.run(f"keys create {BOTH}") == 0

    agent, gateway = load_keyring(person.folder / "agent"), load_keyring(person.folder / "gateway")
    assert agent.rings == gateway.rings
    assert person.told == [f"created {gateway.request_key().key_id}"]


def test_keys_create_refuses_when_a_unit_has_keys(person: Person, capsys: pytest.CaptureFixture[str]) -> None:
    assert person.run(f"keys create {BOTH}") == 0
    assert person.run("keys create --agent DIR/agent --gateway DIR/monitor --unit monitor") == 0

    assert person.run(f"keys create {BOTH}") == 1

    assert capsys.readouterr().err.endswith("agent holds keys for gateway already: rotate them\n")
    assert set(load_keyring(person.folder / "agent").rings) == {"gateway", "monitor"}


@pytest.mark.story("health/US-BE-50.5")
def test_keys_rotate_replaces_the_secret_with_two_pauses_when_run(person: Person) -> None:
    person.run(f"keys create {BOTH}")
    before = load_keyring(person.folder / "gateway").request_key().key_id
    person.told.clear()

    assert person.run(f"keys rotate {BOTH} --settle-s 7") == 0

    agent, gateway = load_keyring(person.folder / "agent"), load_keyring(person.folder / "gateway")
    after = gateway.request_key().key_id
    assert agent.key_ids == gateway.key_ids == (after,)
    assert after != before
    assert person.waited_s == [7, 7]
    assert [line for line in person.told if "waiting" not in line] == [*RotationStep, f"rotated to {after}"]


@pytest.mark.parametrize("interrupted_at", [0, 1])
def test_keys_rotate_goes_on_when_it_was_interrupted(person: Person, interrupted_at: int) -> None:
    person.run(f"keys create {BOTH}")

    class Interrupted(Exception):
        pass

    def sleep(_seconds: float) -> None:
        if len(person.waited_s) == interrupted_at:
            raise Interrupted
        person.waited_s.append(0)

    arguments = f"keys rotate {BOTH}".replace("DIR", str(person.folder)).split()
    with pytest.raises(Interrupted):
        main(arguments, Terminal(say=person.told.append, sleep=sleep, clock=person.clock))
    staged = load_keyring(person.folder / "agent").key_ids
    assert len(staged) == 2

    assert person.run(f"keys rotate {BOTH}") == 0

    assert load_keyring(person.folder / "agent").key_ids == staged[1:]
    assert load_keyring(person.folder / "gateway").key_ids == staged[1:]


def test_keys_go_by_hand_from_machine_to_machine_when_there_are_two(person: Person) -> None:
    for turn in range(2):
        assert person.run("keys stage --keys DIR/agent --export DIR/carried.json") == 0
        assert person.run("keys stage --keys DIR/gateway --import DIR/carried.json") == 0
        if turn:
            assert person.run("keys promote --keys DIR/gateway") == 0
            assert person.run("keys promote --keys DIR/agent") == 0
            assert person.run("keys retire --keys DIR/gateway --yes") == 0
            assert person.run("keys retire --keys DIR/agent --yes") == 0

    agent, gateway = load_keyring(person.folder / "agent"), load_keyring(person.folder / "gateway")
    assert agent.key_ids == gateway.key_ids == (gateway.request_key().key_id,)
    assert (person.folder / "carried.json").stat().st_mode & 0o777 == 0o600
    assert any(line.startswith("next: carry") for line in person.told)


def test_keys_retire_asks_first_when_it_would_forget(person: Person, capsys: pytest.CaptureFixture[str]) -> None:
    person.run(f"keys create {BOTH}")
    assert person.run("keys retire --keys DIR/agent") == 0
    assert person.told[-1] == "gateway has no previous generation"
    person.run("keys stage --keys DIR/agent --export DIR/carried.json")
    person.run("keys promote --keys DIR/agent")

    assert person.run("keys retire --keys DIR/agent") == 1

    assert "would be forgotten: repeat with --yes" in capsys.readouterr().err
    assert len(load_keyring(person.folder / "agent").key_ids) == 2


def test_keys_list_shows_ids_and_ages_and_no_secret_when_asked(person: Person) -> None:
    person.run(f"keys create {BOTH}")
    person.clock.advance(3 * DAY_S)
    person.run("keys stage --keys DIR/agent --export DIR/carried.json")

    rows = person.listed("keys list --keys DIR/agent")
    person.run("keys list --keys DIR/agent")

    assert [(row["generation"], row["age_days"]) for row in rows] == [("current", "3"), ("next", "0")]
    assert set(rows[0]) == {"unit", "generation", "key_id", "created", "age_days"}
    assert person.told[-3].split() == ["unit", "generation", "key_id", "created", "age_days"]
    assert person.told[-2].split()[:3] == ["gateway", "current", rows[0]["key_id"]]


def test_keys_offer_gives_one_generation_until_it_is_promoted_when_asked_again(person: Person) -> None:
    person.run(f"keys create {BOTH}")

    assert person.run("keys offer --keys DIR/agent") == 0
    assert person.run("keys offer --keys DIR/agent") == 0

    first, second = person.told[-2:]
    assert first == second
    staged = load_keyring(person.folder / "agent").ring("gateway").next
    assert staged is not None
    assert staged.key_id in first


def test_keys_take_stages_what_was_offered_when_given_it_twice(person: Person) -> None:
    person.run(f"keys create {BOTH}")
    person.run("keys offer --keys DIR/agent")
    person.given = person.told[-1].encode()

    assert person.run("keys take --keys DIR/gateway") == 0
    assert person.run("keys take --keys DIR/gateway") == 0

    agent, gateway = load_keyring(person.folder / "agent"), load_keyring(person.folder / "gateway")
    assert gateway.rings == agent.rings


@pytest.mark.parametrize("given", [b"", b"[]", b"{}", b'{"gateway": {}}'])
def test_keys_take_refuses_when_given_no_generation(
    person: Person, capsys: pytest.CaptureFixture[str], given: bytes
) -> None:
    person.run(f"keys create {BOTH}")
    person.given = given

    assert person.run("keys take --keys DIR/gateway") == 1

    assert "the input" in capsys.readouterr().err


def test_keys_forget_leaves_a_unit_or_all_with_none_when_it_is_meant(
    person: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    person.run(f"keys create {BOTH}")
    person.run("keys create --agent DIR/agent --gateway DIR/monitor --unit monitor")

    assert person.run("keys forget --keys DIR/agent") == 1
    assert "the keys of gateway, monitor would be forgotten: repeat with --yes" in capsys.readouterr().err
    assert person.run("keys forget --keys DIR/agent --unit gateway --yes") == 0
    assert set(load_keyring(person.folder / "agent").rings) == {"monitor"}
    assert person.run("keys forget --keys DIR/agent --yes") == 0
    assert person.run("keys forget --keys DIR/agent --yes") == 0
    assert person.told[-3:] == ["forgot gateway", "forgot monitor", "forgot nothing"]
    assert person.listed("keys list --keys DIR/agent") == []


# admission


def test_unit_has_all_anew_when_it_takes_what_was_offered(person: Person) -> None:
    person.run(f"keys create {BOTH}")
    person.run("pki init --pki DIR/pki")
    person.run("pki issue gateway --pki DIR/pki --tls DIR/tls")
    before = read_identity(person.folder / "tls" / IDENTITY_FILE).certificate
    person.run(f"pki revoke {before.serial_number:x} --pki DIR/pki --yes")
    shutil.rmtree(person.folder / "pki" / "web")  # as on the RPI3

    assert person.run("admission offer --pki DIR/pki --keys DIR/agent") == 0
    person.given = person.told[-1].encode()
    assert person.run("admission take --tls DIR/tls --keys DIR/gateway") == 0

    agent, gateway = load_keyring(person.folder / "agent"), load_keyring(person.folder / "gateway")
    assert gateway.rings == agent.rings
    assert person.told[-1] == f"took {gateway.request_key().key_id}"
    after = read_identity(person.folder / "tls" / IDENTITY_FILE).certificate
    assert after.subject == before.subject
    assert after.serial_number != before.serial_number
    assert read_revoked(person.folder / "tls" / REVOKED_FILE) == {before.serial_number}
    assert {path.name for path in (person.folder / "tls").iterdir()} == {IDENTITY_FILE, REVOKED_FILE, "roots.pem"}


def test_unit_keeps_what_it_has_when_given_no_admission(person: Person, capsys: pytest.CaptureFixture[str]) -> None:
    person.run("pki init --pki DIR/pki")
    person.run("pki issue gateway --pki DIR/pki --tls DIR/tls")
    person.run("admission offer --unit monitor --pki DIR/pki --keys DIR/agent")
    good = json.loads(person.told[-1])
    before = (person.folder / "tls" / IDENTITY_FILE).read_bytes()
    for altered, reason in (
        ({"unit": 1}, "no admission: unit"),
        ({"more": 1}, "no admission: more"),
        ({"revoked": ["xyz"]}, "hexadecimal"),
        ({"identity": "\N{SNOWMAN}"}, "ASCII"),
        ({"identity": "x"}, "no key with certificates"),
        ({"roots": "x"}, "no certificate in PEM"),
        ({"unit": "gateway"}, "is not the key id"),
        (
            {"unit": "gateway", "generation": good["generation"] | {"key_id": "gateway.2026-11-21.aaaa"}},
            "certificate is CN=monitor.drawbridge.internal's",
        ),
    ):
        person.given = json.dumps(good | altered).encode()
        assert person.run("admission take --tls DIR/tls --keys DIR/gateway") == 1
        told = capsys.readouterr().err
        assert reason in told
        assert good["generation"]["secret"] not in told
        assert (person.folder / "tls" / IDENTITY_FILE).read_bytes() == before
        assert not (person.folder / "gateway").exists()


# pki


@pytest.fixture
def owner(person: Person) -> Person:
    """Somebody with a PKI."""
    assert person.run("pki init --pki DIR/pki") == 0
    return person


@pytest.mark.story("health/US-BE-44.3")
def test_pki_init_says_to_take_the_root_key_away_when_done(owner: Person) -> None:
    assert any("root.key off this machine" in line for line in owner.told)


def test_pki_issue_writes_a_tls_folder_when_asked(owner: Person) -> None:
    assert owner.run("pki issue agent --pki DIR/pki --tls DIR/agent") == 0
    assert owner.run("pki issue web --pki DIR/pki --tls DIR/web --dns localhost --ip 127.0.0.1 --ip ::1") == 0

    agent = read_identity(owner.folder / "agent" / IDENTITY_FILE).certificate
    web = read_identity(owner.folder / "web" / IDENTITY_FILE).certificate
    assert Profile.of_certificate(agent) == Profile.of_unit("agent")
    assert [str(name.value) for name in Profile.of_certificate(web).names] == ["localhost", "127.0.0.1", "::1"]
    assert f"until {agent.not_valid_after_utc:%Y-%m-%d}" in owner.told[-2]


def test_pki_issue_asks_first_when_there_is_a_key(owner: Person, capsys: pytest.CaptureFixture[str]) -> None:
    owner.run("pki issue gateway --pki DIR/pki --tls DIR/gateway")
    before = (owner.folder / "gateway" / IDENTITY_FILE).read_bytes()

    assert owner.run("pki issue gateway --pki DIR/pki --tls DIR/gateway") == 1
    assert "would be replaced (pki renew keeps the name): repeat with --yes" in capsys.readouterr().err
    assert (owner.folder / "gateway" / IDENTITY_FILE).read_bytes() == before

    assert owner.run("pki issue gateway --pki DIR/pki --tls DIR/gateway --yes") == 0
    assert (owner.folder / "gateway" / IDENTITY_FILE).read_bytes() != before


def test_certificate_is_of_the_terms_that_were_said(owner: Person) -> None:
    owner.run("pki issue gateway --pki DIR/pki --tls DIR/gateway --life-days 9 --backdated-days 1 --due-days 5")

    leaf = read_identity(owner.folder / "gateway" / IDENTITY_FILE).certificate
    assert (leaf.not_valid_after_utc - leaf.not_valid_before_utc).days == 10
    assert owner.run("pki renew --pki DIR/pki --tls DIR/gateway --if-due --due-days 5") == 0
    assert owner.told[-1] == "not due: more than 5 days remain"
    assert owner.run("pki renew --pki DIR/pki --tls DIR/gateway --if-due --due-days 10") == 0
    assert owner.told[-1].startswith("renewed until")


def test_certificate_is_not_made_when_its_terms_make_no_sense(
    owner: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    assert owner.run("pki issue gateway --pki DIR/pki --tls DIR/gateway --life-days 20") == 1
    assert "would be due at once" in capsys.readouterr().err

    with pytest.raises(SystemExit):
        owner.run("pki issue gateway --pki DIR/pki --tls DIR/gateway --life-days -1")
    assert "invalid _days value" not in capsys.readouterr().err


def test_pki_renew_waits_until_it_is_due_when_told_so(owner: Person) -> None:
    owner.run("pki issue gateway --pki DIR/pki --tls DIR/gateway")

    assert owner.run("pki renew --pki DIR/pki --tls DIR/gateway --if-due") == 0
    assert owner.told[-1] == "not due: more than 20 days remain"

    owner.clock.advance(11 * DAY_S)
    assert owner.run("pki renew --pki DIR/pki --tls DIR/gateway --if-due") == 0
    assert owner.told[-1].startswith(f"renewed until {utc(owner.clock.time() + 30 * DAY_S):%Y-%m-%d}")


def test_pki_renew_is_refused_when_the_certificate_is_over_for_longer_than_said(
    owner: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    owner.run("pki issue gateway --pki DIR/pki --tls DIR/gateway")
    owner.clock.advance(40 * DAY_S)

    assert owner.run("pki renew --pki DIR/pki --tls DIR/gateway --renewable-days 5") == 1
    assert "ended more than 5 days ago: issue a new one" in capsys.readouterr().err
    assert owner.run("pki renew --pki DIR/pki --tls DIR/gateway --renewable-days 15") == 0


def test_pki_prolong_needs_the_root_key_when_run(owner: Person, capsys: pytest.CaptureFixture[str]) -> None:
    assert owner.run("pki prolong --pki DIR/pki") == 0
    assert owner.told[-1].startswith("prolonged the intermediate until ")

    (owner.folder / "pki" / "root.key").unlink()

    assert owner.run("pki prolong --pki DIR/pki") == 1
    assert "root.key cannot be read" in capsys.readouterr().err


def test_pki_list_tells_states_apart_when_asked(owner: Person) -> None:
    assert owner.listed("pki list --pki DIR/pki") == []
    owner.run("pki list --pki DIR/pki")
    assert owner.told[-1] == "none"

    owner.run("pki issue gateway --pki DIR/pki --tls DIR/old")
    owner.clock.advance(30 * DAY_S)
    owner.run("pki issue gateway --pki DIR/pki --tls DIR/gateway")
    owner.run("pki issue monitor --pki DIR/pki --tls DIR/monitor")
    serial = owner.listed("pki list --pki DIR/pki")[2]["serial"]
    owner.run(f"pki revoke {serial} --pki DIR/pki --yes")

    rows = owner.listed("pki list --pki DIR/pki")

    assert [(row["name"].partition(".")[0], row["state"], row["days_left"]) for row in rows] == [
        ("gateway", "good", "30"),
        ("gateway", "expired", "0"),
        ("monitor", "revoked", "30"),
    ]


def test_pki_revoke_reaches_the_agents_folder_when_confirmed(owner: Person, capsys: pytest.CaptureFixture[str]) -> None:
    for unit in ("agent", "gateway"):
        owner.run(f"pki issue {unit} --pki DIR/pki --tls DIR/{unit}")
    serial = owner.listed("pki list --pki DIR/pki")[1]["serial"]

    assert owner.run(f"pki revoke {serial} --pki DIR/pki --tls DIR/agent") == 1
    assert f"gateway.drawbridge.internal {serial} would be refused for good" in capsys.readouterr().err
    assert read_revoked(owner.folder / "agent" / REVOKED_FILE) == frozenset()

    assert owner.run(f"pki revoke {serial} --pki DIR/pki --tls DIR/agent --yes") == 0
    assert owner.told[-1] == f"revoked gateway.drawbridge.internal {serial}"
    assert read_revoked(owner.folder / "agent" / REVOKED_FILE) == {int(serial, 16)}

    assert owner.run(f"pki revoke {serial} --pki DIR/pki --yes") == 0
    assert owner.told[-1].startswith("next: carry ")


def test_pki_revoke_refuses_when_nothing_of_that_number_was_issued(
    owner: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    assert owner.run("pki revoke abc --pki DIR/pki --yes") == 1

    assert "abc was not issued here: see pki list" in capsys.readouterr().err


# the command line


@pytest.mark.parametrize("arguments", ["", "keys", "pki", "keys stage --keys DIR", "pki revoke xyz --pki DIR"])
def test_command_line_is_refused_with_its_usage_when_incomplete(
    person: Person, capsys: pytest.CaptureFixture[str], arguments: str
) -> None:
    with pytest.raises(SystemExit) as exit_:
        person.run(arguments)

    assert exit_.value.code == 2
    assert capsys.readouterr().err.startswith("usage: python -m bridge")


@pytest.mark.parametrize(
    "command",
    [f"keys {name}" for name in ("create", "rotate", "stage", "promote", "retire", "list")]
    + [f"pki {name}" for name in ("init", "issue", "renew", "prolong", "list", "revoke")],
)
def test_command_explains_itself_and_its_options_when_help_is_asked(
    capsys: pytest.CaptureFixture[str], command: str
) -> None:
    with pytest.raises(SystemExit) as exit_:
        main([*command.split(), "--help"])

    assert exit_.value.code == 0
    usage, purpose, *options = capsys.readouterr().out.split("\n\n")
    assert usage.startswith(f"usage: python -m bridge {command} ")
    assert purpose.endswith(".")
    assert options


def test_module_says_one_line_and_fails_when_run_on_nothing(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "bridge", "keys", "list", "--keys", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 1
    assert run.stdout == ""
    assert run.stderr == f"python -m bridge: {tmp_path}/keys.json cannot be read: No such file or directory\n"


def test_pki_revoke_spares_one_unit_when_told_all_but_it(person: Person) -> None:
    person.run("pki init --pki DIR/pki")
    for unit in ("agent", "gateway", "monitor"):
        person.run(f"pki issue {unit} --pki DIR/pki --tls DIR/{unit}-tls")
    person.run("pki issue web --dns localhost --pki DIR/pki --tls DIR/web-tls")

    assert person.run("pki revoke --all-but agent --pki DIR/pki --tls DIR/agent-tls --yes") == 0
    assert person.run("pki revoke --all-but agent --pki DIR/pki --tls DIR/agent-tls --yes") == 0

    assert person.told[-1] == "revoked nothing"
    states = {row["name"].partition(".")[0]: row["state"] for row in person.listed("pki list --pki DIR/pki")}
    assert states == {"agent": "good", "gateway": "revoked", "monitor": "revoked", "localhost": "good"}
    assert len(read_revoked(person.folder / "agent-tls" / REVOKED_FILE)) == 2


def test_pki_renews_a_unit_when_the_folder_is_the_rpi3s_copy(person: Person) -> None:
    person.run("pki init --pki DIR/pki")
    person.run("pki issue agent --pki DIR/pki --tls DIR/tls")
    shutil.rmtree(person.folder / "pki" / "web")
    before = read_identity(person.folder / "tls" / IDENTITY_FILE).certificate

    assert person.run("pki renew --pki DIR/pki --tls DIR/tls") == 0

    assert read_identity(person.folder / "tls" / IDENTITY_FILE).certificate.serial_number != before.serial_number
