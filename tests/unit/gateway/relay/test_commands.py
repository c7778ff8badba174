"""The relay as a process."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path

import pytest

from bridge.process.settings import EXIT_CONFIG
from gateway.__main__ import main
from tests.listener import listening


def write_settings(folder: Path, text: str) -> str:
    (folder / "gateway.toml").write_text(f"[relay]\nport = 0\n{text}")
    return str(folder / "gateway.toml")


async def test_process_leads_until_it_is_told_to_stop(tmp_path: Path) -> None:
    async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail\r\n")
        await writer.drain()
        await asyncio.Event().wait()

    async with listening(greet) as mail:
        target = f"127.0.0.1:{mail}"
        settings = write_settings(tmp_path, f'clients = ["127.0.0.1"]\nallow = ["{target}"]\n')
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "gateway", "relay", "serve", "--config", settings, stderr=asyncio.subprocess.PIPE
        )
        assert process.stderr is not None
        started = json.loads(await process.stderr.readline())
        assert (started["event"], started["app"]) == ("relay_started", "relay")
        reader, writer = await asyncio.open_connection("127.0.0.1", started["port"])
        writer.write(f"CONNECT {target} HTTP/1.1\r\n\r\n".encode())
        assert await reader.readuntil(b"mail\r\n") == b"HTTP/1.1 200 Connected\r\n\r\n220 mail\r\n"
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
        writer.transport.abort()
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "relay.clients and relay.allow: without both it would lead nobody anywhere"),
        ('clients = ["127.0.0.1"]\n', "relay.clients and relay.allow"),
        ('allow = ["mail.example.org"]\n', "relay.allow.0: must be a server and its port"),
        ('allow = ["mail.example.org:99999"]\n', "must be a server and its port"),
        ('allow = ["*.example.org:587"]\n', "must be a server and its port"),
        ('clients = ["192.168.1.0/24"]\n', "relay.clients.0"),
    ],
    ids=["nothing", "clients", "no port", "port", "star", "network"],
)
def test_process_does_not_start_when_its_settings_lead_nobody_or_anybody(
    text: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["relay", "serve", "--config", write_settings(tmp_path, text)]) == EXIT_CONFIG
    assert said in capsys.readouterr().err


def test_process_ends_with_a_line_when_its_address_is_not_to_be_had(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = write_settings(tmp_path, 'host = "192.0.2.1"\nclients = ["127.0.0.1"]\nallow = ["127.0.0.1:25"]\n')
    assert main(["relay", "serve", "--config", settings]) == 1
    assert "192.0.2.1" in capsys.readouterr().err
