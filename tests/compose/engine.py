"""A Docker engine for one run of the tests: in a network namespace, with its data in a folder that goes with it.

slirp4netns gives the namespace a way out, for apt and pip; the machine's own firewall and engine are not touched. The
base image is made by mmdebstrap, because no registry is needed then. It gets what this machine reaches Debian and PyPI
by (mirror, index, CA bundle), so that a build does not have to know.
"""

from __future__ import annotations

import configparser
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

BASE_IMAGE: Final = "drawbridge-test-base"
NEEDS: Final = {
    "dockerd": "docker.io",
    "docker": "docker.io",
    "slirp4netns": "slirp4netns",
    "mmdebstrap": "mmdebstrap",
    "ip": "iproute2",
    "curl": "curl",
}
_DNS: Final = "10.0.2.3"  # slirp4netns's
_START_S: Final = 30.0
_STOP_S: Final = 30.0
_PIP_SETTINGS: Final = ("index-url", "proxy", "trusted-host", "timeout")


@dataclass(frozen=True, slots=True)
class Engine:
    """A running engine. Published ports are published in its network namespace."""

    folder: Path
    namespace: str
    environment: Mapping[str, str]
    compose: tuple[str, ...]

    def run(self, *command: str, timeout_s: float = 60.0, check: bool = True) -> str:
        """Return what a client of the engine printed, both streams. Raises AssertionError with that where it failed."""
        done = subprocess.run(
            command,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        assert not check or done.returncode == 0, f"{' '.join(command)}: {done.returncode}\n{done.stdout[-4000:]}"
        return done.stdout

    def run_inside(self, *command: str, timeout_s: float = 60.0) -> subprocess.CompletedProcess[str]:
        """Run a command in the engine's network namespace, whose loopback has the published ports."""
        return subprocess.run(
            ("nsenter", f"--net=/run/netns/{self.namespace}", *command),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )


@contextmanager
def engine() -> Iterator[Engine]:
    """Give a fresh engine with the image :data:`BASE_IMAGE`, and leave nothing of it behind."""
    missing = {package for command, package in NEEDS.items() if shutil.which(command) is None}
    assert os.geteuid() == 0, "an engine needs root"
    assert not missing, f"apt-get install --no-install-recommends {' '.join(sorted(missing))}"
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="drawbridge-engine-"))
        stack.callback(_remove, folder)
        namespace = folder.name
        subprocess.run(("ip", "netns", "add", namespace), check=True)
        stack.callback(subprocess.run, ("ip", "netns", "delete", namespace), check=False)
        subprocess.run(("ip", "-n", namespace, "link", "set", "lo", "up"), check=True)
        slirp = ("slirp4netns", "--netns-type=path", "--configure", "--mtu=65520", "--disable-host-loopback")
        stack.enter_context(_daemon(*slirp, f"/run/netns/{namespace}", "tap0", log=folder / "slirp.log"))
        socket = folder / "sock"
        environment = {**os.environ, "DOCKER_HOST": f"unix://{socket}", "DOCKER_BUILDKIT": "0", "BASE": BASE_IMAGE}
        stack.enter_context(
            _daemon(
                *("nsenter", f"--net=/run/netns/{namespace}", "dockerd", "--host", f"unix://{socket}", "--dns", _DNS),
                *("--data-root", str(folder / "data"), "--exec-root", str(folder / "exec")),
                *("--pidfile", str(folder / "pid")),
                log=folder / "dockerd.log",
            )
        )
        running = Engine(folder, namespace, environment, _compose(environment))
        _wait_until_up(running, folder / "dockerd.log")
        stack.callback(_remove_containers, running)
        _import_base(running, folder)
        yield running


def _compose(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the words that call Compose: version 2 where it is there, else Debian's 1.29."""
    plugin = ("docker", "compose")
    found = subprocess.run((*plugin, "version"), env=environment, capture_output=True, check=False).returncode == 0
    assert found or shutil.which("docker-compose"), "apt-get install --no-install-recommends docker-compose"
    return plugin if found else ("docker-compose",)


@contextmanager
def _daemon(*command: str, log: Path) -> Iterator[None]:
    """Run a command beside us that ends with us, however we end."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            ("setpriv", "--pdeathsig", "TERM", "--", *command), stdout=output, stderr=output, stdin=subprocess.DEVNULL
        )
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_up(running: Engine, log: Path) -> None:
    deadline = time.monotonic() + _START_S
    while subprocess.run(("docker", "version"), env=running.environment, capture_output=True, check=False).returncode:
        assert time.monotonic() < deadline, log.read_text("utf-8", "replace")[-4000:]
        time.sleep(0.1)


def _import_base(running: Engine, folder: Path) -> None:
    """Make a Debian, DEBIAN in the environment or of this machine's release, with this machine's ways to packages."""
    root = folder / "base"
    own = _os_release()["VERSION_CODENAME"]
    release = os.environ.get("DEBIAN", own)
    debian = ("mmdebstrap", "--quiet", "--variant=minbase", "--include=ca-certificates", "--skip=output/dev")
    made = subprocess.run((*debian, release, str(root)), capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr[-4000:]
    for source in Path("/etc/apt/sources.list.d").glob("debian.sources"):
        text = source.read_text("utf-8").replace(own, release)
        (root / "etc/apt/sources.list.d" / source.name).write_text(text, "utf-8")
        (root / "etc/apt/sources.list").unlink(missing_ok=True)
    for setting in Path("/etc/apt/apt.conf.d").iterdir():
        if "Acquire::" in setting.read_text("utf-8", "replace"):
            shutil.copy(setting, root / "etc/apt/apt.conf.d")
    (root / "etc/pip.conf").write_text(_pip_settings(root), "utf-8")
    with subprocess.Popen(("tar", "--directory", root, "--create", "."), stdout=subprocess.PIPE) as tar:
        importing = ("docker", "import", "-", BASE_IMAGE)
        subprocess.run(importing, env=running.environment, stdin=tar.stdout, capture_output=True, check=True)
    assert tar.returncode == 0


def _pip_settings(root: Path) -> str:
    """Return pip's settings for the image: how this machine reaches an index, with its CA bundle copied to ``root``."""
    known = configparser.ConfigParser()
    known.read(["/etc/pip.conf", Path.home() / ".config/pip/pip.conf"], "utf-8")
    lines = ["[global]"]
    for name in (*_PIP_SETTINGS, "cert"):
        variable = f"PIP_{name.upper().replace('-', '_')}"
        value = os.environ.get(variable) or known.get("global", name, fallback="")
        if name == "cert" and value:
            shutil.copy(value, root / "etc/ssl/machine.pem")
            value = "/etc/ssl/machine.pem"
        lines += [f"{name} = {value}"] if value else []
    return "\n".join([*lines, ""])


def _os_release() -> dict[str, str]:
    lines = Path("/etc/os-release").read_text("utf-8").splitlines()
    return {name: value.strip('"') for name, _, value in (line.partition("=") for line in lines)}


def _remove_containers(running: Engine) -> None:
    containers = running.run("docker", "ps", "--all", "--quiet", check=False).split()
    if containers:
        running.run("docker", "rm", "--force", "--volumes", *containers, check=False)


def _remove(folder: Path) -> None:
    """Remove the folder with what is mounted below it, the deepest first."""
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text("utf-8").splitlines()]
    for mount in sorted((path for path in mounts if path.startswith(f"{folder}/")), key=len, reverse=True):
        subprocess.run(("umount", "--lazy", mount), check=False)
    with suppress(OSError):
        shutil.rmtree(folder)
