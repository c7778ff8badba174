"""The services as their units start them: what they tell systemd, and that a loop that hangs tells it nothing."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from bridge.keys import Keyring, Ring, generate, save_keyring
from tests.certificates import Folders

_INTERVAL_S: Final = 0.1
_SILENCE_S: Final = 10 * _INTERVAL_S

_HANGING: Final = """
import signal, sys, time
from {module}.__main__ import main
signal.signal(signal.SIGUSR1, lambda *_: time.sleep(60))  # in the thread of the loop; others go on
sys.exit(main(["serve", "--config", {config!r}]))
"""


def write_config(module: str, folder: Path) -> Path:
    """Write settings of a service on whose other end there is nobody."""
    tls = Folders(folder).issue(module)
    keys = folder / "keys"
    keys.mkdir(mode=0o700)
    save_keyring(keys, Keyring({"gateway": Ring(generate("gateway", now=datetime.now(UTC)))}))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1] if module == "gateway" else 0
    config = folder / f"{module}.toml"
    lines = ["[bridge]", f"port = {port}", f"tls_dir = {json.dumps(str(tls))}", f"keys_dir = {json.dumps(str(keys))}"]
    if module == "agent":
        lines += ["[tokens]", f"keys_dir = {json.dumps(str(folder / 'tokens'))}"]
    config.write_text("\n".join(lines))
    return config


@contextmanager
def started(module: str, folder: Path, systemd: socket.socket) -> Iterator[subprocess.Popen[bytes]]:
    """Start a service as systemd does: with a socket, its credentials, and somebody who listens."""
    credentials = folder / "credentials"
    credentials.mkdir()
    (credentials / "store.dsn").write_text(f"postgresql://agent@/store?host={folder}")
    program = _HANGING.format(module=module, config=str(write_config(module, folder)))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "gateway-1.sock"))
        listener.listen()
        # the shell puts the socket where systemd does, as descriptor 3, and becomes the process that it is meant for
        shell = f'LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" -c "$1" 3<&{listener.fileno()}'
        service = subprocess.Popen(
            ["/bin/bash", "-c", shell, sys.executable, program],
            env=os.environ
            | {
                "CREDENTIALS_DIRECTORY": str(credentials),
                "NOTIFY_SOCKET": systemd.getsockname(),
                "WATCHDOG_USEC": str(int(2 * _INTERVAL_S * 1e6)),
            }
            | ({"DRAWBRIDGE_GATEWAY_LISTEN__KIND": "systemd"} if module == "gateway" else {}),
            pass_fds=[listener.fileno()],
            stderr=subprocess.DEVNULL,
        )
    try:
        yield service
    finally:
        service.kill()
        service.wait()


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(tmp_path / "notify"))
        receiver.settimeout(20)  # a start, which waits for its words and pages, on a machine with other tests
        yield receiver


@pytest.mark.slow
@pytest.mark.parametrize("module", ["gateway", "agent"])
def test_watchdog_is_fed_until_the_loop_hangs(module: str, tmp_path: Path, systemd: socket.socket) -> None:
    with started(module, tmp_path, systemd) as service:
        assert {systemd.recv(100) for _ in range(3)} == {b"READY=1", b"WATCHDOG=1"}
        systemd.settimeout(_SILENCE_S)
        assert systemd.recv(100) == b"WATCHDOG=1"

        service.send_signal(signal.SIGUSR1)
        with pytest.raises(TimeoutError):
            for _ in range(5):  # one may have been under way
                systemd.recv(100)

        assert service.poll() is None
        service.send_signal(signal.SIGABRT)  # what systemd does then
        assert service.wait(5) == -signal.SIGABRT


@pytest.mark.slow
def test_gateway_answers_on_the_socket_of_systemd_and_leaves_it_when_it_stops(
    tmp_path: Path, systemd: socket.socket
) -> None:
    with started("gateway", tmp_path, systemd) as service:
        assert b"READY=1" in {systemd.recv(100) for _ in range(2)}
        with socket.socket(socket.AF_UNIX) as browser:
            browser.settimeout(5)
            browser.connect(str(tmp_path / "gateway-1.sock"))
            browser.sendall(b"GET /health HTTP/1.1\r\nHost: door\r\nConnection: close\r\n\r\n")
            assert browser.recv(100).startswith(b"HTTP/1.1 200 ")
        service.terminate()
        while systemd.recv(100) != b"STOPPING=1":
            pass
        assert service.wait(8) == 0
        assert (tmp_path / "gateway-1.sock").exists()  # systemd's, for the next one
