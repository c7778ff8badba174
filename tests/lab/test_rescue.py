"""The way in that is left when nothing else works."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bridge.pki import IDENTITY_FILE
from tests.lab import network
from tests.lab.conftest import PASSWORD
from tests.lab.console import Console
from tests.lab.host import Host
from tests.lab.intruder import BRIDGE, DOORS, RENEWAL, Intruder
from tests.lab.lab import Lab
from tests.lab.shell import Background, LabError, wait_until
from tests.lab.visitor import Visitor


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
    [
        "bash", "status; id", "$(id)", "logs agent; id", "logs ../../etc/shadow", "restart ssh", "door bash", "admit",
        "PATH=/srv selftest", "env LD_PRELOAD=/srv/own.so selftest",
    ],
)  # fmt: skip
def test_everything_else_is_refused_and_audited_when_it_is_asked_for(console: Console, keep: Host, words: str) -> None:
    before = len(audited(keep))
    said = console.ask(words, check=False)
    assert "uid=" not in said
    assert "root:" not in said
    assert [line["event"] for line in audited(keep)[before:]] == ["rescue_refused"]


BROUGHT = {
    "LD_PRELOAD": "/srv/own.so", "LD_LIBRARY_PATH": "/srv", "PATH": "/srv", "BASH_ENV": "/srv/own", "ENV": "/srv/own",
    "PYTHONPATH": "/srv", "PYTHONSTARTUP": "/srv/own", "SSH_USER_AUTH": "/srv/own", "LC_ALL": "own",
}  # fmt: skip
SET = [f"{name}={value}" for name, value in BROUGHT.items()]


@pytest.mark.parametrize(
    ("caller", "options"),
    [((), ("-o", f"SetEnv={' '.join(SET)}")), (("env", *SET), ("-o", f"SendEnv={' '.join(BROUGHT)}"))],
    ids=["SetEnv", "SendEnv"],
)
def test_environment_of_the_caller_stays_outside_when_a_login_brings_one(
    console: Console, keep: Host, tmp_path: Path, caller: tuple[str, ...], options: tuple[str, ...]
) -> None:
    ssh, *arguments = console.command(*options, "-vv", "-tt", "-E", str(tmp_path / "said"))
    place = ("ip", "netns", "exec", network.ADM, *caller, shutil.which(ssh) or ssh)
    quiet = subprocess.DEVNULL
    with subprocess.Popen([*place, *arguments[1:]], stdin=subprocess.PIPE, stdout=quiet, stderr=quiet) as login:
        try:
            wait_until(lambda: consoles(keep) != [], timeout_s=15, what="the console")
            (inside,) = consoles(keep)
        finally:
            login.terminate()
    sent = (tmp_path / "said").read_text()
    assert [name for name in BROUGHT if name not in sent] == []
    assert "SSH_CONNECTION" in inside, "it is the console's"
    assert [name for name, value in BROUGHT.items() if inside.get(name) == value] == []
    assert console.ask("selftest", options=options).strip() == "ok"


def consoles(keep: Host) -> list[dict[str, str]]:
    """Return the environment of each console at the keep."""
    pids = keep.sudo("pgrep -u rescue -f '[d]rawbridge-rescue console'", check=False).split()
    shown = [keep.sudo(f"cat /proc/{pid}/environ", check=False).strip("\0").split("\0") for pid in pids]
    return [dict(pair.split("=", 1) for pair in pairs) for pairs in shown if "=" in pairs[0]]


def test_no_file_and_no_port_passes_when_the_console_is_asked_for_one(console: Console, keep: Host, lab: Lab) -> None:
    before = len(audited(keep))
    place = f"rescue@{keep.address}:/etc/hostname"
    options = ("-q", "-F", "none", "-i", str(lab.key), "-P", "2222", "-o", "StrictHostKeyChecking=no")
    known = ("-o", "UserKnownHostsFile=/dev/null")
    for program in (("scp", "-O"), ("scp", "-s")):
        with pytest.raises(LabError):
            network.inside(network.ADM, *program, *options, *known, place, "/dev/null")
    assert [line["event"] for line in audited(keep)[before:]] == ["rescue_refused"], "and sshd has no sftp"
    before = len(audited(keep))
    for way in (("-W", f"{keep.address}:5432"), ("-N", "-o", "ExitOnForwardFailure=yes", "-R", "9999:127.0.0.1:22")):
        with pytest.raises(LabError):
            network.inside(network.ADM, *console.command(*way), timeout_s=20)
    assert audited(keep)[before:] == [], "sshd itself refused these"


def test_selftest_alarms_when_the_path_is_broken(door: Host, keep: Host) -> None:
    def alert() -> str:
        book = json.loads(door.sudo("cat /var/lib/drawbridge/monitor/alerts.json"))
        return next((case["state"] for case in reversed(book["cases"]) if case["cause"] == "rescue.selftest"), "")

    door.sudo("systemctl start rescue-selftest")
    before = len(audited(door))
    keep.sudo("systemctl stop rescue-sshd")
    try:
        door.sudo("systemctl start rescue-selftest", check=False)
        assert door.sudo("systemctl is-failed rescue-selftest", check=False).strip() == "failed"
        assert [line["event"] for line in audited(door)[before:]] == ["rescue_selftest_failed"]
        wait_until(lambda: alert() == "raised", timeout_s=30, what="the alert")
    finally:
        keep.sudo("systemctl start rescue-sshd")
        door.sudo("systemctl start rescue-selftest")
    wait_until(lambda: alert() == "cleared", timeout_s=30, what="the alert's end")


def test_console_answers_when_its_helper_was_killed_in_the_middle(
    console: Console, outside: Visitor, keep: Host, tmp_path: Path
) -> None:
    def told() -> list[str]:
        return [line["event"] for line in audited(keep)[before:]]

    before = len(audited(keep))
    background = Background(tmp_path)
    background.start("change", "ip", "netns", "exec", network.ADM, *console.command(), "rotate-keys", "--yes")
    try:
        wait_until(lambda: "rescue_used" in told(), timeout_s=15, what="the change")
        helper = keep.sudo("systemctl show -P MainPID rescue-helper").strip()
        keep.sudo(f"kill -9 {helper}")
        wait_until(lambda: background.pid("change") is None, timeout_s=10, what="the end of the call")
    finally:
        background.stop("change")
    assert "rescue_verb_finished" not in told(), "it was in the middle"
    assert console.ask("selftest").strip() == "ok"
    assert keep.sudo("systemctl show -P MainPID rescue-helper").strip() not in {"0", helper}
    assert outside.ask("/health/ready").status == 200


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
def readmit(console: Console, outside: Visitor) -> Iterator[Callable[[], None]]:
    """Give what readmits the door; it is called in any case."""
    called = False

    def readmit() -> None:
        nonlocal called
        called = True
        console.ask("readmit-door", "--yes")
        wait_until(lambda: outside.ask("/health/ready").status == 200, timeout_s=60, what="the readmitted door")

    yield readmit
    if not called:
        readmit()


def test_stolen_door_has_nothing_when_it_was_locked_out_and_the_real_one_works_when_it_was_readmitted(
    console: Console, outside: Visitor, account: str, intruder: Intruder, readmit: Callable[[], None]
) -> None:
    token = outside.sign_in(account, PASSWORD)
    assert outside.ask("/api/v1/health/symptoms?limit=1", token=token).status == 200
    assert intruder.call("system.status") == "200"

    console.ask("lock-door", "--yes")
    assert outside.ask("/api/v1/health/symptoms?limit=7", token=token).status in {401, 502, 503}
    assert outside.ask("/health/ready").status == 503
    signed_in = outside.ask("/api/v1/auth/login", content={"email": account, "password": PASSWORD})
    assert signed_in.status == 503
    for port in (BRIDGE, RENEWAL):
        assert intruder.call("system.status", port).startswith("refused"), "a stolen certificate"

    readmit()
    token = outside.sign_in(account, PASSWORD)
    assert outside.ask("/api/v1/health/symptoms?limit=1", token=token).status == 200
    assert intruder.call("system.status").startswith("refused"), "a stolen certificate"
    (intruder.folder / "tls" / IDENTITY_FILE).write_text(intruder.door.sudo(f"cat {DOORS}/tls/{IDENTITY_FILE}"))
    assert intruder.call("system.status") == "refused AnswerRefused", "a stolen key of messages"


def test_request_is_followed_through_all_three_programs_when_its_id_is_given(
    console: Console, outside: Visitor, account: str
) -> None:
    token = outside.sign_in(account, PASSWORD)
    answer = outside.ask("/api/v1/health/symptoms?limit=9", token=token)
    [request_id] = answer.header("x-request-id")
    said = console.ask("logs", "--request-id", request_id)
    for program in ("nginx", "gateway", "agent"):
        assert program in said, said
