"""``python -m tests.lab …``: the lab by hand, or all of it at once (``make lab``)."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Final

import pytest

from demo.bootstrap import Debian
from tests.lab.lab import SUITES, TOOLS, UNDER_TEST, Lab
from tests.lab.order import GROUPS
from tests.lab.shell import PROJECT, LabError

PACKAGES: Final = {
    "apt-cacher-ng": "apt-cacher-ng", "arch-test": "arch-test", "curl": "curl", "dig": "bind9-dnsutils",
    "hexdump": "bsdextrautils",
    "mmdebstrap": "mmdebstrap", "named": "bind9", "nc": "netcat-openbsd", "nft": "nftables", "nmap": "nmap",
    "pebble": "pebble", "qemu-aarch64-static": "qemu-user-static", "slowhttptest": "slowhttptest", "socat": "socat",
    "sqlmap": "sqlmap", "ssh": "openssh-client", "systemd-nspawn": "systemd-container",
}  # fmt: skip
"""A command of each Debian package that the lab needs."""
_SERVICES: Final = {"apt-cacher-ng": "apt-cacher-ng.service", "bind9": "named.service"}


def install() -> None:
    """Install what this machine lacks. Their services are not started, now or at a boot: the lab runs its own."""
    missing = sorted(package for command, package in PACKAGES.items() if shutil.which(command) is None)
    if missing:
        services = [service for package, service in _SERVICES.items() if package in missing]
        if not Debian().install(*missing, services=services):
            msg = f"these packages cannot be installed: {' '.join(missing)}"
            raise LabError(msg)

    if not (TOOLS / "sslyze").exists():
        subprocess.run([sys.executable, "-m", "venv", TOOLS.parent], check=True)
        pip = [str(TOOLS / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps"]
        pinned = ["--require-hashes", "-r", str(PROJECT / "tests/lab/tools.lock")]
        subprocess.run([*pip, *pinned], check=True)


def prepare(lab: Lab) -> int:
    """Install and make what every lab here uses, so that the next one is up sooner."""
    lab.prepare()
    return 0


def up(lab: Lab) -> int:
    lab.up()
    lab.provision()
    return 0


def down(lab: Lab) -> int:
    lab.down()
    return 0


def check(lab: Lab) -> int:
    """Run the tests against the lab that is up; beside them, those that need none of its hosts."""
    os.environ[UNDER_TEST] = "yes"
    where = () if any("tests/lab" in argument for argument in lab.arguments) else (str(PROJECT / "tests/lab"),)
    beside = ("-n", str(len(GROUPS)), "-p", "no:randomly", "-p", "no:cacheprovider")
    return pytest.main([*beside, *lab.arguments, *where])


def everything(lab: Lab) -> int:
    """Boot, provision, test, and take it down again, also when something fails."""
    lab.down()
    try:
        up(lab)
        return check(lab)
    finally:
        lab.down()


def shell(lab: Lab) -> int:
    """Leave a provisioned lab up, and say how to get in."""
    up(lab)
    for host in lab.hosts.values():
        print(f"{host.name}: {' '.join(host.ssh_command())}")
    print("take it down with: .venv/bin/python -m tests.lab down")
    return 0


def on(lab: Lab) -> int:
    """Run a shell command on a host, as root."""
    name, command = lab.arguments
    print(lab.hosts[name].sudo(command, check=False), end="")
    return 0


COMMANDS: Final[dict[str, Callable[[Lab], int]]] = {
    "all": everything, "prepare": prepare, "up": up, "down": down, "check": check, "shell": shell, "on": on,
}  # fmt: skip

BOOTING: Final = ("all", "prepare", "up", "shell")
"""What puts hosts up, of the usual Debian where nothing else is said. The rest is about those that are up."""


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.lab", description=__doc__)
    parser.add_argument("--suite", choices=SUITES, default="", help=f"the hosts' Debian ({SUITES[0]})")
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="for check: pytest's; for on: HOST COMMAND")
    options = parser.parse_args(arguments)
    if os.geteuid() != 0:
        print("the lab makes network namespaces and boots containers: run it as root", file=sys.stderr)
        return 1
    try:
        install()
        suite = options.suite or (SUITES[0] if options.command in BOOTING else "")
        lab = Lab(lambda text: print(text, flush=True), suite=suite, arguments=tuple(options.arguments))
        return COMMANDS[options.command](lab)
    except LabError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
