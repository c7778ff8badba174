"""The ban helper as a process of its own, through its socket, in front of a real kernel."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Final

import pytest

from gateway.settings import GatewaySettings, Protection, Web
from rescue.bans.client import BansClient, HelperUnreachable
from rescue.bans.requests import ErrorCode, Reason, Refused
from tests.clocks import HurriedClock
from tests.gateway_door import open_door
from tests.namespaces import HOST, LAN_IPV6, PEER, ROUTER, STRANGER, STRANGER_IPV6, Edge
from tests.ruleset import ruleset
from tests.waiting import until

NOBODY: Final = 65534
GROUP: Final = "daemon" if os.geteuid() == 0 else None

ASK: Final = """\
import socket, sys
connection = socket.socket(socket.AF_UNIX)
connection.connect(sys.argv[1])
connection.sendall(sys.argv[2].encode() + b"\\n")
print(connection.recv(9999).decode())
"""

HAND_OVER: Final = """\
import os, socket, sys
path, python, state, group = sys.argv[1:]
listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
listener.listen()
os.dup2(listener.fileno(), 3)
os.set_inheritable(3, True)
os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"}
os.execv(python, [python, "-m", "rescue.bans", "serve", "--state", state, "--group", group])
"""

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can ask as somebody else: run the tests as root")


@dataclass
class Helper:
    """A ban helper of a test's own."""

    edge: Edge
    folder: Path

    @property
    def socket(self) -> Path:
        return self.folder / "bans.sock"

    @property
    def state(self) -> Path:
        return self.folder / "bans.json"

    @property
    def client(self) -> BansClient:
        return BansClient(self.socket)

    @contextmanager
    def running(self, **environment: str) -> Iterator[subprocess.Popen[str]]:
        """Serve until the block ends; ready when it begins."""
        ready = self.folder / "notify.sock"
        ready.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.bind(str(ready))
            channel.settimeout(5)
            command = [sys.executable, "-m", "rescue.bans", "--socket", str(self.socket)]
            group = GROUP or "root"
            with self.edge.host.start(
                *command, "serve", "--state", str(self.state), "--group", group,
                stderr=subprocess.PIPE, env={**os.environ, "NOTIFY_SOCKET": str(ready), **environment},
            ) as process:  # fmt: skip
                try:
                    assert channel.recv(100) == b"READY=1"
                    yield process
                finally:
                    process.terminate()
                    _, log = process.communicate(timeout=5)
                    self.log = [json.loads(line) for line in log.splitlines()]
                    self.notified = _drained(channel)

    def banned(self) -> dict[str, int]:
        """Return address and seconds left of what the kernel has."""
        found = {}
        for name in ("ban4", "ban6"):
            listing = json.loads(self.edge.host.nft("-j", "list", "set", "inet", "edge", name))
            for entry in listing["nftables"]:
                for element in entry.get("set", {}).get("elem", []):
                    found[element["elem"]["val"]] = element["elem"]["expires"]
        return found

    def send(self, data: bytes, *, end: bool = True) -> dict[str, Any]:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(8)
            connection.connect(str(self.socket))
            connection.sendall(data)
            if end:
                connection.shutdown(socket.SHUT_WR)
            with connection.makefile("rb") as stream:
                answer: dict[str, Any] = json.loads(stream.readline())
                assert stream.readline() == b"", "one answer, and the connection ends"
        return answer


def _drained(channel: socket.socket) -> list[bytes]:
    channel.settimeout(0)
    messages = []
    try:
        while True:
            messages.append(channel.recv(100))
    except BlockingIOError:
        return messages


@pytest.fixture
def helper(edge: Edge, tmp_path: Path) -> Helper:
    """Return a helper that does not run yet, on a door whose rules are loaded."""
    edge.host.nft("-f", "-", given=ruleset("door", never_ban=[PEER, "198.51.100.128/25", "2001:db8:ffff::/48"]))
    return Helper(edge, tmp_path)


def test_helper_bans_lists_and_unbans_when_root_asks(helper: Helper) -> None:
    with helper.running():
        ban, in_force = helper.client.ban(STRANGER, duration_s=3600, reason=Reason.PROBING)
        assert in_force
        assert (ban.address, ban.reason, ban.remaining_s) == (STRANGER, "probing", 3600)
        helper.client.ban(STRANGER_IPV6, duration_s=600, reason=Reason.MANUAL)
        assert helper.edge.passed(STRANGER, [443]) == helper.edge.passed(STRANGER_IPV6, [443]) == set()
        assert [entry.address for entry in helper.client.bans()] == ["2001:db8:9::/64", STRANGER]
        assert helper.client.status().bans == 2
        assert helper.client.unban(STRANGER)
        assert not helper.client.unban(STRANGER)
        assert helper.edge.passed(STRANGER, [443]) == {443}
        assert [entry.address for entry in helper.client.bans()] == ["2001:db8:9::/64"]
    events = [line["event"] for line in helper.log]
    assert events == ["bans_restored", "address_banned", "address_banned", *["address_unbanned"] * 2]


def test_helper_bans_nobody_when_the_owner_would_be_locked_out(helper: Helper) -> None:
    of_the_host = [HOST, ROUTER, LAN_IPV6, "fd00:77::99", "127.0.0.1", "fe80::1"]
    with helper.running():
        for address in [*of_the_host, PEER, "198.51.100.200", "2001:db8:ffff:7::1"]:
            with pytest.raises(Refused) as refused:
                helper.client.ban(address, duration_s=60, reason=Reason.MANUAL)
            assert refused.value.code is ErrorCode.PROTECTED, address
        assert helper.banned() == {}
        assert helper.client.bans() == []


def test_helper_changes_the_time_left_when_an_address_is_banned_again(helper: Helper) -> None:
    with helper.running():
        helper.client.ban(STRANGER, duration_s=600, reason=Reason.PROBING)
        helper.client.ban(STRANGER, duration_s=3600, reason=Reason.PROBING)
        assert helper.banned()[STRANGER] == pytest.approx(3600, abs=5)
        helper.client.ban(STRANGER, duration_s=60, reason=Reason.PROBING)
        assert helper.banned()[STRANGER] == pytest.approx(3600, abs=5)


def test_helper_refuses_and_goes_on_when_it_is_sent_garbage(helper: Helper) -> None:
    with helper.running():
        for garbage in (b"", b"\n", b"hello\n", b"\0" * 100, b'{"request":"list"}', b"x" * 5000, b"\xff\xfe\n"):
            assert helper.send(garbage)["error"] == "malformed", garbage
        with pytest.raises(OSError, match=r"Broken pipe|reset"):  # it does not read on
            helper.send(b"x" * 4_000_000 + b"\n")
        assert helper.client.status().bans == 0


def test_helper_answers_others_when_some_connect_and_say_nothing(helper: Helper) -> None:
    with helper.running():
        idle = [socket.socket(socket.AF_UNIX) for _ in range(31)]
        try:
            for connection in idle:
                connection.connect(str(helper.socket))
            assert helper.client.status().bans == 0
            idle.append(socket.socket(socket.AF_UNIX))
            idle[-1].connect(str(helper.socket))
            with pytest.raises(Refused) as refused:
                helper.client.status()
            assert refused.value.code is ErrorCode.BUSY
        finally:
            for connection in idle:
                connection.close()


@as_root
def test_helper_serves_its_group_and_denies_others_when_they_get_to_the_socket(helper: Helper) -> None:

    def ask(request: dict[str, object], *, groups: list[int]) -> dict[str, Any]:
        result = subprocess.run(
            ["python3", "-I", "-S", "-c", ASK, str(helper.socket), json.dumps(request)],
            user=NOBODY, group=NOBODY, extra_groups=groups, capture_output=True, text=True, check=True,
        )  # fmt: skip
        answer: dict[str, Any] = json.loads(result.stdout)
        return answer

    for folder in (helper.folder, *helper.folder.parents[:3]):
        folder.chmod(folder.stat().st_mode | stat.S_IXOTH)
    with helper.running():
        assert stat.S_IMODE(helper.socket.stat().st_mode) == 0o660
        member = [helper.socket.stat().st_gid]
        ban: dict[str, object] = {"request": "ban", "address": STRANGER, "duration_s": 60, "reason": "probing"}
        assert ask(ban, groups=member)["ban"]["by"] == "nobody"
        assert ask({"request": "list"}, groups=member)["ok"]
        assert ask({"request": "unban", "address": STRANGER}, groups=member)["removed"]
        assert ask({"request": "unban", "address": STRANGER}, groups=member)["error"] == "denied"
        helper.client.ban(STRANGER, duration_s=60, reason=Reason.MANUAL)
        assert ask(ban | {"duration_s": 600}, groups=member)["ban"]["by"] == "root"  # and so root's to lift
        assert ask({"request": "unban", "address": STRANGER}, groups=member)["error"] == "denied"
        helper.socket.chmod(0o666)
        assert ask(ban, groups=[])["error"] == "denied"
        assert ask({"request": "list"}, groups=[])["error"] == "denied"
        assert list(helper.banned()) == [STRANGER]


def test_helper_keeps_the_newest_when_it_is_flooded(helper: Helper) -> None:
    entries = [
        {
            "address": f"100.64.{number // 256}.{number % 256}", "reason": "probing", "by": "gateway",
            "began_unix_s": 1, "duration_s": 2_592_000, "until_unix_s": 4_000_000_000,
            "until_uptime_s": 1, "boot": "another",
        }
        for number in range(4095)
    ]  # fmt: skip
    helper.state.write_text(json.dumps({"format": 1, "bans": entries}))
    with helper.running():
        assert len(helper.banned()) == 4095
        for number in range(20):
            helper.client.ban(f"198.51.100.{number + 1}", duration_s=60, reason=Reason.PROBING)
        status = helper.client.status()
        assert (status.bans, status.given_up) == (4096, 19)
        banned = helper.banned()
        assert len(banned) == 4096
        assert "198.51.100.20" in banned
        assert "100.64.0.0" not in banned
        assert "100.64.0.19" in banned


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_helper_restores_bans_with_the_rest_when_host_and_helper_start_again(
    helper: Helper, end: signal.Signals
) -> None:
    with helper.running() as process:
        helper.client.ban(STRANGER, duration_s=3600, reason=Reason.SIGN_IN_FAILURES)
        process.send_signal(end)
        process.wait(5)
    assert stat.S_IMODE(helper.state.stat().st_mode) == 0o600
    stored = json.loads(helper.state.read_text())
    stored["bans"][0] |= {"boot": "another", "until_unix_s": stored["bans"][0]["until_unix_s"] - 600}
    helper.state.write_text(json.dumps(stored))
    helper.edge.host.nft("flush set inet edge ban4")
    with helper.running():
        assert helper.banned()[STRANGER] == pytest.approx(3000, abs=5)
        assert helper.client.bans()[0].reason == "sign_in_failures"


def test_helper_starts_without_bans_when_its_file_is_damaged(helper: Helper) -> None:
    helper.state.write_bytes(b'{"format":1,"bans":[{')
    with helper.running():
        assert helper.client.bans() == []
        helper.client.ban(STRANGER, duration_s=60, reason=Reason.MANUAL)
    assert (helper.folder / "bans.json.damaged").exists()
    assert json.loads(helper.state.read_text())["bans"]
    assert helper.log[0]["event"] == "bans_file_set_aside"


async def test_helper_brings_bans_back_when_somebody_flushes_the_ruleset(helper: Helper) -> None:
    with helper.running(WATCHDOG_USEC="200000"):
        helper.client.ban(STRANGER, duration_s=3600, reason=Reason.MANUAL)
        helper.edge.host.nft("flush ruleset")
        _, in_force = helper.client.ban("198.51.100.11", duration_s=3600, reason=Reason.MANUAL)
        assert not in_force
        assert not helper.client.status().in_force
        helper.edge.host.nft("-f", "-", given=ruleset("door"))
        await until(lambda: len(helper.banned()) == 2)
        assert helper.client.status().in_force
    events = [line["event"] for line in helper.log]
    assert events.count("firewall_missed") == events.count("firewall_found") == 1
    assert helper.notified.count(b"WATCHDOG=1") >= 2
    assert helper.notified[-1] == b"STOPPING=1"


def test_helper_leaves_the_time_alone_when_the_rules_are_loaded_again(helper: Helper) -> None:
    with helper.running():
        helper.client.ban(STRANGER, duration_s=3600, reason=Reason.MANUAL)
        helper.edge.host.nft("-f", "-", given=ruleset("door"))
        assert helper.banned()[STRANGER] == pytest.approx(3600, abs=5)
        assert helper.edge.passed(STRANGER, [443]) == set()


def test_helper_serves_the_socket_of_systemd_when_it_is_handed_one(helper: Helper) -> None:
    command = [sys.executable, "-c", HAND_OVER, str(helper.socket), sys.executable, str(helper.state), GROUP or "root"]
    with helper.edge.host.start(*command, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        assert json.loads(process.stderr.readline())["event"] == "bans_restored"
        made = helper.socket.stat().st_ino
        assert helper.client.status().in_force
        process.terminate()
        process.communicate(timeout=5)
    assert helper.socket.stat().st_ino == made, "it is systemd's: neither made anew nor removed"


def test_client_says_what_to_look_at_when_no_helper_serves(tmp_path: Path) -> None:
    with pytest.raises(HelperUnreachable, match=r"systemctl status"):
        BansClient(tmp_path / "bans.sock").status()


@pytest.fixture
def hand(helper: Helper) -> Iterator[Callable[..., subprocess.CompletedProcess[str]]]:
    """Type a command at a host whose helper runs."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "rescue.bans", "--socket", str(helper.socket), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    with helper.running():
        yield run


def test_command_bans_lists_and_unbans_when_typed(hand: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    assert hand("ban", STRANGER, "--for", "2d").stdout == f"{STRANGER} is banned for 2d 0h\n"
    assert re.fullmatch(STRANGER + r" +(2d 0h|1d 23h) left  manual +by root\n", hand("list").stdout)
    assert json.loads(hand("list", "--json").stdout)["address"] == STRANGER
    assert hand("status").stdout == "1 of at most 4096 bans, 0 given up for newer ones\n"
    assert hand("unban", STRANGER).stdout == f"{STRANGER} is not banned any more\n"
    again = hand("unban", STRANGER)
    assert (again.returncode, again.stderr) == (1, f"{STRANGER} was not banned\n")
    assert hand("ban", ROUTER).stderr == f"bans: {ROUTER} is the router's address\n"


@pytest.mark.story("health/US-BE-31.4")
async def test_kernel_drops_a_scanner_and_spares_the_owner_when_the_gateway_judges_them(helper: Helper) -> None:
    settings = GatewaySettings(
        web=Web(trusted_hops=(ip_network("127.0.0.0/8"),)),
        protection=Protection(helper_socket=helper.socket, never_ban=()),  # so that it is the helper who spares
    )
    with helper.running():
        async with open_door(settings, HurriedClock()) as door:
            handing_over = asyncio.ensure_future(door.guard.firewall.run())
            statuses = {}
            for address in (STRANGER, STRANGER_IPV6, PEER):
                for _ in range(5):
                    await door.client.get("/.env", headers={"X-Forwarded-For": address})
            await until(lambda: len(helper.banned()) == 2)
            await until(lambda: door.guard.bans.remaining_s(PEER, door.clock.monotonic()) == 0)
            for address in (STRANGER, PEER):
                async with door.client.get("/health", headers={"X-Forwarded-For": address}) as response:
                    statuses[address] = response.status
            handing_over.cancel()
    assert helper.banned().keys() == {STRANGER, STRANGER_IPV6.rpartition("::")[0] + "::"}
    assert statuses == {STRANGER: 403, PEER: 200}
