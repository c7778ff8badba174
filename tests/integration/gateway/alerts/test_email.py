"""Mail, to a real SMTP server over real TLS."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest
import trustme

from gateway.alerts.channels import NotSent, Refused
from gateway.alerts.channels.email import Email
from gateway.alerts.settings import Email as EmailSettings
from gateway.alerts.wording import Words
from tests.listener import listening
from tests.mail_server import PASSWORD, USER, Mailbox, Security, mail_server

BOTH: tuple[Security, ...] = ("starttls", "tls")


@dataclass
class Server:
    mailbox: Mailbox
    settings: EmailSettings
    tls: ssl.SSLContext

    async def send(self, words: Words, **changes: Any) -> str:  # noqa: ANN401 - replace()'s
        channel = Email(replace(self.settings, **changes), tls=self.tls, try_s=5)
        return await asyncio.to_thread(channel.send, words)


@asynccontextmanager
async def serving(authority: trustme.CA, security: Security, *, name: str = "localhost") -> AsyncIterator[Server]:
    async with mail_server(authority, security, name=name) as server:
        recipients = ("anna@example.org",)
        settings = EmailSettings("localhost", server.port, security, "box@example.org", recipients, USER, PASSWORD)
        yield Server(server.mailbox, settings, server.tls)


@asynccontextmanager
async def answering(*lines: bytes) -> AsyncIterator[EmailSettings]:
    """Give a server that says these lines, one for each it is told, and then hangs up."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for line in lines:
            writer.write(line)
            await writer.drain()
            await reader.readline()

    async with listening(talk) as port:
        yield EmailSettings("localhost", port, "starttls", "box@example.org", ("anna@example.org",))


@pytest.mark.parametrize("security", BOTH)
async def test_mail_arrives_whole_when_the_server_takes_it(
    authority: trustme.CA, security: Security, words: Words
) -> None:
    async with serving(authority, security) as server:
        answer = await server.send(words, recipients=("anna@example.org", "ben@example.org"))

    assert answer == "250 2.0.0 queued"
    (message,) = server.mailbox.taken
    assert server.mailbox.envelopes == [["anna@example.org", "ben@example.org"]]
    assert message["Subject"] == "[Drawbridge] box: The line is down"
    assert message["From"] == "Drawbridge <box@example.org>"
    assert message["To"] == "anna@example.org, ben@example.org"
    assert message["Message-ID"] == "<drawbridge-abc-1@example.org>"
    assert message["Date"] == "Thu, 28 May 2026 20:26:40 +0000"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content_type() == "text/plain"
    assert message.get_content().replace("\r\n", "\n") == words.text


async def test_message_id_is_the_same_when_mail_is_sent_again(authority: trustme.CA, words: Words) -> None:
    async with serving(authority, "tls") as server:
        for _ in range(2):
            await server.send(words)

    assert len({message["Message-ID"] for message in server.mailbox.taken}) == 1
    assert len(server.mailbox.taken) == 2


@pytest.mark.parametrize("security", BOTH)
@pytest.mark.parametrize("fault", ["stranger", "name"])
async def test_nothing_is_said_to_a_server_whose_certificate_is_not_good(
    authority: trustme.CA, security: Security, fault: str, words: Words
) -> None:
    signer, name = (trustme.CA(), "localhost") if fault == "stranger" else (authority, "mail.example.org")
    async with serving(signer, security, name=name) as server:
        server.tls = ssl.create_default_context()
        authority.configure_trust(server.tls)
        with pytest.raises(NotSent, match="the certificate of localhost is not good") as raised:
            await server.send(words)

    assert not isinstance(raised.value, Refused)  # a clock that is wrong today may be right tomorrow
    assert server.mailbox.logins == 0
    assert server.mailbox.taken == []


async def test_nothing_is_said_to_a_server_that_offers_no_tls(words: Words) -> None:
    async with answering(b"220 mail ESMTP\r\n", b"250-mail\r\n250 AUTH PLAIN\r\n", b"250 OK\r\n") as settings:
        with pytest.raises(NotSent, match="STARTTLS"):
            await asyncio.to_thread(Email(replace(settings, username="box", password=PASSWORD)).send, words)


async def test_login_that_is_missing_is_told_with_what_to_do(authority: trustme.CA, words: Words) -> None:
    async with serving(authority, "starttls") as server:
        with pytest.raises(Refused, match="530") as raised:
            await server.send(words, username="", password="")

    assert raised.value.advice.startswith("the server wants a login")


@pytest.mark.parametrize("security", BOTH)
async def test_password_that_is_wrong_is_told_with_what_to_do(
    authority: trustme.CA, security: Security, words: Words, caplog: pytest.LogCaptureFixture
) -> None:
    secret = "wrong-password-of-the-owner"
    caplog.set_level(logging.DEBUG, logger="gateway")
    async with serving(authority, security) as server:
        with pytest.raises(Refused, match=r"535 5\.7\.8 bad credentials") as raised:
            await server.send(words, password=secret)

    assert raised.value.advice == "check alerts.email.username and the credential alerts.email.password"
    assert secret not in f"{raised.value!r} {raised.value.__cause__!r} {caplog.text} {server.settings!r}"
    assert server.mailbox.taken == []


async def test_greylisted_mail_arrives_when_it_is_tried_again(authority: trustme.CA, words: Words) -> None:
    async with serving(authority, "starttls") as server:
        server.mailbox.rcpt = lambda _address: "451 4.7.1 Greylisted, come back in 60 s"
        with pytest.raises(NotSent, match=r"451 4\.7\.1 Greylisted") as raised:
            await server.send(words)
        assert not isinstance(raised.value, Refused)

        server.mailbox.rcpt = lambda _address: None
        await server.send(words)

    assert len(server.mailbox.taken) == 1


@pytest.mark.parametrize(
    ("reply", "is_lasting"),
    [("550 5.1.1 no such user", True), ("552 5.3.4 too big", True), ("452 4.2.2 over quota", False)],
)
async def test_refused_text_is_lasting_only_when_the_server_says_so(
    authority: trustme.CA, reply: str, is_lasting: bool, words: Words
) -> None:
    async with serving(authority, "tls") as server:
        server.mailbox.data = lambda: reply
        with pytest.raises(NotSent, match=reply[:3]) as raised:
            await server.send(words)

    assert isinstance(raised.value, Refused) == is_lasting


async def test_others_get_their_mail_when_one_recipient_is_refused(authority: trustme.CA, words: Words) -> None:
    async with serving(authority, "tls") as server:
        server.mailbox.rcpt = lambda address: "550 gone" if address.startswith("ben") else None
        answer = await server.send(words, recipients=("ben@example.org", "anna@example.org"))

    assert answer.endswith("; not taken for 1 of 2 recipients")
    assert server.mailbox.envelopes == [["anna@example.org"]]


async def test_server_that_is_away_is_tried_again(words: Words) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        settings = EmailSettings("localhost", bound.getsockname()[1], "tls", "a@example.org", ("b@example.org",))
        with pytest.raises(NotSent, match="refused") as raised:
            await asyncio.to_thread(Email(settings).send, words)

    assert not isinstance(raised.value, Refused)


async def test_mail_is_tried_again_when_the_connection_is_cut_in_the_text(authority: trustme.CA, words: Words) -> None:
    async with serving(authority, "tls") as server, cutting(server.settings.port, after=200_000) as port:
        with pytest.raises(NotSent) as raised:
            await server.send(replace(words, text="x" * 2_000_000), port=port)

    assert not isinstance(raised.value, Refused)
    assert server.mailbox.logins == 1  # it was cut after that
    assert server.mailbox.taken == []


@asynccontextmanager
async def cutting(port: int, *, after: int) -> AsyncIterator[int]:
    """Give the port of a relay to ``port`` that hangs up after so many bytes."""

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)

        async def back() -> None:
            while chunk := await far_reader.read(65536):
                writer.write(chunk)

        async with asyncio.TaskGroup() as tasks:
            returning = tasks.create_task(back())
            passed = 0
            while passed < after and (chunk := await reader.read(65536)):
                passed += len(chunk)
                far_writer.write(chunk)
            returning.cancel()
        far_writer.transport.abort()

    async with listening(relay) as far:
        yield far


@pytest.mark.parametrize("greeting", [b"", b"220", b"junk\r\n", b"220 " + b"x" * 9000 + b"\r\n", b"421 busy\r\n"],
                         ids=["silence", "half", "junk", "long", "busy"])  # fmt: skip
async def test_try_ends_when_the_server_talks_nonsense(greeting: bytes, words: Words) -> None:
    async with answering(greeting) as settings:
        with pytest.raises(NotSent):
            await asyncio.to_thread(Email(settings, try_s=0.5).send, words)


async def test_try_ends_when_the_server_talks_for_ever(words: Words) -> None:
    async def drip(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"220-more\r\n")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with listening(drip) as port:
        settings = EmailSettings("localhost", port, "starttls", "a@b.example", ("c@d.example",))
        with pytest.raises(NotSent):
            await asyncio.to_thread(Email(settings, try_s=0.5).send, words)


@pytest.mark.parametrize(
    "text", ["a\r\nBcc: eve@example.org", "a\nb", "a\rb", "a\x00b"], ids=["crlf", "lf", "cr", "nul"]
)
def test_mail_is_not_made_when_a_header_would_have_a_line_of_its_own(text: str, words: Words) -> None:
    settings = EmailSettings("localhost", 25, "tls", "box@example.org", ("anna@example.org",))
    try:
        message = Email(settings).compose(replace(words, subject=text))
    except ValueError:
        return
    assert message["Bcc"] is None
    assert b"\nBcc" not in message.as_bytes()
