from __future__ import annotations

import socket
import stat
from pathlib import Path

import pytest

from bridge.process import notify
from gateway.settings import Listen
from gateway.web import listen
from gateway.web.listen import CannotListen, open_sockets


def test_unix_socket_has_its_mode_when_opened(tmp_path: Path) -> None:
    path = tmp_path / "s"

    [opened] = open_sockets(Listen(kind="unix", path=path, path_mode=0o600))

    with opened:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert opened.gettimeout() == 0


def test_unix_socket_is_taken_over_when_its_process_was_killed(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))

    [opened] = open_sockets(Listen(kind="unix", path=path))

    with opened, socket.socket(socket.AF_UNIX) as caller:
        opened.listen()
        assert caller.connect_ex(str(path)) == 0


def test_unix_socket_is_refused_when_another_process_serves_it(tmp_path: Path) -> None:
    settings = Listen(kind="unix", path=tmp_path / "s")
    [first] = open_sockets(settings)

    with first, pytest.raises(CannotListen, match="another process serves it"):
        open_sockets(settings)


def test_unix_socket_is_refused_when_a_file_is_in_its_place(tmp_path: Path) -> None:
    path = tmp_path / "s"
    path.write_text("precious")

    with pytest.raises(CannotListen, match=str(path)):
        open_sockets(Listen(kind="unix", path=path))

    assert path.read_text() == "precious"


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_tcp_socket_has_a_port_when_none_was_named(host: str) -> None:
    [opened] = open_sockets(Listen(kind="tcp", host=host, port=0))

    with opened:
        assert opened.getsockname()[1] > 0


def test_tcp_socket_is_refused_by_name_when_the_port_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotListen, match=rf"127\.0\.0\.1:{port}: Address already in use"):
            open_sockets(Listen(kind="tcp", port=port))


def test_systemds_sockets_are_used_when_it_passes_some(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as passed:
        monkeypatch.setattr(listen, "listen_sockets", lambda: [passed])

        assert open_sockets(Listen(kind="systemd")) == [passed]


def test_systemds_sockets_are_missed_when_it_passes_none() -> None:
    assert notify.listen_sockets() == []
    with pytest.raises(CannotListen, match="systemd passed no socket"):
        open_sockets(Listen(kind="systemd"))
