"""What the appliance needs of the Internet: a name server, and an ACME server that checks as Let's Encrypt does."""

from __future__ import annotations

import base64
import json
import secrets
import ssl
from pathlib import Path
from typing import Final

import trustme

from tests.lab import network
from tests.lab.network import INET, INTERNET
from tests.lab.shell import Background, LabError, wait_until

DOMAIN: Final = "health.lab.test"
ACME: Final = "acme.lab.test"
_ACME_PORT: Final = 14000
_MANAGEMENT_PORT: Final = 15000
DIRECTORY: Final = f"https://{ACME}:{_ACME_PORT}/dir"

_LIFE_S: Final = 90 * 24 * 3600
"""As Let's Encrypt's."""

_ZONE: Final = f"""\
$TTL 60
@ SOA ns.lab.test. owner.lab.test. 1 3600 600 86400 60
@ NS ns
ns A {INTERNET}
acme A {INTERNET}
health A {network.OUTSIDE}
"""


DNS_KEY: Final = "acme-of-the-door."
"""Signs updates of the domain's challenge, and of nothing else."""


class Internet:
    """Runs in the namespace ``lab-inet``; its files and logs are in ``folder``."""

    def __init__(self, background: Background, folder: Path) -> None:
        self._background = background
        self._folder = folder / "internet"
        self.acme_ca = self._folder / "ca.pem"
        """What the ACME server itself is trusted by."""
        self._dns_secret = self._folder / "dns-key"

    @property
    def dns_secret(self) -> str:
        """The secret of :data:`DNS_KEY`, HMAC-SHA256, base64."""
        return self._dns_secret.read_text()

    def start(self) -> None:
        self._folder.mkdir(exist_ok=True)
        self._start_names()
        self._start_acme()

    def stop(self) -> None:
        for name in ("acme", "names"):
            self._background.stop(name)

    def root(self) -> str:
        """Return the root certificate that this ACME server's certificates lead to, in PEM."""
        return network.inside(
            INET, "curl", "--silent", "--fail", "--cacert", self.acme_ca, f"https://{ACME}:{_MANAGEMENT_PORT}/roots/0",
            "--resolve", f"{ACME}:{_MANAGEMENT_PORT}:{INTERNET}",
        )  # fmt: skip

    def _start_names(self) -> None:
        zone = self._folder / "lab.test.zone"
        zone.write_text(_ZONE)
        self._dns_secret.write_text(base64.b64encode(secrets.token_bytes(32)).decode())
        settings = self._folder / "named.conf"
        settings.write_text(
            f'options {{ directory "{self._folder}"; listen-on {{ {INTERNET}; 127.0.0.1; }}; listen-on-v6 {{ none; }};'
            f' recursion no; pid-file none; session-keyfile "{self._folder}/session.key"; }};\n'
            f'controls {{ }};\nkey "{DNS_KEY}" {{ algorithm hmac-sha256; secret "{self.dns_secret}"; }};\n'
            f'zone "lab.test" {{ type primary; file "{zone}";'
            f" update-policy {{ grant {DNS_KEY} name _acme-challenge.{DOMAIN}. TXT; }}; }};\n"
        )
        self._background.start("names", "ip", "netns", "exec", INET, "named", "-g", "-c", settings)
        wait_until(lambda: self._resolves(DOMAIN), timeout_s=10, what="the name server")

    def _start_acme(self) -> None:
        authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
        authority.cert_pem.write_to_path(self.acme_ca)
        identity = authority.issue_cert(ACME, key_type=trustme.KeyType.ECDSA)
        identity.private_key_pem.write_to_path(self._folder / "acme.key")
        identity.cert_chain_pems[0].write_to_path(self._folder / "acme.pem")
        settings = self._folder / "pebble.json"
        settings.write_text(json.dumps({
            "pebble": {
                "listenAddress": f"{INTERNET}:{_ACME_PORT}",
                "managementListenAddress": f"{INTERNET}:{_MANAGEMENT_PORT}",
                "certificate": str(self._folder / "acme.pem"),
                "privateKey": str(self._folder / "acme.key"),
                "httpPort": 80,
                "tlsPort": 443,
                "ocspResponderURL": "",
                "externalAccountBindingRequired": False,
                "certificateValidityPeriod": _LIFE_S,
            }
        }))  # fmt: skip
        self._background.start(
            "acme", "ip", "netns", "exec", INET, "env", "PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=0",
            "pebble", "-config", settings, "-strict=false", "-dnsserver", f"{INTERNET}:53",
        )  # fmt: skip
        wait_until(self._gives_roots, timeout_s=10, what="the ACME server")

    def _resolves(self, name: str) -> bool:
        return network.OUTSIDE in network.inside(INET, "dig", "+short", "+time=1", f"@{INTERNET}", name, check=False)

    def _gives_roots(self) -> bool:
        try:
            return bool(ssl.PEM_cert_to_DER_cert(self.root()))
        except (LabError, ValueError):
            return False
