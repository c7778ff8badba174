"""A private PKI for a test, and the TLS folders of its units."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cryptography.x509 import Certificate

from bridge.pki import (
    IDENTITY_FILE,
    REVOKED_FILE,
    ROOTS_FILE,
    Authority,
    Identity,
    Profile,
    generate_key,
    issue,
    read_certificates,
    read_identity,
    write_certificates,
    write_identity,
    write_revoked,
)

AGENT_NAME: Final = "agent.drawbridge.internal"


class Folders:
    """The PKI in ``folder/pki``, and a TLS folder beside it for each name that is asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder: Final = folder
        self.authority: Final = Authority(folder / "pki")
        self.authority.init(now=datetime.now(UTC))

    def issue(self, unit: str, *, into: str = "", now: datetime | None = None) -> Path:
        """Issue for ``unit`` into the TLS folder of its name or of ``into``, and return that."""
        folder = self.folder / (into or unit)
        self.authority.issue_unit(unit, folder, now=now or datetime.now(UTC))
        return folder

    def issue_as(self, profile: Profile, *, into: str) -> Path:
        """Have the intermediate sign whatever ``profile`` says."""
        folder, key = self.folder / into, generate_key()
        issuer = read_identity(self.folder / "pki" / "intermediate.pem")
        chain = issue(issuer, profile, key.public_key(), now=datetime.now(UTC))
        write_identity(folder / IDENTITY_FILE, Identity(key, chain))
        write_certificates(folder / ROOTS_FILE, self.roots)
        write_revoked(folder / REVOKED_FILE, ())
        return folder

    @property
    def roots(self) -> tuple[Certificate, ...]:
        return read_certificates(self.folder / "pki" / "root.pem")


def serial_in(folder: Path) -> int:
    """Return the serial number of a TLS folder's certificate."""
    return read_identity(folder / IDENTITY_FILE).certificate.serial_number


def shake_hands(
    server: ssl.SSLContext, client: ssl.SSLContext, *, server_hostname: str = AGENT_NAME
) -> tuple[ssl.SSLObject, ssl.SSLObject, ssl.SSLError | None, ssl.SSLError | None]:
    """Let two contexts meet in memory; return both ends, and what each ended with (None where it was content)."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = {
        "server": server.wrap_bio(to_server, to_client, server_side=True),
        "client": client.wrap_bio(to_client, to_server, server_hostname=server_hostname),
    }
    errors: dict[str, ssl.SSLError | None] = {"server": None, "client": None}
    for _ in range(4):
        for name in ("client", "server"):
            if errors[name] is None:
                try:
                    ends[name].do_handshake()
                    ends[name].read(1)
                except ssl.SSLWantReadError:
                    pass
                except ssl.SSLError as error:
                    errors[name] = error
    return ends["server"], ends["client"], errors["server"], errors["client"]
