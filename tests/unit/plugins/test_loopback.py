from __future__ import annotations

import asyncio
import socket

import pytest

from tests.plugins.loopback import LeftTheMachine, is_local


@pytest.mark.parametrize("host", [None, "", "localhost", b"localhost", "127.0.0.1", "127.8.9.1", "::1", "::"])
def test_host_is_local_when_it_names_this_machine(host: str | bytes | None) -> None:
    assert is_local(host)


@pytest.mark.parametrize("host", ["198.51.100.1", "2001:db8::1", "example.org", b"example.org", "10.0.0.1", 7])
def test_host_is_remote_when_it_names_another_machine(host: object) -> None:
    assert not is_local(host)


def test_connect_raises_when_the_address_is_remote() -> None:
    with socket.socket() as client, pytest.raises(LeftTheMachine, match=r"198\.51\.100\.1"):
        client.connect(("198.51.100.1", 80))


def test_lookup_raises_when_the_name_is_remote() -> None:
    with pytest.raises(LeftTheMachine, match=r"example\.org"):
        socket.getaddrinfo("example.org", 443)


async def test_asyncio_connection_raises_when_the_address_is_remote() -> None:
    with pytest.raises(LeftTheMachine):
        await asyncio.open_connection("198.51.100.1", 80)


def test_connect_works_when_the_address_is_loopback() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        assert client.getpeername() == server.getsockname()
