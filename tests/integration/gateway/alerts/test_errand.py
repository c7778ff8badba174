"""A message sent by a process of its own, to a real SMTP server over real TLS."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
import trustme

from gateway.alerts.channels import NotSent, Refused
from gateway.alerts.errand import Errand
from gateway.alerts.sending import run
from gateway.alerts.settings import Webhook
from gateway.alerts.wording import Words
from tests.integration.gateway.alerts.test_email import serving
from tests.mail_server import PASSWORD

NOWHERE = Webhook(shape="json", url="https://127.0.0.1:9/")


@pytest.fixture(autouse=True)
def trust(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the program trust the tests' authority, and nobody else."""
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


async def test_mail_arrives_and_the_servers_words_come_back_when_a_program_sends_it(
    authority: trustme.CA, words: Words
) -> None:
    async with serving(authority, "starttls") as server:
        said = await asyncio.to_thread(Errand("email", server.settings).send, words)

    assert said == "250 2.0.0 queued"
    (message,) = server.mailbox.taken
    assert message["Message-ID"] == "<drawbridge-abc-1@example.org>"
    assert message.get_content().replace("\r\n", "\n") == words.text


async def test_refusal_comes_back_with_its_advice_when_the_server_refuses(authority: trustme.CA, words: Words) -> None:
    async with serving(authority, "tls") as server:
        server.mailbox.data = lambda: "550 5.7.1 no"
        with pytest.raises(Refused) as refused:
            await asyncio.to_thread(Errand("email", server.settings).send, words)

    assert (refused.value.reason, refused.value.advice) == (
        "550 5.7.1 no", "check alerts.email.recipients and alerts.email.sender"
    )  # fmt: skip


def test_message_can_be_tried_again_when_nobody_answers(words: Words) -> None:
    with pytest.raises(NotSent, match=r"127\.0\.0\.1") as failed:
        Errand("webhook", NOWHERE).send(words)

    assert not isinstance(failed.value, Refused)
    assert failed.value.wait_s is None


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        (python("import time; time.sleep(60)"), "it took too long"),
        (python("import os; os.kill(os.getpid(), 9)"), "the program that sends ended with -9"),
        (("/nonexistent",), "No such file or directory"),
    ],
    ids=["hangs", "killed", "not there"],
)
def test_message_can_be_tried_again_when_the_program_fails(words: Words, program: tuple[str, ...], reason: str) -> None:
    with pytest.raises(NotSent) as failed:
        Errand("webhook", NOWHERE, program=program, within_s=1.0).send(words)

    assert failed.value.reason == reason


def test_fault_of_a_channel_is_told_by_its_kind_alone_when_it_raises(words: Words) -> None:
    errand = {"channel": "webhook", "settings": asdict(NOWHERE) | {"shape": PASSWORD}, "words": asdict(words)}
    assert run(errand) == {"reason": "KeyError", "wait_s": None}


def test_no_secret_is_among_the_arguments_when_a_program_sends(words: Words, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []

    def look(arguments: object, **options: object) -> subprocess.CompletedProcess[bytes]:
        seen.extend([arguments, options.get("env")])
        return subprocess.CompletedProcess([], 0, b'{"said": "ok"}')

    monkeypatch.setattr(subprocess, "run", look)
    Errand("webhook", Webhook(shape="ntfy", url="https://127.0.0.1:9/", token=PASSWORD)).send(words)
    assert seen[1] is None
    assert PASSWORD not in str(seen[0])
