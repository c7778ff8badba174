"""What the appliance needs of the Internet: names, a strict ACME server, mail, a mirror, a sign-in service."""

from __future__ import annotations

import base64
import json
import re
import secrets
import ssl
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import trustme

from tests.lab import network
from tests.lab.network import INET, INTERNET, ROUTER, WAN
from tests.lab.peers import login, mailbox
from tests.lab.shell import PROJECT, Background, LabError, wait_until

DOMAIN: Final = "health.lab.test"
ACME: Final = "acme.lab.test"
MAIL: Final = "mail.lab.test"
MIRROR: Final = "mirror.lab.test"
LOGIN: Final = "login.lab.test"
OWNER: Final = "owner@lab.test"
_ACME_PORT: Final = 14000
_MANAGEMENT_PORT: Final = 15000
DIRECTORY: Final = f"https://{ACME}:{_ACME_PORT}/dir"
ISSUER: Final = f"https://{LOGIN}:{login.PORT}"

_CALLBACK: Final = f"https://{DOMAIN}/auth/oidc/callback"

_LIFE_S: Final = 90 * 24 * 3600
"""As Let's Encrypt's."""

_ZONE: Final = f"""\
$TTL 60
@ SOA ns.lab.test. owner.lab.test. 1 3600 600 86400 60
@ NS ns
ns A {INTERNET}
acme A {INTERNET}
mail A {INTERNET}
mirror A {INTERNET}
login A {INTERNET}
health A {network.OUTSIDE}
"""


DNS_KEY: Final = "acme-of-the-door."
"""Signs updates of the domain's challenge, and of nothing else."""
DDNS_KEY: Final = "ddns-of-the-door."
"""Signs updates of the domain's own addresses, and of nothing else."""


class Internet:
    """Runs in the namespace ``lab-inet``; its files and logs are in ``folder``."""

    def __init__(self, background: Background, folder: Path) -> None:
        self._background = background
        self._folder = folder / "internet"
        self.acme_ca = self._folder / "ca.pem"
        """What the ACME server itself is trusted by, and the other services here."""
        self._secrets = self._folder / "dns-secrets.json"
        self._mails = self._folder / "mails"

    @property
    def dns_secret(self) -> str:
        """The secret of :data:`DNS_KEY`, HMAC-SHA256, base64."""
        return self._secret(DNS_KEY)

    @property
    def ddns_secret(self) -> str:
        """The secret of :data:`DDNS_KEY`, HMAC-SHA256, base64."""
        return self._secret(DDNS_KEY)

    @property
    def mails(self) -> list[str]:
        """What the owner was sent, the oldest first, whole."""
        return [file.read_text() for file in sorted(self._mails.glob("*.eml"))]

    def start(self) -> None:
        self._folder.mkdir(exist_ok=True)
        authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
        authority.cert_pem.write_to_path(self.acme_ca)
        self._start_names()
        self._start_acme(authority)
        self._start_others(authority)

    def stop(self) -> None:
        for name in ("portal", "liar", "login", "mirror", "mail", "acme", "names"):
            self._background.stop(name)

    def publish(self, address: str) -> None:
        """Have the domain lead elsewhere, as if somebody else had changed it."""
        said = f"server {INTERNET}\nupdate delete {DOMAIN}. A\nupdate add {DOMAIN}. 60 A {address}\nsend\n"
        key = f"hmac-sha256:{DDNS_KEY}:{self.ddns_secret}"
        network.inside(INET, "nsupdate", "-y", key, text=said)

    def published(self) -> str:
        """Return the address that the domain has at its name server."""
        return network.inside(INET, "dig", "+short", "+time=1", f"@{INTERNET}", DOMAIN, check=False).strip()

    def root(self) -> str:
        """Return the root certificate that this ACME server's certificates lead to, in PEM."""
        return network.inside(
            INET, "curl", "--silent", "--fail", "--cacert", self.acme_ca, f"https://{ACME}:{_MANAGEMENT_PORT}/roots/0",
            "--resolve", f"{ACME}:{_MANAGEMENT_PORT}:{INTERNET}",
        )  # fmt: skip

    def _start_names(self) -> None:
        zone = self._folder / "lab.test.zone"
        zone.write_text(_ZONE)
        keys = {name: base64.b64encode(secrets.token_bytes(32)).decode() for name in (DNS_KEY, DDNS_KEY)}
        self._secrets.write_text(json.dumps(keys))
        settings = self._folder / "named.conf"
        settings.write_text(
            f'options {{ directory "{self._folder}"; listen-on {{ {INTERNET}; 127.0.0.1; }}; listen-on-v6 {{ none; }};'
            f' recursion no; pid-file none; session-keyfile "{self._folder}/session.key"; }};\n'
            "controls { };\n"
            + "".join(f'key "{key}" {{ algorithm hmac-sha256; secret "{secret}"; }};\n' for key, secret in keys.items())
            + f'zone "lab.test" {{ type primary; file "{zone}";'
            f" update-policy {{ grant {DNS_KEY} name _acme-challenge.{DOMAIN}. TXT;"
            f" grant {DDNS_KEY} name {DOMAIN}. A AAAA; }}; }};\n"
        )
        self._background.start("names", "ip", "netns", "exec", INET, "named", "-g", "-c", settings)
        wait_until(lambda: self._resolves(DOMAIN), timeout_s=10, what="the name server")

    def _start_acme(self, authority: trustme.CA) -> None:
        self._issue(authority, "acme", ACME)
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
            "PEBBLE_AUTHZREUSE=0",  # each certificate is proved anew
            "pebble", "-config", settings, "-strict=false", "-dnsserver", f"{INTERNET}:53",
        )  # fmt: skip
        wait_until(self._gives_roots, timeout_s=10, what="the ACME server")

    def _start_others(self, authority: trustme.CA) -> None:
        """Mail, mirror and sign-in on the Internet; and at the router who gets in the way once traffic is led there."""
        for name, host in {"mail": MAIL, "mirror": MIRROR, "login": LOGIN}.items():
            self._issue(authority, name, host)
        self._issue(trustme.CA(key_type=trustme.KeyType.ECDSA), "portal", "portal.lab.test")  # whom nobody believes
        self._issue(authority, "ended", MIRROR, ended=datetime.now(UTC) - timedelta(1))
        mirror = self._folder / "mirror.py"
        text = (PROJECT / "docs/mirror.md").read_text()
        mirror.write_text(re.findall(r"```python\n(.*?)```", text, re.DOTALL)[0])
        pair = {
            name: (self._folder / f"{name}.pem", self._folder / f"{name}.key")
            for name in ("mail", "mirror", "login", "portal", "ended")
        }
        python = (sys.executable, "-m")
        for name, namespace, command in (
            ("mail", INET, (*python, "tests.lab.peers.mailbox", self._mails, INTERNET, *pair["mail"])),
            ("mirror", INET, (sys.executable, mirror, INTERNET, "443", *pair["mirror"])),
            ("login", INET, (*python, "tests.lab.peers.login", INTERNET, *pair["login"], ISSUER, _CALLBACK)),
            ("liar", WAN, (*python, "tests.lab.peers.liar", ROUTER)),
            ("portal", WAN, (*python, "tests.lab.peers.portal", ROUTER, *pair["portal"], *pair["ended"])),
        ):
            self._background.start(name, "ip", "netns", "exec", namespace, *command)
        for port in (mailbox.PORT, 443, login.PORT):
            wait_until(lambda: self._listens(port), timeout_s=10, what=f"port {port} of the Internet")  # noqa: B023

    def _issue(self, authority: trustme.CA, name: str, host: str, *, ended: datetime | None = None) -> None:
        before = ended - timedelta(90) if ended else None
        identity = authority.issue_cert(host, key_type=trustme.KeyType.ECDSA, not_before=before, not_after=ended)
        identity.private_key_pem.write_to_path(self._folder / f"{name}.key")
        identity.cert_chain_pems[0].write_to_path(self._folder / f"{name}.pem")

    def _secret(self, key: str) -> str:
        secret: str = json.loads(self._secrets.read_text())[key]
        return secret

    def _listens(self, port: int) -> bool:
        return bool(network.inside(INET, "ss", "-Hltn", f"sport = :{port}"))

    def _resolves(self, name: str) -> bool:
        return network.OUTSIDE in network.inside(INET, "dig", "+short", "+time=1", f"@{INTERNET}", name, check=False)

    def _gives_roots(self) -> bool:
        try:
            return bool(ssl.PEM_cert_to_DER_cert(self.root()))
        except (LabError, ValueError):
            return False
