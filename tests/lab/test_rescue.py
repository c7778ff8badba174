"""The way in that is left when nothing else works."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab import network
from tests.lab.conftest import PASSWORD
from tests.lab.host import Host
from tests.lab.lab import Lab
from tests.lab.shell import LabError, wait_until
from tests.lab.visitor import Visitor


class Console:
    """The owner's console at the keep, over SSH from the control machine."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    def command(self, *options: str) -> tuple[str, ...]:
        return (
            "ssh", "-q", "-F", "none", "-i", str(self._lab.key), "-p", "2222", "-o", "StrictHostKeyChecking=no",
            "-o", "UserKnownHostsFile=/dev/null", "-o", "ConnectTimeout=5", *options,
            f"rescue@{self._lab.keep.address}",
        )  # fmt: skip

    def ask(self, *words: str, options: tuple[str, ...] = (), check: bool = True, text: str = "") -> str:
        return network.inside(network.ADM, *self.command(*options), *words, text=text, timeout_s=170, check=check)


@pytest.fixture(scope="module")
def console(lab: Lab) -> Console:
    return Console(lab)


def audited(keep: Host) -> list[dict[str, str]]:
    return [json.loads(line) for line in keep.sudo("cat /var/log/drawbridge/rescue.jsonl").splitlines()]


def test_status_of_both_hosts_is_told_when_the_owner_asks(console: Console) -> None:
    said = console.ask("status")
    assert "agent" in said
    assert "gateway@1" in said
    assert "nginx" in said


def test_audit_is_for_those_who_read_logs_when_the_console_was_used(console: Console, door: Host, keep: Host) -> None:
    console.ask("door", "selftest")
    for host in (door, keep):
        owners = host.sudo("stat -c '%U:%G %a' /var/log/drawbridge /var/log/drawbridge/rescue.jsonl").split("\n")
        assert owners[:2] == ["root:adm 750", "root:adm 640"]
    keep.sudo("rm /var/log/drawbridge/rescue.jsonl")
    console.ask("keys", "list")
    assert keep.sudo("stat -c '%U:%G %a' /var/log/drawbridge/rescue.jsonl").strip() == "root:adm 640"


@pytest.mark.parametrize(
    "words",
    ["bash", "status; id", "$(id)", "logs agent; id", "logs ../../etc/shadow", "restart ssh", "door bash", "admit"],
)
def test_everything_else_is_refused_and_audited_when_it_is_asked_for(console: Console, keep: Host, words: str) -> None:
    before = len(audited(keep))
    said = console.ask(words, check=False)
    assert "uid=" not in said
    assert "root:" not in said
    assert [line["event"] for line in audited(keep)[before:]] == ["rescue_refused"]


def test_no_file_and_no_port_passes_when_the_console_is_asked_for_one(console: Console, keep: Host, lab: Lab) -> None:
    before = len(audited(keep))
    place = f"rescue@{keep.address}:/etc/hostname"
    options = ("-q", "-F", "none", "-i", str(lab.key), "-P", "2222", "-o", "StrictHostKeyChecking=no")
    known = ("-o", "UserKnownHostsFile=/dev/null")
    for program in (("scp", "-O"), ("scp", "-s")):
        with pytest.raises(LabError):
            network.inside(network.ADM, *program, *options, *known, place, "/dev/null")
    for way in (("-W", f"{keep.address}:5432"), ("-N", "-o", "ExitOnForwardFailure=yes", "-R", "9999:127.0.0.1:22")):
        with pytest.raises(LabError):
            network.inside(network.ADM, *console.command(*way), timeout_s=20)
    assert {line["event"] for line in audited(keep)[before:]} <= {"rescue_refused"}


def test_wrong_rescue_sshd_undoes_itself_when_nobody_confirms_it(console: Console, keep: Host) -> None:
    keep.sudo("sed 's/^AllowUsers rescue/AllowUsers nobody/' /etc/ssh/sshd_rescue_config > /run/wrong_sshd")
    apply = "/usr/bin/python3 -m rescue.changes apply rescue-sshd /run/wrong_sshd --undo-after 8"
    keep.sudo(f"systemd-run --quiet --collect --working-directory=/usr/local/lib/drawbridge {apply}")
    wait_until(lambda: "ok" not in console.ask("selftest", check=False), timeout_s=8, what="the wrong sshd")
    wait_until(lambda: console.ask("selftest", check=False).strip() == "ok", timeout_s=30, what="the right sshd")
    assert "AllowUsers rescue" in keep.sudo("cat /etc/ssh/sshd_rescue_config")


@pytest.mark.timeout(300)
def test_playbook_does_not_keep_a_rescue_sshd_that_lets_nobody_in(
    lab: Lab, console: Console, keep: Host, tmp_path: Path
) -> None:
    settings = tmp_path / "port.json"
    settings.write_text(json.dumps({"rescue_port": 2223}))  # where the other host does not look
    play = lab.control.play("--tags=rescue", f"-e@{settings}", expect=False)
    assert "Let the other host log in" in play.output
    wait_until(lambda: console.ask("selftest", check=False).strip() == "ok", timeout_s=90, what="the right sshd")
    assert "Port 2222" in keep.sudo("cat /etc/ssh/sshd_rescue_config")
    lab.control.play("--tags=rescue")
    assert console.ask("selftest").strip() == "ok"


def test_selftest_alarms_when_the_path_is_broken(door: Host, keep: Host) -> None:
    door.sudo("systemctl start rescue-selftest")
    keep.sudo("systemctl stop rescue-sshd")
    try:
        door.sudo("systemctl start rescue-selftest", check=False)
        assert door.ssh("systemctl is-failed rescue-selftest", check=False).strip() == "failed"
        assert door.sudo("journalctl -t drawbridge-rescue -p warning -n 5 -o cat --no-pager")
    finally:
        keep.sudo("systemctl start rescue-sshd")
        door.sudo("systemctl start rescue-selftest")


def test_keys_are_rotated_without_a_failed_call_when_the_owner_asks(
    console: Console, outside: Visitor, token: str, keep: Host
) -> None:
    before = keep.sudo(
        "cd /opt/drawbridge/current && .venv/bin/python -m bridge keys list --keys /var/lib/drawbridge/keys"
    )
    console.ask("rotate-keys", "--yes")
    after = keep.sudo(
        "cd /opt/drawbridge/current && .venv/bin/python -m bridge keys list --keys /var/lib/drawbridge/keys"
    )
    assert before != after
    assert outside.ask("/health/ready").status == 200
    assert outside.ask("/api/v1/health/symptoms?limit=1", token=token).status == 200


@pytest.fixture
def readmitted(console: Console, outside: Visitor) -> Iterator[None]:
    yield
    console.ask("readmit-door", "--yes")
    wait_until(lambda: outside.ask("/health/ready").status == 200, timeout_s=60, what="the readmitted door")


def test_stolen_door_has_nothing_when_it_was_locked_out(
    console: Console, outside: Visitor, account: str, readmitted: None
) -> None:
    token = outside.sign_in(account, PASSWORD)
    assert outside.ask("/api/v1/health/symptoms?limit=1", token=token).status == 200
    console.ask("lock-door", "--yes")
    assert outside.ask("/api/v1/health/symptoms?limit=7", token=token).status in {401, 502, 503}
    assert outside.ask("/health/ready").status == 503
    signed_in = outside.ask("/api/v1/auth/login", content={"email": account, "password": PASSWORD})
    assert signed_in.status == 503


def test_real_door_works_when_it_was_readmitted(outside: Visitor, account: str) -> None:
    token = outside.sign_in(account, PASSWORD)
    assert outside.ask("/api/v1/health/symptoms?limit=1", token=token).status == 200


def test_request_is_followed_through_all_three_programs_when_its_id_is_given(
    console: Console, outside: Visitor, account: str
) -> None:
    token = outside.sign_in(account, PASSWORD)
    answer = outside.ask("/api/v1/health/symptoms?limit=9", token=token)
    [request_id] = answer.header("x-request-id")
    said = console.ask("logs", "--request-id", request_id)
    for program in ("nginx", "gateway", "agent"):
        assert program in said, said
