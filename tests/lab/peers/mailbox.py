"""A mail server on the lab's Internet: real SMTP with STARTTLS and a password, and a file for each message.

``python -m tests.lab.peers.mailbox FOLDER ADDRESS CERTIFICATE KEY`` serves until it is ended.
"""

from __future__ import annotations

import ssl
import sys
import threading
from itertools import count
from pathlib import Path
from typing import Final

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

PORT: Final = 587
USER: Final = "box"
PASSWORD: Final = "Passw0rd-for-the-box"


class Keeper:
    """Writes each message whole before it says that it was taken."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = count(len(list(folder.glob("*.eml"))) + 1)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - its name there
        draft = self._folder / "draft"
        draft.write_bytes(envelope.original_content or b"")
        draft.rename(self._folder / f"{next(self._numbers):04}.eml")
        return "250 kept"


def _who(_server: SMTP, _session: Session, _envelope: Envelope, mechanism: str, data: object) -> AuthResult:
    known = LoginPassword(USER.encode(), PASSWORD.encode())
    return AuthResult(success=mechanism in {"PLAIN", "LOGIN"} and data == known)


def main(folder: Path, address: str, certificate: str, key: str) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    folder.mkdir(exist_ok=True)
    server = Controller(
        Keeper(folder), hostname=address, port=PORT, tls_context=context, require_starttls=True, auth_required=True,
        authenticator=_who,
    )  # fmt: skip
    server.start()
    threading.Event().wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:5])
