"""nginx's files for its container, from the same templates as the playbook's (``nginx/``).

The error pages and the hashed assets are made at the build (``web_root``), the configuration at each start
(``configuration``), when the names and ports are known.
"""

from __future__ import annotations

import shutil
import ssl
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

ROOT: Final = Path(__file__).parents[2]
TEMPLATES: Final = ROOT / "nginx"
PROBE_SITE: Final = Path(__file__).with_name("probe.conf")
ERROR_STATUSES: Final = (400, 404, 413, 421, 429, 500, 502, 503, 504)
LAN_NAME: Final = "drawbridge.local"
LOOPBACK_NAME: Final = "localhost"

_HYBRID_GROUP_SINCE: Final = (3, 5)
"""OpenSSL's version that knows X25519MLKEM768; one before it refuses to start with it."""


def lan_name(domain: str) -> str:
    """Return the second name that is answered for, with the certificate of the own CA."""
    return LAN_NAME if domain == LOOPBACK_NAME else LOOPBACK_NAME


def write_configuration(folder: Path, *, domain: str, https_port: int, http_port: int) -> None:
    """Write nginx.conf with ``drawbridge/`` beside it, for an nginx that can write to ``folder`` alone."""
    groups = ["X25519", "prime256v1", "secp384r1"]
    if ssl.OPENSSL_VERSION_INFO[:2] >= _HYBRID_GROUP_SINCE:
        groups.insert(0, "X25519MLKEM768")
    variables = {
        "drawbridge_domain": domain,
        "nginx_lan_name": lan_name(domain),
        "nginx_https_port": https_port,
        "nginx_http_port": http_port,
        "nginx_tls_groups": ":".join(groups),
        "nginx_version": _nginx_version(),
        "nginx_workers": 2,
        "nginx_pid": folder / "nginx.pid",
        "nginx_log_dir": folder / "log",
        "nginx_state_dir": folder / "state",
    }
    environment = _templates()
    for name in environment.list_templates(filter_func=lambda name: name.endswith(".conf.j2")):
        file = folder / ("" if name == "nginx.conf.j2" else "drawbridge") / name.removesuffix(".j2")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(environment.get_template(name).render(variables), "utf-8")
    shutil.copy(PROBE_SITE, folder / "drawbridge" / "sites")
    (folder / "state").mkdir(exist_ok=True)
    (folder / "log").mkdir(exist_ok=True)
    for name, stream in (("access.log", "/dev/stdout"), ("error.log", "/dev/stderr")):
        link = folder / "log" / name
        link.unlink(missing_ok=True)
        link.symlink_to(stream)


def write_web_root(folder: Path, static: Path) -> None:
    """Write the error pages; ``static`` is the gateway's folder with what they show."""
    page = _templates().get_template("errors/page.html.j2")
    errors = folder / "errors"
    (errors / "static").mkdir(parents=True)
    for status in ERROR_STATUSES:
        (errors / f"{status}.html").write_text(page.render(nginx_error_status=status), "utf-8")
    for name in ("drawbridge.css", "icon.svg"):
        shutil.copy(static / name, errors / "static" / name)


def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - as Ansible; nothing here comes from a client
    )


def _nginx_version() -> str:
    said = subprocess.run(("/usr/sbin/nginx", "-v"), capture_output=True, text=True, check=True)
    return said.stderr.rpartition("/")[2].split()[0]  # nginx version: nginx/1.22.1


def main(arguments: Sequence[str] | None = None) -> int:
    command, folder, *options = sys.argv[1:] if arguments is None else arguments
    if command == "web_root":
        write_web_root(Path(folder), Path(options[0]))
    else:
        domain, https_port, http_port = options
        write_configuration(Path(folder), domain=domain, https_port=int(https_port), http_port=int(http_port))
    return 0


if __name__ == "__main__":
    sys.exit(main())
