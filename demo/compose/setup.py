"""Make what the services trust each other by, and put each one's part into its volume: ``setup`` in compose.yaml.

::

    /setup/root      the private PKI with its roots' keys; no service mounts it
    /setup/agent     tls/ keys/ tokens/ monitor/ credentials/, and pki/: the CA that renews, without the root's key
    /setup/gateway   tls/ keys/ credentials/
    /setup/web       the certificate of the own web root, and roots.pem: what a browser has to trust

It runs before the services at every ``up`` and leaves alone what is there and good, so that it may be repeated and
interrupted anywhere. ``ready`` is written last, and what a service waits for. It runs as root, without a network and
with two capabilities, because what it makes belongs to four users.
"""

from __future__ import annotations

import base64
import os
import secrets
import sys
from collections.abc import Mapping
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from bridge.keys import Keyring, KeysRefused, Ring, generate, load_keyring, save_keyring
from bridge.pki import IDENTITY_FILE, USUAL_TERMS, Authority, PKIRefused, Profile, Terms, read_identity
from bridge.process.clock import SystemClock, utc
from bridge.process.environment import environment
from bridge.process.files import FOLDER_MODE, replace_file
from demo.compose.web_server import LOOPBACK_NAME, lan_name

READY_FILE: Final = "ready"
STORE_DSN: Final = "postgresql://drawbridge_agent@/drawbridge_store?host=/run/postgresql"
SAMPLE_DSN: Final = "postgresql://drawbridge_source@/clinic?host=/run/postgresql"
WEB_TERMS: Final = Terms(life=timedelta(days=397), due=timedelta(days=90))
"""The own web certificate is made anew by ``up``, and nothing else: it lives as long as browsers allow."""

_UNITS: Final = ("gateway", "monitor")
_SEAL_KEY_BYTES: Final = 32
_INTERMEDIATE_LEFT: Final = timedelta(days=400)


class Setup:
    """The four volumes below ``folder``. Every method may be repeated."""

    def __init__(self, folder: Path, now: datetime) -> None:
        self._root = folder / "root"
        self._agent = folder / "agent"
        self._gateway = folder / "gateway"
        self._web = folder / "web"
        self._now = now

    def make_pki(self) -> None:
        """Make the roots and the units' certificates; prolong the intermediate in its last year."""
        authority = Authority(self._root)
        if not authority.exists:
            authority.init(now=self._now)
        if self._left(self._root / "intermediate.pem") < _INTERMEDIATE_LEFT:
            authority.prolong_intermediate(now=self._now)
        tls_folders = {
            "agent": self._agent / "tls",
            "gateway": self._gateway / "tls",
            "monitor": self._agent / "monitor" / "tls",
        }
        for unit, tls in tls_folders.items():
            if self._left(tls / IDENTITY_FILE) + USUAL_TERMS.renewable < timedelta():  # else they renew by themselves
                authority.issue_unit(unit, tls, now=self._now)

    def give_the_agent_its_ca(self) -> None:
        """Copy the PKI without its roots' keys: the agent renews the units' certificates."""
        for path in self._root.rglob("*"):  # what the agent issued meanwhile stays in its own list
            copy = self._agent / "pki" / path.relative_to(self._root)
            is_for_agent = path.is_file() and path.name != "root.key" and self._root / "web" not in path.parents
            if is_for_agent and not (copy.exists() and copy.read_bytes() == path.read_bytes()):
                replace_file(copy, path.read_bytes())

    def make_keys(self) -> None:
        """Share a secret between the agent and each unit, unless they have one."""
        folders = [self._gateway / "keys", self._agent / "monitor" / "keys"]
        try:
            for folder in (self._agent / "keys", *folders):
                load_keyring(folder)
        except KeysRefused:
            rings = {unit: Ring(generate(unit, now=self._now)) for unit in _UNITS}
            for unit, folder in zip(_UNITS, folders, strict=True):
                save_keyring(folder, Keyring({unit: rings[unit]}))
            save_keyring(self._agent / "keys", Keyring(rings))

    def issue_web_certificate(self, domain: str) -> None:
        """Make the certificate that nginx shows while there is no public one, for ``domain`` and this machine."""
        names = sorted({domain, lan_name(domain), LOOPBACK_NAME})
        try:
            leaf = read_identity(self._web / IDENTITY_FILE).certificate
            is_good = Profile.of_certificate(leaf) == self._web_profile(names)
            is_good = is_good and not WEB_TERMS.is_due(leaf, now=self._now)
        except PKIRefused:
            is_good = False
        if not is_good:
            Authority(self._root, WEB_TERMS).issue_web_server(self._web_profile(names), self._web, now=self._now)
        for name in ("fullchain.pem", "privkey.pem"):  # as certbot calls the two, here one file
            if not (self._web / name).is_symlink():
                (self._web / name).symlink_to(IDENTITY_FILE)

    def write_credentials(self, database_url: str) -> None:
        """Write what systemd would pass as credentials; ``database_url`` may hold a password."""
        _write(self._agent / "credentials", {"store.dsn": STORE_DSN, "source.dsn": database_url or SAMPLE_DSN})
        seal_key = self._gateway / "credentials" / "chat.seal-key"
        if not seal_key.exists():
            _write(seal_key.parent, {seal_key.name: base64.b64encode(secrets.token_bytes(_SEAL_KEY_BYTES)).decode()})

    def hand_over(self) -> None:
        """Give each volume's content to the volume's owner, then say that it is there."""
        (self._agent / "tokens").mkdir(mode=FOLDER_MODE, exist_ok=True)
        for volume in (self._agent, self._gateway, self._web):
            owner = volume.stat()
            for path in volume.rglob("*"):
                os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
            replace_file(volume / READY_FILE, b"")

    def _left(self, path: Path) -> timedelta:
        """Return how long the certificate in ``path`` is good for; less than any limit where there is none."""
        try:
            return read_identity(path).certificate.not_valid_after_utc - self._now
        except PKIRefused:
            return timedelta(days=-100_000)

    @staticmethod
    def _web_profile(names: list[str]) -> Profile:
        return Profile.of_web_server(names, [ip_address("127.0.0.1"), ip_address("::1")])


def _write(folder: Path, values: Mapping[str, str]) -> None:
    for name, value in values.items():
        path = folder / name
        if not path.exists() or path.read_text("utf-8") != value:
            replace_file(path, value.encode())


def main() -> int:
    variables = environment()
    setup = Setup(Path("/setup"), utc(SystemClock().time()))
    setup.make_pki()
    setup.make_keys()
    setup.issue_web_certificate(variables.get("DOMAIN", "localhost"))
    setup.write_credentials(variables.get("DATABASE_URL", ""))
    setup.give_the_agent_its_ca()
    setup.hand_over()
    return 0


if __name__ == "__main__":
    sys.exit(main())
