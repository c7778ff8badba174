"""A provider that nobody here wrote: npm's oidc-provider (certified by the OpenID Foundation), as a process of its own.

``python demo/bootstrap.py test`` installs what ``package-lock.json`` pins; the Node.js is playwright's.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import playwright
import pytest
import trustme

from demo.bootstrap import VENV
from demo.door import free_port

MODULE: Final = VENV / "node" / "node_modules" / "oidc-provider"
NODE: Final = Path(playwright.__file__).parent / "driver" / "node"
SECRET: Final = "a secret of/the client+s"
CLIENT: Final = "drawbridge"


@dataclass(frozen=True)
class NpmProvider:
    """It listens at ``issuer``; ``ca_file`` vouches for it. Any password is right."""

    issuer: str
    port: int
    ca_file: Path


def is_installed() -> bool:
    return MODULE.exists()


def skip_unless_installed() -> None:
    if not is_installed():
        pytest.skip("needs npm's oidc-provider: python3 demo/bootstrap.py test")


@dataclass(frozen=True, kw_only=True)
class Served:
    """What a provider is told: who it is, whom it shows that with, whom it knows, and where it sends them back to."""

    issuer: str
    port: int
    key: str
    """In PEM, as the certificate."""
    certificate: str
    people: Mapping[str, Mapping[str, Any]]
    """Claims by login."""
    callback: str
    host: str = "127.0.0.1"
    """The address it listens at."""
    algorithm: str = "RS256"
    keys: Mapping[str, Any] | None = None
    """A JWKS to sign with, instead of the package's own."""


@contextmanager
def serving(what: Served) -> Iterator[subprocess.Popen[str]]:
    """Run a provider that listens."""
    given = {"module": str(MODULE), "client": CLIENT, "secret": SECRET, **asdict(what)}
    with subprocess.Popen(
        [NODE, Path(__file__).with_name("provider.mjs")], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, env={}, text=True,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps(given) + "\n")
            process.stdin.flush()
            while (line := process.stdout.readline()) != "ready\n":
                assert line, "the provider ended"
            yield process
        finally:
            process.kill()


@contextmanager
def npm_provider(
    folder: Path,
    people: Mapping[str, Mapping[str, Any]],
    *,
    callback: str,
    host: str = "localhost",
    algorithm: str = "RS256",
    keys: Mapping[str, Any] | None = None,
) -> Iterator[NpmProvider]:
    """Give a provider that knows ``people``, claims by login, and sends them back to ``callback``."""
    skip_unless_installed()
    authority = trustme.CA()
    ca_file = folder / "npm-ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    server = authority.issue_cert(host)
    port = free_port()
    issuer = f"https://{host}:{port}"
    what = Served(
        issuer=issuer, port=port, key=server.private_key_pem.bytes().decode(),
        certificate="".join(each.bytes().decode() for each in server.cert_chain_pems), callback=callback,
        algorithm=algorithm, people=people, keys=keys,
    )  # fmt: skip
    with serving(what):
        yield NpmProvider(issuer, port, ca_file)
