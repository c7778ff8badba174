"""The rescue console over a real sshd with the role's configuration: what it does, and all that it does not."""

from __future__ import annotations

import json
import os
import pty
import select
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from rescue.settings import Host as Which
from rescue.verbs import Role, verbs_of
from tests import status_snapshots
from tests.integration.rescue.hosts import ADDRESSES, RESCUE_UID, Answer, Host, Hosts, until

PLANTED = Path("/var/planted")
INJECTIONS = [
    "status; id",
    "status && id",
    "status | id",
    "status $(id)",
    "status `id`",
    "status\x00id",
    "status\rid",
    "logs agent 1;id",
    "logs $(id)",
    "logs ../../etc/shadow",
    "logs -f",
    "logs --file=/etc/shadow",
    "logs agent --help",
    "logs 'agent --merge'",
    "restart ssh --yes",
    "restart rescue-sshd --yes",
    "bans add 10.0.0.1;id --yes",
    "bans add fe80::1%$(id) --yes",
    "request 0123456789abcdef0123456789abcdeg",
    "request --json --help",
    "logs --request-id=0123456789abcdef0123456789abcdef",
    "logs --request-id ../../etc/shadow",
    "releases rollback ../.. --yes",
    "status \u202eid",
    "stat\u00fcs",
    "status\x1b[2J",
    "logs agent " + "9" * 600,
    "a " * 40,
    "'unclosed",
    "door door status",
    "admit --yes",
    "door admit --yes",
    "keys take --yes",
    "/bin/sh -c id",
    "python3 -c 1",
    "scp -t /tmp",
    "--yes",
    "help /etc",
]


def events(host: Host, name: str) -> list[dict[str, object]]:
    return [line for line in map(json.loads, host.audit.splitlines()) if line["event"] == name]


@pytest.fixture
def refusals(rescue: Hosts) -> Callable[[], list[dict[str, object]]]:
    """Give a function that returns what the keep has refused since the test began."""
    before = len(events(rescue.keep, "rescue_refused"))
    return lambda: events(rescue.keep, "rescue_refused")[before:]


# what it does


@pytest.mark.story("health/US-BE-21.2")
def test_console_shows_both_hosts_when_asked_for_status(rescue: Hosts) -> None:
    answer = rescue.ssh("status")

    assert (answer.code, answer.err) == (0, ""), answer.out
    assert "keep: up" in answer.out
    assert "door: up" in answer.out
    assert "gateway@2    active (running)" in answer.out
    assert answer.out.count("line: nobody knows, the monitor does not run") == 1  # the door's; the keep has none


def test_console_shows_the_line_when_the_monitor_of_the_door_runs(rescue: Hosts) -> None:
    snapshot = rescue.door.path("/run/drawbridge/monitor/status.json")
    snapshot.parent.mkdir()
    snapshot.write_text(json.dumps(status_snapshots.in_an_outage(time.time())), "utf-8")
    try:
        answer = rescue.ssh("status")
    finally:
        shutil.rmtree(snapshot.parent)

    assert answer.code == 0, answer.out
    assert "line: DOWN, The router at 192.168.1.1 does not answer" in answer.out
    assert "  router       down for 4 min" in answer.out


def test_console_shows_what_the_status_page_does_when_asked_for_all(rescue: Hosts) -> None:
    run, now = rescue.door.path("/run/drawbridge"), time.time()
    for name, snapshot in (("monitor", status_snapshots.in_an_outage(now)), ("ddns", status_snapshots.ddns(now))):
        (run / name).mkdir()
        (run / name / "status.json").write_text(json.dumps(snapshot), "utf-8")
    try:
        answer = rescue.ssh("status", "--all")
    finally:
        for name in ("monitor", "ddns"):
            shutil.rmtree(run / name)

    assert answer.code == 1, answer.out
    for part in (
        "The line is down",
        "ALERTS",
        "THE LAST 30 DAYS",
        "BACKUP",
        "BANS",
        "PORT MAPPINGS",
        "box.example.org",
    ):
        assert part in answer.out
    assert any("--uid=drawbridge-monitor" in call for call in rescue.door.calls)


def test_console_strips_what_steers_a_terminal_when_a_log_has_it(rescue: Hosts) -> None:
    answer = rescue.ssh("logs", "agent", "7")

    assert answer.out == "a line\nwith ?[31mred?[0m ? and a bell?\n".replace("?", "\N{REPLACEMENT CHARACTER}")
    assert rescue.keep.calls[-1].endswith("--lines=7 --unit=agent.service")


def test_console_writes_down_who_did_what_when_it_is_used(rescue: Hosts) -> None:
    rescue.ssh("logs", "bans", "3")

    used, finished = events(rescue.keep, "rescue_used")[-1], events(rescue.keep, "rescue_verb_finished")[-1]
    expected = {
        "level": "warning", "host": "keep", "app": "rescue", "verb": "logs", "arguments": ["bans", "3"],
        "role": "owner", "key_name": "anna", "address": "127.0.0.1", "uid": RESCUE_UID,
    }  # fmt: skip
    assert expected.items() <= used.items()
    assert str(used["key"]) in subprocess.check_output(["ssh-keygen", "-lf", rescue.key("owner")], text=True)
    assert {"outcome": "ok", "exit": 0, "level": "info"}.items() <= finished.items()
    journal = rescue.keep.log("helper").read_text()
    assert f"<4>{json.dumps(used)}\n" in journal  # 4: a warning, by which the alerts go


def test_console_changes_nothing_when_yes_is_not_said(rescue: Hosts) -> None:
    before = len(rescue.keep.calls)

    answer = rescue.ssh("restart", "agent")

    assert (answer.code, answer.out) == (2, "restart agent changes something: repeat with --yes\n")
    assert len(rescue.keep.calls) == before


@pytest.mark.story("health/US-BE-21.1")
def test_console_restarts_a_unit_when_yes_is_said(rescue: Hosts) -> None:
    answer = rescue.ssh("restart", "agent", "--yes")

    assert (answer.code, answer.out) == (0, "agent: restart done\n")
    assert rescue.keep.calls[-1].endswith("restart -- agent.service")


def test_console_has_the_door_do_it_when_the_verb_begins_with_door(rescue: Hosts) -> None:
    answer = rescue.ssh("door", "restart", "gateway@1", "--yes")

    assert (answer.code, answer.out) == (0, "gateway@1: restart done\n")
    assert rescue.door.calls[-1].endswith("restart -- gateway@1.service")
    assert events(rescue.door, "rescue_used")[-1]["role"] == "keep"
    assert events(rescue.keep, "rescue_used")[-1]["at_host"] == "door"


def test_console_reads_verbs_line_by_line_when_there_is_no_terminal(rescue: Hosts) -> None:
    answer = rescue.ssh("-T", given=b"logs agent 2\nbogus\n\nhelp selftest\nexit\nlogs agent 9\n")

    assert answer.out.splitlines()[2:] == [
        "refused: no such verb here: see help",
        "  selftest                           whether this way in works",
    ]
    assert rescue.keep.calls[-1].endswith("--lines=2 --unit=agent.service")


@pytest.mark.story("health/US-BE-21.1")
def test_each_verb_has_systemd_do_one_fixed_thing_when_asked(rescue: Hosts) -> None:
    trace = "5a9c0aefd33a65b3988a1597b1058d44"
    before = len(rescue.keep.calls), len(rescue.door.calls)
    lines = (
        "backup now --yes",
        "backup list",
        f"request {trace}",
        "reboot --yes",
        "door certificates list",
        "door certificates renew --yes",
        "door reboot --yes",
    )

    rescue.ssh("-T", given="\n".join(lines).encode())

    at_keep, at_door = "\n".join(rescue.keep.calls[before[0] :]), "\n".join(rescue.door.calls[before[1] :])
    for call in (
        "start backup.service",
        "-m agent backup status",
        f"--grep={trace} --unit=agent.service",
        "--no-block reboot",
    ):
        assert call in at_keep
    for call in (
        f"--grep={trace} --unit=gateway@1.service --unit=gateway@2.service",
        f" -m rescue.access_log {trace} ",
        "systemd-run --quiet --pipe --wait --collect --uid=drawbridge-gateway ",
        " -- openssl x509 -noout -subject -enddate -serial -in /var/lib/drawbridge/gateway/tls/identity.pem",
        "restart certificate.service",
        "--no-block reboot",
    ):
        assert call in at_door


def test_releases_are_listed_and_kept_when_there_is_none_to_go_back_to(rescue: Hosts) -> None:
    answer = rescue.ssh("-T", given=b"releases list\nreleases rollback --yes\n")

    assert answer.out.splitlines()[0].startswith("1.0.0 ")
    assert answer.out.splitlines()[1:] == ["there is no release to go back to"]
    assert answer.code == 1


def test_network_says_what_reaches_the_other_host_when_asked(rescue: Hosts) -> None:
    answer = rescue.ssh("network")

    assert answer.code == 0
    assert "10.77.0.3/24" in answer.out
    assert answer.out.endswith("— door, 10.77.0.4\nrescue 2222: open\n")


# a terminal


class Terminal:
    """Somebody's ssh with a terminal."""

    def __init__(self, argv: list[str]) -> None:
        pid, self._descriptor = pty.fork()
        if pid == 0:
            os.execvp(argv[0], argv)  # noqa: S606 - what a terminal does
        self._pid = pid
        self.seen = self._fresh = ""

    def type(self, text: str) -> None:
        os.write(self._descriptor, text.encode())

    def expect(self, text: str) -> None:
        """Read until ``text`` was shown after what was expected before."""
        deadline = time.monotonic() + 8
        while text not in self._fresh:
            assert time.monotonic() < deadline, f"{text!r} is not in {self._fresh!r}"
            if select.select([self._descriptor], [], [], 0.1)[0]:
                self._fresh += os.read(self._descriptor, 4096).decode("utf-8", "replace")
        before, found, self._fresh = self._fresh.partition(text)
        self.seen += before + found

    def end(self) -> int:
        """Wait for the end of ssh, and return its exit code."""
        deadline = time.monotonic() + 8
        while True:
            try:
                if select.select([self._descriptor], [], [], 0.1)[0]:
                    os.read(self._descriptor, 4096)
            except OSError:
                break
            assert time.monotonic() < deadline
        os.close(self._descriptor)
        return os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])


@pytest.fixture
def terminal(rescue: Hosts) -> Terminal:
    made = Terminal(rescue.keep.inside(*rescue.ssh_argv(options=["-t"])))
    made.expect("rescue keep> ")
    return made


def test_prompt_asks_first_when_something_would_change(rescue: Hosts, terminal: Terminal) -> None:
    terminal.type("stop bans\r")
    terminal.expect("Do it? [yes/no] ")
    terminal.type("no\r")
    terminal.expect("repeat with --yes")
    assert not any("stop -- bans.service" in call for call in rescue.keep.calls)

    terminal.type("restart bans\r")
    terminal.expect("Do it? [yes/no] ")
    terminal.type("yes\r")
    terminal.expect("bans: restart done")
    terminal.type("exit\r")
    assert terminal.end() == 0


def test_prompt_completes_verbs_and_units_when_tab_is_pressed(terminal: Terminal) -> None:
    terminal.type("log\tag\t\t 4\r")
    terminal.expect("a bell")
    assert "logs agent 4" in terminal.seen.replace("\x07", "")
    terminal.expect("rescue keep> ")
    terminal.type("\x04")
    assert terminal.end() == 0


@pytest.fixture
def slow_journal(rescue: Hosts) -> Iterator[Path]:
    marker = rescue.keep.path("/run/slow")
    marker.touch()
    yield marker
    marker.unlink()


def test_prompt_returns_and_ends_the_command_when_interrupted(
    rescue: Hosts, terminal: Terminal, slow_journal: Path
) -> None:
    finished = len(events(rescue.keep, "rescue_verb_finished"))
    terminal.type("logs agent\r")
    terminal.expect("begun")
    terminal.type("\x03")
    terminal.expect("rescue keep> ")
    until(lambda: len(events(rescue.keep, "rescue_verb_finished")) > finished)
    assert events(rescue.keep, "rescue_verb_finished")[-1]["exit"] == 130
    terminal.type("exit\r")
    assert terminal.end() == 130


# what it does not


def test_console_refuses_and_writes_down_when_a_line_is_none_of_the_list(
    rescue: Hosts, refusals: Callable[[], list[dict[str, object]]]
) -> None:
    answer = rescue.ssh("-T", given="".join(f"{line}\n" for line in INJECTIONS).encode())

    said = answer.out.splitlines()
    assert [line for line in said if not line.startswith("refused: ")] == []
    assert len(said) == len(refusals()) == len(INJECTIONS)
    assert {refused["key_name"] for refused in refusals()} == {"anna"}
    assert all(str(refused["line"]).isprintable() for refused in refusals())


@pytest.mark.parametrize("line", ["status\nid", "status; id", "$(id)", "logs agent 1 \\\n/bin/sh", "exit; sh"])
def test_console_refuses_when_the_one_verb_is_none_of_the_list(
    rescue: Hosts, refusals: Callable[[], list[dict[str, object]]], line: str
) -> None:
    answer = rescue.ssh(line)

    assert answer.code == 2
    assert answer.out.startswith("refused: ")
    assert len(refusals()) == 1


@pytest.mark.story("health/US-BE-21.3")
@pytest.mark.parametrize("options", [["-R", "0:127.0.0.1:22"], ["-w", "any:any"], ["-W", "127.0.0.1:2222"]], ids=str)
def test_sshd_forwards_nothing_when_asked(rescue: Hosts, options: list[str]) -> None:
    words = [] if options[0] == "-W" else ["help"]  # -L and -D ask sshd for the same as -W

    answer = rescue.ssh(*words, options=[*options, "-o", "ExitOnForwardFailure=yes"])

    assert answer.code == 255
    assert "failed" in answer.err


def test_sshd_offers_no_files_when_sftp_or_scp_is_asked_for(rescue: Hosts, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for options in ([], ["-O"]):
        common = rescue.ssh_argv()[1:-3]  # without -p 2222 and the login
        argv = ["scp", *options, *common, "-P", "2222", str(tmp_path / "file"), f"rescue@127.0.0.1:{PLANTED}"]
        assert rescue.keep.run(*argv).code != 0
    assert not rescue.keep.path(str(PLANTED)).exists()
    assert events(rescue.keep, "rescue_refused")[-1]["line"] == f"scp -t {PLANTED}"
    assert rescue.ssh("sftp", options=["-s"]).code == 255


def test_console_hears_of_no_variable_when_a_client_sends_some(rescue: Hosts) -> None:
    names = ["LD_PRELOAD", "PYTHONPATH", "PYTHONSTARTUP", "SSH_USER_AUTH", "LC_ALL"]
    options = [text for name in names for text in ("-o", f"SetEnv={name}=/tmp/planted.so")]

    answer = rescue.ssh("logs", "agent", "1", options=options)

    assert (answer.code, answer.err) == (0, "")


def test_sshd_has_no_agent_or_display_for_the_console_when_offered(rescue: Hosts) -> None:
    answer = rescue.ssh("logs", "agent", "1", options=["-v", "-A", "-X"])

    assert answer.code == 0
    assert "agent-forwarding" not in rescue.keep.log("sshd").read_text()
    assert "X11 forwarding request failed" in answer.err or "No xauth data" in answer.err or "DISPLAY" in answer.err


@pytest.mark.story("health/US-BE-21.3")
def test_sshd_lets_nobody_in_when_the_key_or_the_place_is_wrong(rescue: Hosts) -> None:
    assert rescue.ssh("status", key="stranger").code == 255
    assert rescue.ssh("status", key="owner", from_=rescue.door, to=ADDRESSES["keep"]).code == 255
    assert rescue.ssh("status", key="selftest").code == 255  # from the keep itself
    assert rescue.ssh("status", key="owner", from_=rescue.keep, to=ADDRESSES["door"]).code == 255
    root = rescue.ssh_argv("status")
    assert rescue.keep.run(*[text.replace("rescue@", "root@") for text in root]).code == 255


def test_user_has_no_shell_when_the_forced_command_is_missing(rescue: Hosts, tmp_path: Path) -> None:
    environment = {"SSH_USER_AUTH": "/dev/null"}
    argv = ["setpriv", f"--reuid={RESCUE_UID}", "--clear-groups", "/usr/local/sbin/drawbridge-rescue", "-c", "id"]

    answer = rescue.keep.run("env", *(f"{name}={value}" for name, value in environment.items()), *argv)

    assert answer.code == 2
    assert answer.out == "refused: this login did not use one key\n"


# the door's keys


def selftest_login(rescue: Hosts, *words: str) -> Answer:
    return rescue.ssh(*words, key="selftest", from_=rescue.door, to=ADDRESSES["keep"])


def test_selftest_key_tests_when_that_is_what_it_asks(rescue: Hosts) -> None:
    answer = selftest_login(rescue, "selftest")

    assert (answer.code, answer.out) == (0, "ok\n")
    assert events(rescue.keep, "rescue_used")[-1]["level"] == "info"  # every day: nobody is to be woken


OTHERS = sorted({verb.name for verb in verbs_of(Which.KEEP, Role.OWNER)} - {"selftest", "help", "exit"})


def test_selftest_key_does_nothing_else_when_it_asks(rescue: Hosts) -> None:
    before = len(events(rescue.keep, "rescue_used"))
    lines = [*OTHERS, "logs agent 5", "restart agent --yes", "lock-door --yes", "door status", "sh"]

    answer = rescue.ssh(
        "-T", key="selftest", from_=rescue.door, to=ADDRESSES["keep"], given="\n".join(lines).encode()
    )  # fmt: skip

    assert answer.out.count("refused: ") == len(answer.out.splitlines()) == len(lines)
    assert len(events(rescue.keep, "rescue_used")) == before


def test_keep_key_locks_nobody_out_when_it_is_used_at_the_door(rescue: Hosts) -> None:
    lines = ["lock-door --yes", "readmit-door --yes", "door status", "backup now --yes"]

    answer = rescue.ssh("-T", key="door", to=ADDRESSES["door"], given="\n".join(lines).encode())

    assert answer.out.count("refused: ") == len(lines)


@pytest.mark.story("health/US-BE-21.5")
def test_selftest_passes_when_the_way_in_works(rescue: Hosts) -> None:
    assert rescue.door.run("/usr/local/sbin/drawbridge-rescue", "selftest").code == 0
    assert events(rescue.door, "rescue_selftest_passed")


def _no_sshd(rescue: Hosts) -> Callable[[], None]:
    rescue.keep.stop("sshd")
    return rescue.keep.start_sshd


def _no_helper(rescue: Hosts) -> Callable[[], None]:
    rescue.keep.stop("helper")
    return rescue.keep.start_helper


def _write(path: Path, text: str) -> None:
    path.write_text(text)


def _another_host_key(rescue: Hosts) -> Callable[[], None]:
    known_hosts = rescue.door.path("/etc/drawbridge/rescue_known_hosts")
    before = known_hosts.read_text()
    known_hosts.write_text(f"keep {rescue.public_key('stranger')}\n")
    return partial(_write, known_hosts, before)


def _key_withdrawn(rescue: Hosts) -> Callable[[], None]:
    keys = rescue.keep.path("/etc/drawbridge/rescue_keys")
    before = keys.read_text()
    keys.write_text("")
    return partial(_write, keys, before)


@pytest.mark.story("health/US-BE-21.5")
@pytest.mark.parametrize("break_it", [_no_sshd, _no_helper, _another_host_key, _key_withdrawn])
def test_selftest_alarms_when_the_way_in_is_broken(
    rescue: Hosts, break_it: Callable[[Hosts], Callable[[], None]]
) -> None:
    mend = break_it(rescue)
    try:
        answer = rescue.door.run("/usr/local/sbin/drawbridge-rescue", "selftest")
    finally:
        mend()

    assert answer.code == 1
    assert answer.err.startswith("<3>{")  # an error, to the journal
    assert events(rescue.door, "rescue_selftest_failed")[-1]["reason"]


# what alerts hear of it


@pytest.fixture
def reports(rescue: Hosts) -> Iterator[Callable[[Host], list[dict[str, object]]]]:
    """Give a function that returns what a host has reported since the test began."""
    folders = {"door": rescue.door.path("/var/lib/drawbridge/alerts/inbox"),
               "keep": rescue.keep.path("/var/lib/drawbridge/alerts/outbox")}  # fmt: skip
    for folder in folders.values():
        folder.mkdir(parents=True)
    yield lambda host: [json.loads(file.read_bytes()) for file in sorted(folders[host.name].glob("*.json"))]
    for folder in folders.values():
        shutil.rmtree(folder.parent)


def test_use_is_reported_at_the_host_it_was_asked_of(
    rescue: Hosts, reports: Callable[[Host], list[dict[str, object]]]
) -> None:
    rescue.ssh("status")
    rescue.ssh("door", "restart", "gateway@1", "--yes")

    told = [(one["cause"], one["severity"], one["summary"]) for one in reports(rescue.keep)]
    assert told == [
        ("rescue.used", "warning", "Rescue console at the keep: status, by anna from 127.0.0.1"),
        ("rescue.used", "warning", "Rescue console at the keep: restart gateway@1, by anna from 127.0.0.1"),
    ]
    assert [(one["cause"], one["severity"], one["host"]) for one in reports(rescue.door)] == [
        ("rescue.used", "info", "door")
    ]


def test_login_is_reported_when_nothing_is_asked(
    rescue: Hosts, reports: Callable[[Host], list[dict[str, object]]]
) -> None:
    answer = rescue.ssh("-T", given=b"exit\n")

    assert answer.code == 0
    assert [one["summary"] for one in reports(rescue.keep)] == [
        "Rescue console at the keep: a login, by anna from 127.0.0.1"
    ]
    assert events(rescue.keep, "rescue_logged_in")[-1]["key_name"] == "anna"


def test_login_works_when_no_helper_hears_of_it(rescue: Hosts) -> None:
    rescue.keep.stop("helper")
    try:
        answer = rescue.ssh("-T", given=b"help exit\n")
    finally:
        rescue.keep.start_helper()

    assert "exit" in answer.out


def test_selftest_is_raised_and_cleared_at_the_door(
    rescue: Hosts, reports: Callable[[Host], list[dict[str, object]]]
) -> None:
    mend = _no_helper(rescue)
    try:
        rescue.door.run("/usr/local/sbin/drawbridge-rescue", "selftest")
    finally:
        mend()
    rescue.door.run("/usr/local/sbin/drawbridge-rescue", "selftest")

    assert [(one["cause"], one["state"]) for one in reports(rescue.door)] == [
        ("rescue.selftest", "raised"), ("rescue.selftest", "cleared"),
    ]  # fmt: skip
    assert reports(rescue.keep) == []  # the self-test's own login is none that anybody need hear of
