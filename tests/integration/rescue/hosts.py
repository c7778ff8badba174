"""The two hosts as far as the rescue path goes: namespaces of their own, the role's real files, real sshd, real helper.

Each host is a mount and a network namespace, whose ``/etc``, ``/opt``, ``/run``, ``/usr/local`` and ``/var`` are
folders of the test, so that everything lies where it does on a Pi; a pair of virtual cables joins them. Only systemd is
not there: small scripts stand in for its commands, and write down what they were asked. A journal in ``/run/journal``
is read by the real journalctl.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import jinja2

REPOSITORY: Final = Path(__file__).parents[3]
ROLE: Final = REPOSITORY / "ansible" / "roles" / "rescue"
ADDRESSES: Final = {"keep": "10.77.0.3", "door": "10.77.0.4"}
RESCUE_UID: Final = 64022
_START_S: Final = 8.0

_USERS: Final = f"""root:x:0:0:root:/root:/bin/sh
sshd:x:101:65534::/run/sshd:/usr/sbin/nologin
rescue:x:{RESCUE_UID}:{RESCUE_UID}:rescue console:/:/usr/local/sbin/drawbridge-rescue
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
"""
_GROUPS: Final = f"root:x:0:\nnogroup:x:65534:\nrescue:x:{RESCUE_UID}:\n"
_SHADOW: Final = "root:*:20000:0:99999:7:::\nrescue:*:20000:0:99999:7:::\n"

_FAKES: Final = {
    "systemctl": """#!/bin/sh
echo "systemctl $*" >> /run/calls
while case "$1" in --no-*) true;; *) false;; esac; do shift; done
verb=$1; shift
case "$verb" in
is-active) [ "$1" = -- ] && shift; for unit; do [ -e "/run/inactive/$unit" ] && echo failed || echo active; done;;
show) shift; [ "$1" = -- ] && shift
      for unit; do
        [ -e "/run/inactive/$unit" ] && state=failed || state=active
        printf 'Id=%s\\nActiveState=%s\\nSubState=running\\nResult=success\\nNRestarts=0\\n\\n' "$unit" "$state"
      done;;
stop) [ "$1" = -- ] && shift; mkdir -p /run/inactive; for unit; do touch "/run/inactive/$unit"; done
      [ ! -e /run/fail-stop ];;
start|restart) [ "$1" = -- ] && shift; for unit; do rm -f "/run/inactive/$unit"; done;;
esac
""",
    "journalctl": """#!/bin/sh
echo "journalctl $*" >> /run/calls
if [ -e /run/slow ]; then echo begun; sleep 30; fi
[ -d /run/journal ] && exec /usr/bin/journalctl --directory=/run/journal "$@"
printf 'a line\\nwith \\033[31mred\\033[0m \\342\\200\\256 and a bell\\007\\n'
""",
    "nft": """#!/bin/sh
echo "nft $*" >> /run/calls
exec /usr/sbin/nft "$@"
""",
    # what matters of it: the folder, the credentials, and the command after --
    "systemd-run": """#!/bin/sh
echo "systemd-run $*" >> /run/calls
case "$*" in *python*) [ -e /run/fail-ours ] && { echo "cannot" >&2; exit 1; };; esac
export CREDENTIALS_DIRECTORY=$(mktemp -d /run/credentials.XXXXXX)
while [ "$1" != -- ]; do
  case "$1" in
    --property=WorkingDirectory=*) cd "${1#*=*=}";;
    --property=LoadCredential=*) one=${1#*=*=}; cp "${one#*:}" "$CREDENTIALS_DIRECTORY/${one%%:*}";;
  esac
  shift
done
shift
"$@"; code=$?
rm -r "$CREDENTIALS_DIRECTORY"
exit $code
""",
}

_HELPER: Final = """
import rescue.door, rescue.rotation
from rescue.__main__ import main
rescue.door.REVOKE_SETTLE_S = rescue.rotation.SETTLE_S = 1.0  # the tests' agent looks ten times a second
main(["helper"])
"""


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str


@dataclass
class Host:
    """One host. ``folder`` holds what is its ``/etc``, ``/opt``, ``/run``, ``/usr/local`` and ``/var``."""

    name: str
    folder: Path
    pid: int = 0
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def path(self, absolute: str) -> Path:
        """Return where a path of the host lies outside."""
        for mount in ("/usr/local", "/etc", "/opt", "/run", "/var"):
            if absolute.startswith(mount):
                return self.folder / mount.strip("/").replace("/", "-") / absolute.removeprefix(mount).strip("/")
        raise ValueError(absolute)

    def inside(self, *argv: str) -> list[str]:
        return ["nsenter", "-t", str(self.pid), "--mount", "--net", "--", *argv]

    def run(self, *argv: str, given: bytes = b"", timeout_s: float = 9.0) -> Answer:
        done = subprocess.run(self.inside(*argv), input=given, capture_output=True, timeout=timeout_s, check=False)
        return Answer(done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"))

    def start(self, name: str, *argv: str, ready: Callable[[], bool]) -> None:
        with self.log(name).open("ab") as log:
            process = subprocess.Popen(self.inside(*argv), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.running[name] = process
        until(ready, process)

    def stop(self, name: str) -> None:
        process = self.running.pop(name)
        process.terminate()
        process.wait(5)

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def start_sshd(self) -> None:
        user = ("setpriv", f"--reuid={RESCUE_UID}", f"--regid={RESCUE_UID}", "--clear-groups", "--no-new-privs")
        key = ("-h", "/run/credentials/rescue-host-key")
        argv = (*user, "/usr/sbin/sshd", "-D", "-e", "-f", "/etc/ssh/sshd_rescue_config", *key)
        self.log("sshd").touch()
        before = self.log("sshd").read_text().count("Server listening")
        self.start("sshd", *argv, ready=lambda: self.log("sshd").read_text().count("Server listening") > before)

    def start_helper(self) -> None:
        module = ("env", f"PYTHONPATH={REPOSITORY}", sys.executable, "-c", _HELPER)
        self.path("/run/drawbridge/rescue.sock").unlink(missing_ok=True)
        self.start("helper", *module, ready=self.path("/run/drawbridge/rescue.sock").exists)

    @property
    def audit(self) -> str:
        path = self.path("/var/log/drawbridge/rescue.jsonl")
        return path.read_text() if path.exists() else ""

    @property
    def calls(self) -> list[str]:
        """What systemd's commands were asked so far."""
        path = self.path("/run/calls")
        return path.read_text().splitlines() if path.exists() else []


def until(ready: Callable[[], bool], process: subprocess.Popen[bytes] | None = None) -> None:
    deadline = time.monotonic() + _START_S
    while not ready():
        assert process is None or process.poll() is None, "it ended at once"
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.01)


@dataclass
class Hosts:
    """Both hosts, and the keys that log in to them."""

    folder: Path
    door: Host
    keep: Host

    def key(self, name: str) -> Path:
        return self.folder / "keys" / name

    def public_key(self, name: str) -> str:
        return self.key(name).with_suffix(".pub").read_text().strip()

    def ssh(
        self, *words: str, key: str = "owner", from_: Host | None = None, to: str = "127.0.0.1",
        options: Sequence[str] = (), given: bytes = b"", timeout_s: float = 9.0,
    ) -> Answer:  # fmt: skip
        """Log in as a person would, by default on the keep itself."""
        argv = self.ssh_argv(*words, key=key, to=to, options=options)
        return (from_ or self.keep).run(*argv, given=given, timeout_s=timeout_s)

    def ssh_argv(
        self, *words: str, key: str = "owner", to: str = "127.0.0.1", options: Sequence[str] = ()
    ) -> list[str]:
        checks = ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"]
        return [
            "ssh", "-F", "none", "-i", str(self.key(key)), "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", *checks,
            "-p", "2222", *options, f"rescue@{to}", *words,
        ]  # fmt: skip


def can_make_hosts() -> str:
    """Return what this machine lacks for it, or nothing."""
    if os.geteuid() != 0:
        return "namespaces of its own need root"
    for command, package in (("sshd", "openssh-server"), ("ssh", "openssh-client"), ("nft", "nftables"),
                             ("ip", "iproute2"), ("nsenter", "util-linux")):  # fmt: skip
        if shutil.which(command, path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is None:
            return f"{command} is missing: apt-get install {package}"
    if not Path("/usr/bin/python3").exists():
        return "Debian's Python is missing: apt-get install python3"
    return ""


@contextmanager
def hosts(folder: Path) -> Iterator[Hosts]:
    """Give both hosts, sshd and helper running."""
    (folder / "keys").mkdir()
    for name in ("owner", "stranger", "door", "selftest"):
        _make_key(folder / "keys" / name)
    both = Hosts(folder, Host("door", folder / "door"), Host("keep", folder / "keep"))
    with ExitStack() as stack:
        for host in (both.door, both.keep):
            _furnish(host, both)
        for host in (both.door, both.keep):
            _open_namespaces(host, stack)
        _join(both)
        for host in (both.door, both.keep):
            stack.callback(_stop_all, host)
            host.start_sshd()
            host.start_helper()
        yield both


def render(template: str, **variables: object) -> str:
    """Return one of the role's templates, as Ansible renders it."""
    loader = jinja2.FileSystemLoader(ROLE / "templates")
    environment = jinja2.Environment(  # noqa: S701 - no HTML
        loader=loader, undefined=jinja2.StrictUndefined, trim_blocks=True, keep_trailing_newline=True
    )
    return environment.get_template(template).render(variables)


def _make_key(path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", path], check=True)


def _furnish(host: Host, both: Hosts) -> None:
    for name in ("etc/ssh", "etc/drawbridge/credentials", "opt/drawbridge/releases/1.0.0", "run/sshd",
                 "run/drawbridge", "usr-local/bin", "usr-local/sbin", "usr-local/lib/drawbridge",
                 "var/lib/drawbridge", "var/log/drawbridge"):  # fmt: skip
        (host.folder / name).mkdir(parents=True)
    write = _writer(host)
    write("/etc/passwd", _USERS)
    write("/etc/group", _GROUPS)
    write("/etc/shadow", _SHADOW, mode=0o600)
    write("/etc/nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\nhosts: files\n")
    write("/etc/hosts", "127.0.0.1 localhost\n")
    shutil.copy("/etc/ld.so.cache", host.path("/etc/ld.so.cache"))
    host_key = host.path("/run/credentials/rescue-host-key")  # as systemd passes it
    host_key.parent.mkdir()
    _make_key(host_key)
    os.chown(host_key, RESCUE_UID, RESCUE_UID)

    shutil.copytree(
        REPOSITORY / "rescue", host.path("/usr/local/lib/drawbridge/rescue"),
        ignore=shutil.ignore_patterns("__pycache__"),
    )  # fmt: skip
    host.path("/usr/local/sbin/drawbridge-rescue").symlink_to("/usr/local/lib/drawbridge/rescue/launch.py")
    for name, text in _FAKES.items():
        write(f"/usr/local/bin/{name}", text, mode=0o755)
    release = host.path("/opt/drawbridge/releases/1.0.0")
    for name in ("agent", "bridge", "gateway", ".venv"):
        (release / name).symlink_to(REPOSITORY / name)
    host.path("/opt/drawbridge/current").symlink_to("releases/1.0.0")

    other = both.keep if host.name == "door" else both.door
    variables: dict[str, object] = {
        "rescue_host": host.name, "rescue_peer_address": ADDRESSES[other.name], "rescue_port": 2222,
        "rescue_listen_addresses": ["0.0.0.0"],  # noqa: S104
        "rescue_from": ["127.0.0.0/8"],
        "rescue_owner_keys": [{"key": f"{both.public_key('owner')} anna"}] if host.name == "keep" else [],
        "rescue_peer_public_key": both.public_key("door" if host.name == "door" else "selftest"),
    }  # fmt: skip
    write("/etc/ssh/sshd_rescue_config", render("sshd_rescue_config.j2", **variables))
    write("/etc/drawbridge/rescue_keys", render("rescue_keys.j2", **variables))
    write("/etc/drawbridge/rescue.toml", render("rescue.toml.j2", **variables))
    credential = "rescue-door-key" if host.name == "keep" else "rescue-selftest-key"
    key = both.key("door" if host.name == "keep" else "selftest").read_text()
    write(f"/etc/drawbridge/credentials/{credential}", key, mode=0o600)
    if host.name == "keep":
        _pin(both)


def _pin(both: Hosts) -> None:
    for host, other in ((both.door, both.keep), (both.keep, both.door)):
        public = other.path("/run/credentials/rescue-host-key.pub").read_text()
        _writer(host)("/etc/drawbridge/rescue_known_hosts", f"{other.name} {public}")


def _writer(host: Host) -> Callable[..., None]:
    def write(path: str, text: str, *, mode: int = 0o644) -> None:
        host.path(path).write_text(text)
        host.path(path).chmod(mode)

    return write


def _open_namespaces(host: Host, stack: ExitStack) -> None:
    mounts = " && ".join(
        f"mount --bind {host.path(mount)} {mount}" for mount in ("/etc", "/opt", "/run", "/usr/local", "/var")
    )
    script = f"{mounts} && ip link set lo up && echo ready && exec sleep infinity"
    process = subprocess.Popen(
        ["unshare", "--mount", "--net", "--propagation", "private", "sh", "-c", script], stdout=subprocess.PIPE
    )
    stack.enter_context(process)
    stack.callback(process.kill)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    host.pid = process.pid


def _join(both: Hosts) -> None:
    add = ["ip", "link", "add", "lan0", "type", "veth", "peer", "name", "lan0", "netns", str(both.door.pid)]
    assert both.keep.run(*add).code == 0
    for host in (both.keep, both.door):
        assert host.run("ip", "address", "add", f"{ADDRESSES[host.name]}/24", "dev", "lan0").code == 0
        assert host.run("ip", "link", "set", "lan0", "up").code == 0


def _stop_all(host: Host) -> None:
    for name in list(host.running):
        host.stop(name)
