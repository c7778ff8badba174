"""By mail: plain text to a submission server, over TLS that is always verified (RFC 8314, RFC 3207).

The Message-ID is the same at each try, so that a mailbox which got one twice can tell; a try that broke off after the
text was sent cannot.
"""

from __future__ import annotations

import smtplib
import socket
import ssl
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final

from bridge.process.clock import utc
from gateway.alerts.channels import TRY_S, NotSent, Refused, without
from gateway.alerts.channels.connection import connection
from gateway.alerts.settings import Email as EmailSettings
from gateway.alerts.wording import PRODUCT, Words

_PERMANENT: Final = range(500, 600)
_ADVICE: Final = {
    530: "the server wants a login: set alerts.email.username and the credential alerts.email.password",
    534: "the server wants another kind of password (an app password): set the credential alerts.email.password",
    535: "check alerts.email.username and the credential alerts.email.password",
    550: "check alerts.email.recipients and alerts.email.sender",
    553: "the server does not take alerts.email.sender from this login",
}
_MINE: Final = "[127.0.0.1]"
"""Our name in EHLO, an address literal: finding a better one out could mean asking a resolver that does not answer."""


class Email:
    """Give ``tls`` for other authorities than the system's."""

    name = "email"

    def __init__(self, settings: EmailSettings, *, tls: ssl.SSLContext | None = None, try_s: float = TRY_S) -> None:
        self._settings = settings
        self._tls = tls
        self._try_s = try_s

    def send(self, words: Words) -> str:
        message = self.compose(words)
        try:
            with connection(self._settings.host, self._settings.port, within_s=self._try_s) as plain:
                return self._submit(plain, message)
        except smtplib.SMTPRecipientsRefused as error:
            replies = list(error.recipients.values())
            lasting = all(code in _PERMANENT for code, _ in replies)
            raise self._told(*replies[0], lasting=lasting) from None
        except smtplib.SMTPResponseException as error:
            raise self._told(error.smtp_code, error.smtp_error, lasting=error.smtp_code in _PERMANENT) from None
        except ssl.SSLCertVerificationError as error:
            msg = f"the certificate of {self._settings.host} is not good: {error.verify_message}"
            raise NotSent(msg) from None
        except (OSError, smtplib.SMTPException, ValueError) as error:  # ValueError: a reply that is none
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            msg = without(self._settings.password, f"{self._settings.host}: {reason}")
            raise NotSent(msg) from None

    def compose(self, words: Words) -> EmailMessage:
        sender = self._settings.sender
        message = EmailMessage(SMTP)
        message["From"] = f"{PRODUCT} <{sender}>"
        message["To"] = ", ".join(self._settings.recipients)
        message["Subject"] = words.subject
        message["Date"] = format_datetime(utc(words.at))
        message["Message-ID"] = f"<{PRODUCT.lower()}-{words.id}@{sender.partition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no vacation notice answers
        if words.severity == "critical":
            message["Importance"] = "high"
        message.set_content(words.text, cte="quoted-printable")
        return message

    def _submit(self, plain: socket.socket, message: EmailMessage) -> str:
        settings = self._settings
        tls = self._tls or ssl.create_default_context()  # made for each try: the authorities weigh megabytes
        client = _Client(plain, settings, tls)
        try:
            if settings.security == "starttls":
                client.starttls(context=tls)
            if settings.username:
                client.login(settings.username, settings.password)
            client.ehlo_or_helo_if_needed()
            answer = client.submit(settings.sender, settings.recipients, message.as_bytes())
        except BaseException:
            client.close()
            raise
        client.leave()
        return without(settings.password, answer)

    def _told(self, code: int, said: bytes | str, *, lasting: bool) -> NotSent:
        text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
        reason = without(self._settings.password, f"{code} {text}")
        return Refused(reason, _ADVICE.get(code, "")) if lasting else NotSent(reason)


class _Client(smtplib.SMTP):
    """smtplib's client on a connection that is there already."""

    def __init__(self, plain: socket.socket, settings: EmailSettings, tls: ssl.SSLContext) -> None:
        self._given = (
            tls.wrap_socket(plain, server_hostname=settings.host) if settings.security == "tls" else plain
        )  # fmt: skip
        super().__init__(settings.host, settings.port, local_hostname=_MINE)

    def _get_socket(self, *_arguments: object) -> socket.socket:
        return self._given

    def submit(self, sender: str, recipients: tuple[str, ...], content: bytes) -> str:
        """Send a message to whom the server takes it for, and return what it said. Raises SMTPException."""
        code, said = self.mail(sender)
        if code != 250:  # noqa: PLR2004 - RFC 5321's "okay"
            raise smtplib.SMTPSenderRefused(code, said, sender)
        replies = {recipient: self.rcpt(recipient) for recipient in recipients}
        refused = {recipient: reply for recipient, reply in replies.items() if reply[0] not in {250, 251}}
        if len(refused) == len(recipients):
            raise smtplib.SMTPRecipientsRefused(refused)
        code, said = self.data(content)
        if code != 250:  # noqa: PLR2004
            raise smtplib.SMTPDataError(code, said)
        not_to = f"; not taken for {len(refused)} of {len(recipients)} recipients" if refused else ""
        return f"{code} {said.decode('utf-8', 'replace')}{not_to}"

    def leave(self) -> None:
        """Say goodbye; how that goes changes nothing."""
        try:
            self.quit()
        except (OSError, smtplib.SMTPException):
            self.close()
