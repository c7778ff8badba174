"""A mail server on the Internet of the monitor's world, and the monitor's settings for it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.integration.gateway.connectivity.world import ROOT, World
from tests.lab.peers import mailbox

ADDRESS: Final = "203.0.113.25"
EMAIL: Final[Mapping[str, object]] = {
    "host": ADDRESS, "sender": "box@example.org", "recipients": ["owner@example.org"], "username": mailbox.USER,
    "password": mailbox.PASSWORD,
}  # fmt: skip


def trusting(made: World) -> tuple[str, ...]:
    """Return the command before a program that is to trust the world's authority, and nobody else."""
    return ("env", f"SSL_CERT_FILE={made.folder / 'ca.pem'}", f"SSL_CERT_DIR={made.folder}")


@contextmanager
def post(made: World, address: str = ADDRESS) -> Iterator[None]:
    """Run the server until the end; it is ready before the monitor has anything to tell."""
    alone = (f"{address}/128", "nodad") if ":" in address else (f"{address}/32",)
    made.internet.run("ip", "address", "add", *alone, "dev", "eth0")
    issued = made.authority.issue_cert(address)
    issued.private_key_pem.write_to_path(made.folder / "mail.key")
    issued.cert_chain_pems[0].write_to_path(made.folder / "mail.pem")
    command = (sys.executable, "-m", "tests.lab.peers.mailbox", str(made.folder / "mails"), address)
    files = (str(made.folder / "mail.pem"), str(made.folder / "mail.key"))
    with made.internet.start(*command, *files, cwd=ROOT, stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.kill()


def mails(folder: Path, cause: str) -> list[str]:
    """Return the texts of the mails about ``cause``, in their order."""
    texts = [path.read_text("utf-8") for path in sorted((folder / "mails").glob("*.eml"))]
    return [text for text in texts if f"Cause: {cause}" in text]


def is_told_in_the_log(made: World, cause: str) -> bool:
    """Say whether the monitor has told its own log, which is the journal, of ``cause``."""
    lines = (made.folder / "monitor.log").read_text("utf-8").splitlines()
    return any('"alert_told"' in line and f"Cause: {cause}" in line for line in lines)
