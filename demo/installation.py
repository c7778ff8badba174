"""What Ansible puts onto the two Pis, put into one folder: certificates, keys, settings, credentials.

::

    DATA_DIR/                     0700
      demo.json  curl.conf        how to get in, for programs
      pki/                        the private PKI; pki/web/root.pem is what a browser has to trust
      agent/    agent.toml   tls/  keys/  tokens/  credentials/        as on the RPI3
      gateway/  gateway.toml tls/  keys/  web/     credentials/        as on the RPI4
      log/      agent.log  gateway.log
      postgres/                   the server and its data (not for root: see demo.postgres.home_for)

Credentials are what systemd would pass to the unit: one file a secret, named after its setting.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from bridge.keys import Keyring, KeysRefused, Ring, generate, load_keyring, save_keyring
from bridge.pki import IDENTITY_FILE, ROOTS_FILE, USUAL_TERMS, Authority, PKIRefused, Profile, read_identity
from bridge.process.files import FOLDER_MODE, replace_file
from demo.processes import DemoError
from demo.records import TIME_ZONE

LISTEN_HOST: Final = "127.0.0.1"
SERVER_NAME: Final = "localhost"
UNIT: Final = "gateway"
_SEAL_KEY_BYTES: Final = 32

# Together with PostgreSQL's 3 s, everything has stopped within 10 s.
AGENT_DRAIN_S: Final = 2.0
GATEWAY_DRAIN_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class Access:
    """How to get in."""

    url: str
    ca_file: str
    email: str
    password: str
    token: str


class Installation:
    """The folder of one demo. Every method may be repeated; what is there and still good stays."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.agent = self.folder / "agent"
        self.gateway = self.folder / "gateway"
        self.log = self.folder / "log"
        self.pki = self.folder / "pki"
        self.web = self.gateway / "web"

    @property
    def ca_file(self) -> Path:
        """What a browser has to trust."""
        return self.web / ROOTS_FILE

    @property
    def curl_file(self) -> Path:
        return self.folder / "curl.conf"

    @property
    def is_new(self) -> bool:
        """Whether no demo lives here yet."""
        return not self._origin_file.is_file()

    def claim(self, origin: str) -> None:
        """Make the folder, for records from ``origin``. Raises DemoError where it holds something else.

        Its accounts are linked to persons by their ids: in another database, those would be strangers.
        """
        if self.is_new and self.folder.exists() and any(self.folder.iterdir()):
            msg = f"{self.folder} is not empty, and no demo's: choose another folder with DATA_DIR="
            raise DemoError(msg)
        for folder in (self.folder, self.agent, self.gateway, self.log):
            folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
            folder.chmod(FOLDER_MODE)
        if self.is_new:
            replace_file(self._origin_file, origin.encode())
        elif self._origin_file.read_text("utf-8") != origin:
            msg = f"{self.folder} was made for another database: choose another folder with DATA_DIR="
            raise DemoError(msg)

    @property
    def _origin_file(self) -> Path:
        return self.folder / "origin"

    def issue_certificates(self, now: datetime) -> int:
        """Make the PKI, and what is missing or due of its certificates. Returns how many were made."""
        authority = Authority(self.pki)
        if not authority.exists:
            authority.init(now=now)
        made = 0
        for unit, folder in (("agent", self.agent / "tls"), (UNIT, self.gateway / "tls")):
            if _is_due(folder, now):
                authority.issue_unit(unit, folder, now=now)
                made += 1
        if _is_due(self.web, now):
            profile = Profile.of_web_server([SERVER_NAME], [ip_address(LISTEN_HOST), ip_address("::1")])
            authority.issue_web_server(profile, self.web, now=now)
            made += 1
        return made

    def make_keys(self, now: datetime) -> None:
        """Share a secret between agent and gateway, unless they have one."""
        try:
            load_keyring(self.gateway / "keys")
            load_keyring(self.agent / "keys")
        except KeysRefused:
            keyring = Keyring({UNIT: Ring(generate(UNIT, now=now))})
            save_keyring(self.agent / "keys", keyring)
            save_keyring(self.gateway / "keys", keyring)

    def write_agent(self, *, port: int, mapping: Path, credentials: Mapping[str, str]) -> None:
        """Write the agent's settings and credentials, these by the names of their settings."""
        _write_settings(
            self.agent / "agent.toml",
            {
                "bridge": {
                    "host": LISTEN_HOST,
                    "port": port,
                    "tls_dir": self.agent / "tls",
                    "keys_dir": self.agent / "keys",
                    "ca_dir": self.pki,
                    "drain_s": AGENT_DRAIN_S,
                },
                "source": {"mapping": mapping},
                "tokens": {"keys_dir": self.agent / "tokens"},
            },
        )
        _write_credentials(self.agent / "credentials", credentials)

    def write_gateway(self, *, port: int, agent_port: int) -> None:
        """Write the gateway's settings and credentials."""
        _write_settings(
            self.gateway / "gateway.toml",
            {
                "listen": {
                    "kind": "tcp",
                    "host": LISTEN_HOST,
                    "port": port,
                    "certificate": self.web / IDENTITY_FILE,
                    "drain_s": GATEWAY_DRAIN_S,
                },
                "bridge": {
                    "host": LISTEN_HOST,
                    "port": agent_port,
                    "tls_dir": self.gateway / "tls",
                    "keys_dir": self.gateway / "keys",
                },
                "chat": {"time_zone": TIME_ZONE.key},
            },
        )
        credentials = self.gateway / "credentials"
        if not (credentials / "chat.seal-key").is_file():
            seal_key = base64.b64encode(secrets.token_bytes(_SEAL_KEY_BYTES)).decode()
            _write_credentials(credentials, {"chat.seal-key": seal_key})

    @property
    def token(self) -> str:
        """The access token of the last start, if there was one."""
        try:
            return str(json.loads((self.folder / "demo.json").read_bytes())["token"])
        except (OSError, ValueError, KeyError):
            return ""

    def write_access(self, access: Access) -> None:
        """Write how to get in: as JSON, and as options for curl, which keep the token out of the list of processes."""
        replace_file(self.folder / "demo.json", json.dumps(asdict(access), indent=2).encode() + b"\n")
        options = f'cacert = "{access.ca_file}"\nheader = "Authorization: Bearer {access.token}"\n'
        replace_file(self.curl_file, options.encode())


def _is_due(folder: Path, now: datetime) -> bool:
    try:
        return USUAL_TERMS.is_due(read_identity(folder / IDENTITY_FILE).certificate, now=now)
    except PKIRefused:
        return True


def _write_settings(path: Path, tables: Mapping[str, Mapping[str, str | float | Path]]) -> None:
    lines = ["# Written by the demo at every start; changes made here are lost."]
    for table, settings in tables.items():
        lines += ["", f"[{table}]"]
        lines += [f"{key} = {_toml(value)}" for key, value in settings.items()]
    replace_file(path, "\n".join([*lines, ""]).encode())


def _toml(value: str | float | Path) -> str:
    return json.dumps(
        str(value) if isinstance(value, Path) else value, ensure_ascii=False
    )  # a subset of TOML's strings


def _write_credentials(folder: Path, values: Mapping[str, str]) -> None:
    for name, value in values.items():
        replace_file(folder / name, value.encode())
