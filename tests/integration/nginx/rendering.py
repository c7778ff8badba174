"""nginx's files as the playbook writes them: Jinja templates, read as Ansible's template module reads them."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import trustme
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from gateway.web.assets import STATIC, Assets

DOMAIN: Final = "door.example.org"
LAN_NAME: Final = "drawbridge.test"
STATUSES: Final = (400, 404, 413, 421, 429, 500, 502, 503, 504)
"""The statuses that the playbook renders the error page for."""

TEMPLATES: Final = Path(__file__).parents[3] / "nginx"


@cache
def templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - as Ansible; nothing here comes from a client
    )


def render_configuration(folder: Path, variables: Mapping[str, object]) -> None:
    """Write nginx.conf, and ``drawbridge/`` beside it."""
    environment = templates()
    for name in environment.list_templates(filter_func=lambda name: name.endswith(".conf.j2")):
        file = folder / ("" if name == "nginx.conf.j2" else "drawbridge") / name.removesuffix(".j2")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(environment.get_template(name).render(variables), "utf-8")


def render_web_root(root: Path, variables: Mapping[str, object]) -> None:
    """Write the error pages with what they show, and the hashed assets."""
    errors = root / "errors"
    (errors / "static").mkdir(parents=True)
    page = templates().get_template("errors/page.html.j2")
    for status in STATUSES:
        (errors / f"{status}.html").write_text(page.render(variables, nginx_error_status=status), "utf-8")
    for name in ("drawbridge.css", "icon.svg"):
        shutil.copy(STATIC / name, errors / "static" / name)
    Assets().write_to(root / "static")


def asset_path(name: str) -> str:
    """Return the path that a file of the gateway's is served by."""
    return Assets().path(name)


@dataclass(frozen=True, slots=True)
class Certificates:
    """What a CA of the test issues to both names. ``trust`` is the file with the CA's own certificate."""

    folder: Path
    authority: trustme.CA

    @classmethod
    def create(cls, folder: Path) -> Certificates:
        certificates = cls(folder, trustme.CA(key_type=trustme.KeyType.ECDSA))
        certificates.authority.cert_pem.write_to_path(certificates.trust)
        (folder / "lan").mkdir()
        (folder / "web").mkdir()
        identity = certificates.authority.issue_cert(LAN_NAME, key_type=trustme.KeyType.ECDSA)
        identity.private_key_and_cert_chain_pem.write_to_path(folder / "lan" / "identity.pem")
        certificates.issue()
        return certificates

    @property
    def trust(self) -> Path:
        return self.folder / "trust.pem"

    def issue(self) -> None:
        """Issue for the public name, in place of what was issued before."""
        public = self.authority.issue_cert(DOMAIN, key_type=trustme.KeyType.ECDSA)
        public.private_key_pem.write_to_path(self.folder / "web" / "privkey.pem")
        [certificate] = public.cert_chain_pems
        certificate.write_to_path(self.folder / "web" / "fullchain.pem")
