"""The whole lab: made, provisioned, taken down."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from tests import oidc_provider
from tests.lab import clinic, network
from tests.lab.base import make_base, unpack
from tests.lab.control import Control
from tests.lab.host import Host, Place
from tests.lab.internet import DDNS_KEY, DIRECTORY, DOMAIN, ISSUER, MAIL, MIRROR, OWNER, Internet
from tests.lab.peers import mailbox
from tests.lab.router import Router
from tests.lab.shell import PROJECT, Background, run

KEPT: Final = PROJECT / "var/lab"
"""What the next lab uses again: Debian roots, packages."""
TOOLS: Final = KEPT / "tools/bin"
"""Independent judges of what the lab shows, in an environment of their own: their pins are not the product's."""
TESTSSL: Final = KEPT / "testssl"
"""Where trixie's testssl.sh is unpacked: bookworm's gives no grade."""
SCREENSHOTS: Final = KEPT / "screenshots"
"""What a person is to look at, of the last run."""
UNDER_TEST: Final = "DRAWBRIDGE_LAB_UNDER_TEST"
"""Set for those who are to run the lab's own tests, which no other run of the suite collects."""
RUNNING: Final = Path("/run/drawbridge-lab")
"""What goes with the lab: both disks, logs, pids."""

SUITES: Final = ("bookworm", "trixie")
"""Debian's, the usual one first."""
DOOR: Final = "rpi4"
KEEP: Final = "rpi3"
_ADDRESSES: Final = {DOOR: "10.77.0.4", KEEP: "10.77.0.3"}
_DISKS: Final = "10g"
_KIND: Final = "python3 -c 'import sys; print(*sys.version_info[:2], sep=chr(46))'; uname -m"


class Lab:
    """At most one exists on a machine. ``say`` is told of each step; ``suite`` is for the next one that is put up."""

    def __init__(self, say: Callable[[str], None] = print, suite: str = "", arguments: tuple[str, ...] = ()) -> None:
        self.arguments = arguments
        self._say = say
        self._made_of = RUNNING / "suite"
        self.suite = suite or (self._made_of.read_text() if self._made_of.exists() else SUITES[0])
        self._began = RUNNING / "began"
        self._background = Background(RUNNING)
        self.key = RUNNING / "id"
        self.internet = Internet(self._background, RUNNING)
        self.router = Router(self._background, RUNNING)
        self.hosts = {
            name: Host(Place(name, address, self._base(name), "1G" if name == KEEP else ""), RUNNING, self.key)
            for name, address in _ADDRESSES.items()
        }
        self.control = Control(RUNNING, self.key, {name: host.address for name, host in self.hosts.items()})

    @property
    def door(self) -> Host:
        return self.hosts[DOOR]

    @property
    def keep(self) -> Host:
        return self.hosts[KEEP]

    @property
    def is_up(self) -> bool:
        return self._background.pid(DOOR) is not None

    @property
    def began(self) -> float:
        """When it was put up, in Unix time."""
        return float(self._began.read_text())

    def prepare(self) -> None:
        """Make what is kept and not there yet: the Debian roots, and what is taken out of packages."""
        self._timed("Debian roots", self._make_bases)
        unpack(TESTSSL, "trixie", "testssl.sh")

    def up(self) -> None:
        """Boot both hosts, bare as from the box."""
        self.prepare()
        RUNNING.mkdir(exist_ok=True)
        if not os.path.ismount(RUNNING):
            run("mount", "-t", "tmpfs", "-o", f"size={_DISKS},mode=0755", "lab", RUNNING)
        self._made_of.write_text(self.suite)
        self._began.write_text(str(time.time()))
        if not self.key.exists():
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", self.key)
        network.up()
        network.forward(self.door.address)
        network.start_proxy(self._background, RUNNING, KEPT / "packages")
        self.internet.start()
        self.router.start()
        self._timed("both hosts booted", self._boot)
        for host in self.hosts.values():
            host.trust(self.internet.acme_ca)
        self._timed("the clinic's database filled", lambda: clinic.move_in(self.keep))

    def provision(self) -> None:
        """Try the playbook dry on the bare hosts, run it, and run it again; ``plays.json`` says what each did."""
        self.control.fetch_wheels(*self.keep.ssh(_KIND).split())
        self.control.set_up(door=DOOR, keep=KEEP, settings=self._settings())
        plays = {}
        for name, arguments in {"check": ("--check", "--diff"), "first": (), "second": ()}.items():
            start = time.monotonic()
            play = self.control.play(*arguments)
            time_s = time.monotonic() - start
            plays[name] = {**play.changed, "time_s": round(time_s, 1)}
            (RUNNING / f"play-{name}.log").write_text(play.output)
            self._say(f"· playbook, {name}: {time_s:.1f} s, changed {sum(play.changed.values())}")
        (RUNNING / "plays.json").write_text(json.dumps(plays))

    def _settings(self) -> dict[str, Any]:
        """Return what an owner fills in who has a name server, a mailbox, a friend's mirror, and a sign-in service."""
        record = {
            "name": DOMAIN, "provider": "rfc2136", "families": ["ipv4"], "zone": "lab.test", "username": DDNS_KEY,
            "server": network.INTERNET,
        }  # fmt: skip
        return {
            "drawbridge_acme_server": DIRECTORY,
            "drawbridge_acme_ca": str(self.internet.acme_ca),
            "drawbridge_ddns": {
                "records": [record],
                "ipv4_sources": ["interface", "router"],
                "authoritative": [network.INTERNET],
                "mapping": {"enabled": True},
            },
            # an outage's end is looked for every second, not every three: this saves half a minute, and no beginning
            "drawbridge_connectivity": {
                "targets": [MIRROR], "mirror": f"https://{MIRROR}/", "broken_every_s": 1.0,
            },
            "drawbridge_alerts": {
                "name": "lab",
                "email": {"host": MAIL, "sender": "box@lab.test", "recipients": [OWNER], "username": mailbox.USER},
            },
            "drawbridge_mail": {
                "host": MAIL, "sender": "box@lab.test", "username": mailbox.USER, "site": f"https://{DOMAIN}",
            },
            "drawbridge_oidc": {"name": "the lab's service", "issuer": ISSUER, "client_id": oidc_provider.CLIENT},
            "drawbridge_secrets": {
                "ddns.rfc2136": self.internet.ddns_secret, "alerts.email.password": mailbox.PASSWORD,
                "mail.password": mailbox.PASSWORD, "oidc.client-secret": oidc_provider.SECRET,
            },
        }  # fmt: skip

    def down(self) -> None:
        """Take everything away again, whatever state it is in."""
        with ThreadPoolExecutor() as threads:
            for each in [threads.submit(host.remove) for host in self.hosts.values()]:
                each.result()
        self.router.stop()
        self.internet.stop()
        network.stop_proxy(self._background)
        network.down()
        if os.path.ismount(RUNNING):
            run("umount", "--lazy", RUNNING)
        shutil.rmtree(RUNNING, ignore_errors=True)

    def _base(self, name: str) -> Path:
        return KEPT / f"{self.suite}-{'keep' if name == KEEP else 'door'}"

    def _make_bases(self) -> None:
        for name in self.hosts:
            make_base(self._base(name), self.suite, keep=name == KEEP)

    def _boot(self) -> None:
        for host in self.hosts.values():
            host.boot()
        for host in self.hosts.values():
            host.wait()

    def _timed(self, what: str, step: Callable[[], None]) -> None:
        start = time.monotonic()
        step()
        self._say(f"· {what}: {time.monotonic() - start:.1f} s")
