"""``alerts test`` and ``alerts list``, as a process with a settings file and credentials."""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import os
import sys
from pathlib import Path

import pytest
import trustme

from gateway.alerts import commands, verbs
from gateway.settings import GatewaySettings
from gateway.settings.plain import as_json
from tests.integration.gateway.alerts.test_email import serving
from tests.mail_server import PASSWORD, USER

PROJECT = Path(__file__).parents[4]
START_S = 40  # a process with the whole gateway in it


async def alerts(folder: Path, *arguments: str) -> tuple[int, str, str]:
    environment = {**os.environ, "CREDENTIALS_DIRECTORY": str(folder), "SSL_CERT_FILE": str(folder / "ca.pem")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway", "alerts", *arguments, cwd=PROJECT, env=environment,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(START_S):
        out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


def configure(folder: Path, authority: trustme.CA, port: int, password: str) -> Path:
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    (folder / "alerts.email.password").write_text(f"{password}\n")
    file = folder / "gateway.toml"
    file.write_text(
        f'[alerts]\ntime_zone = "Europe/London"\n[alerts.email]\nhost = "localhost"\nport = {port}\n'
        'sender = "box@example.org"\nrecipients = ["anna@example.org"]\n'
        f'username = "{USER}"\n'
    )
    return file


@pytest.mark.slow
async def test_test_message_arrives_and_the_answer_is_printed(authority: trustme.CA, tmp_path: Path) -> None:
    async with serving(authority, "starttls") as server:
        file = configure(tmp_path, authority, server.settings.port, PASSWORD)
        code, out, _ = await alerts(tmp_path, "test", "--config", str(file))

    assert (code, out) == (0, "email: 250 2.0.0 queued\njournal: written\n")
    assert server.mailbox.taken[0]["Subject"] == "[Drawbridge] box: TEST: alerts arrive here"


@pytest.mark.slow
async def test_test_says_what_to_do_when_the_password_is_wrong(authority: trustme.CA, tmp_path: Path) -> None:
    secret = "planted-wrong-password"
    async with serving(authority, "starttls") as server:
        file = configure(tmp_path, authority, server.settings.port, secret)
        code, out, err = await alerts(tmp_path, "test", "--config", str(file), "--channel", "email")

    assert code == 1
    assert out == (
        "email: NOT SENT: 535 5.7.8 bad credentials (…): "
        "check alerts.email.username and the credential alerts.email.password\n"
    )
    assert secret not in out + err


@pytest.mark.parametrize(("arguments", "code", "said"), [
    (("test",), 0, "Only the journal is configured"),
    (("test", "--channel", "webhook"), 1, "webhook is not configured"),
])  # fmt: skip
@pytest.mark.slow
async def test_test_says_so_when_nothing_is_configured(
    tmp_path: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    ended, out, _ = await alerts(tmp_path, *arguments)

    assert ended == code
    assert said in out


def listed(*arguments: str) -> tuple[int, str]:
    parser = argparse.ArgumentParser()
    commands.add_parser(parser.add_subparsers())
    out = io.StringIO()
    values = json.loads(as_json(GatewaySettings(), {"alerts"}))["alerts"]
    code = verbs.run(parser.parse_args(["alerts", "list", *arguments]), values, out=out)
    return code, out.getvalue()


def test_list_shows_what_was_told_and_what_was_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = {
        "cause": "line.router_silent", "severity": "critical", "state": "cleared", "summary": "The line is down",
        "raised": 1_780_000_000.0, "cleared": 1_780_000_720.0, "delivered": {"journal": 1_780_000_010.0, "email": None},
        "refused": {"email": "535 no"},
    }  # fmt: skip
    status = tmp_path / "status.json"
    status.write_text(json.dumps({"alerts": [told]}))

    code, out = listed("--status", str(status))
    assert code == 0
    assert out == (
        "2026-05-28 20:26  critical  The line is down (line.router_silent), over after 12 min\n"
        "    journal: 2026-05-28 20:26\n"
        "    email: refused: 535 no\n"
    )
    assert json.loads(listed("--json", "--status", str(status))[1]) == [told]

    assert listed("--status", str(tmp_path / "none"))[0] == 1
    assert "is gateway-monitor.service running?" in capsys.readouterr().err
