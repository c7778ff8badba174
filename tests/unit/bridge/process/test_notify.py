from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from bridge.process.notify import READY, listen_sockets, notify, watchdog_interval_s


@pytest.fixture(autouse=True)
def without_systemd(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start from a process that systemd did not start, on a machine without systemd-python."""
    monkeypatch.setitem(sys.modules, "systemd", None)
    for name in ("NOTIFY_SOCKET", "LISTEN_PID", "LISTEN_FDS", "WATCHDOG_PID", "WATCHDOG_USEC"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(params=["path", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Yield the socket that systemd would read messages from."""
    name = f"@drawbridge-{os.getpid()}" if request.param == "abstract" else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(name.replace("@", "\0"))
        receiver.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        yield receiver


def test_notify_reaches_systemd_when_it_listens(systemd: socket.socket) -> None:
    assert notify(f"{READY}\nSTATUS=Grüße")
    assert systemd.recv(100).decode() == "READY=1\nSTATUS=Grüße"


def test_notify_says_no_when_there_is_no_systemd() -> None:
    assert not notify(READY)


def test_notify_only_says_so_when_systemds_socket_is_gone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    assert not notify(READY)


def test_sockets_are_taken_over_when_they_were_handed_to_this_process(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as other:
        other.bind(str(tmp_path / "other"))
        other.listen()
        program = (
            "import os; from bridge.process.notify import listen_sockets\n"
            "os.environ['LISTEN_PID'] = str(os.getpid())\n"
            "for s in listen_sockets(): print(s.family.name, s.getsockname(), s.get_inheritable())"
        )
        # the shell puts the sockets where systemd does, as descriptors 3 and 4
        shell = f'exec "$0" -c "$1" 3<&{server.fileno()} 4<&{other.fileno()}'
        result = subprocess.run(
            ["/bin/bash", "-c", shell, sys.executable, program], env=os.environ | {"LISTEN_FDS": "2"},
            pass_fds=[server.fileno(), other.fileno()], capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert result.stdout.splitlines() == [
            f"AF_INET {server.getsockname()} False",
            f"AF_UNIX {tmp_path / 'other'} False",
        ]


def test_no_socket_is_taken_over_when_they_are_meant_for_another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_PID", str(os.getppid()))
    monkeypatch.setenv("LISTEN_FDS", "1")
    assert listen_sockets() == []


def test_no_socket_is_taken_over_when_systemd_hands_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_PID", str(os.getpid()))
    assert listen_sockets() == []


def test_systemd_python_hands_the_sockets_over_when_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
        descriptor = os.dup(server.fileno())
        daemon = SimpleNamespace(listen_fds=lambda: [descriptor])
        monkeypatch.setitem(sys.modules, "systemd", SimpleNamespace(daemon=daemon))
        (taken,) = listen_sockets()
        with taken:
            assert taken.getsockname() == address


def test_watchdog_interval_is_half_its_timeout_when_it_watches_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "30000000")
    assert watchdog_interval_s() == 15.0
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    assert watchdog_interval_s() == 15.0


def test_watchdog_is_off_when_it_watches_another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "30000000")
    monkeypatch.setenv("WATCHDOG_PID", str(os.getppid()))
    assert watchdog_interval_s() is None


@pytest.mark.parametrize("timeout_us", [None, "0"])
def test_watchdog_is_off_when_it_has_no_timeout(monkeypatch: pytest.MonkeyPatch, timeout_us: str | None) -> None:
    if timeout_us is not None:
        monkeypatch.setenv("WATCHDOG_USEC", timeout_us)
    assert watchdog_interval_s() is None
