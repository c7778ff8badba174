"""One of the two Pis: a systemd-nspawn container that boots, reboots, and loses its power."""

from __future__ import annotations

import functools
import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final

from tests.lab.network import ADM, BRIDGE, INTERNET, PROXY_PORT, ROUTER, WAN
from tests.lab.shell import Background, LabError, children, is_alive, run, wait_until

USER: Final = "pi"
_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""As sudo sets it."""
_CGROUPS: Final = Path("/sys/fs/cgroup")
_REBOOTED: Final = 133
"""How nspawn ends when its guest asked for a reboot."""


@dataclass(frozen=True, slots=True)
class Place:
    """Which host, and what it boots from."""

    name: str
    address: str
    base: Path
    memory: str = ""


class Host:
    """``folder`` is the lab's, on a tmpfs: the host's disk is an overlay there, so that it goes with the lab."""

    def __init__(self, place: Place, folder: Path, key: Path) -> None:
        self.place = place
        self.name = place.name
        self.address = place.address
        self.folder = folder / place.name
        self.root = self.folder / "root"
        self._key = key
        self._background = Background(folder)

    # ------------------------------------------------------------------------------------------------------- power

    def boot(self) -> None:
        """Switch the host on; :meth:`wait` tells when it can be reached."""
        for part in ("up", "work", "root"):
            (self.folder / part).mkdir(parents=True, exist_ok=True)
        if not os.path.ismount(self.root):
            layers = f"lowerdir={self.place.base},upperdir={self.folder / 'up'},workdir={self.folder / 'work'}"
            run("mount", "-t", "overlay", "overlay", "-o", layers, self.root)
        if not (self.folder / "up/etc/hostname").exists():
            self._set_up()
        self._background.start(self.name, sys.executable, "-m", "tests.lab.host", self.name, self.folder)

    def wait(self, timeout_s: float = 60) -> float:
        """Return after how many seconds the host let us in and had started everything."""
        return wait_until(self._is_reachable, timeout_s=timeout_s, what=f"{self.name} to answer over SSH")

    def reboot(self) -> None:
        """Reboot in order, and return when the host is on its way down."""
        leader = self._leader()
        self.ssh("sudo systemctl reboot", check=False)
        wait_until(lambda: not is_alive(leader), timeout_s=120, what=f"{self.name} to go down")

    def cut_power(self) -> None:
        """End everything at once, with nothing written back in order."""
        loop, leader = self._background.pid(self.name), self._leader()
        if loop is not None:
            os.kill(loop, signal.SIGKILL)
        os.kill(leader, signal.SIGKILL)
        wait_until(lambda: not is_alive(leader), timeout_s=30, what=f"the end of {self.name}")

    def switch_off(self) -> None:
        """Shut down in order."""
        self._background.stop(self.name, timeout_s=60)

    def remove(self) -> None:
        """Switch off, and give back what the machine lent."""
        if self._background.pid(self.name) is not None:
            self.switch_off()
        if os.path.ismount(self.root):
            run("umount", "--lazy", self.root)
        for group in _CGROUPS.glob(f"*/lab-{self.name}"):
            run("find", group, "-depth", "-type", "d", "-exec", "rmdir", "{}", "+", check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def trust(self, authority: Path) -> None:
        """Have the whole system believe the lab's Internet, as a real one believes the real one's."""
        self.sudo("apt-get -qq update && apt-get -qq install -y --no-install-recommends ca-certificates", timeout_s=120)
        self.sudo(
            "cat > /usr/local/share/ca-certificates/lab.crt && update-ca-certificates", text=authority.read_text()
        )

    # ------------------------------------------------------------------------------------------------------ access

    def ssh(self, command: str, *, text: str | None = None, timeout_s: float = 60, check: bool = True) -> str:
        """Run a shell command as the user with sudo, from the control machine. Raises LabError."""
        return run(*self.ssh_command(), command, text=text, timeout_s=timeout_s, check=check)

    def sudo(self, command: str, *, text: str | None = None, timeout_s: float = 60, check: bool = True) -> str:
        """Run a shell command as root, at the console: SSH takes half a second. Raises LabError."""
        clean = ("env", "-i", "--chdir=/", "HOME=/root", "USER=root", f"PATH={_PATH}")
        return self.at_the_console(*clean, "sh", "-c", command, text=text, timeout_s=timeout_s, check=check)

    def ssh_command(self) -> tuple[str, ...]:
        return (
            "ip", "netns", "exec", ADM, "ssh", "-q", "-F", "none", "-i", str(self._key),
            "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "ConnectTimeout=2",
            f"{USER}@{self.address}",
        )  # fmt: skip

    def from_its_place(self, *command: str | Path, timeout_s: float = 60, check: bool = True) -> str:
        """Run one of this machine's programs in the host's place on the network."""
        return run("nsenter", f"--net=/proc/{self._leader()}/ns/net", *command, timeout_s=timeout_s, check=check)

    def at_the_console(
        self, *command: str | Path, text: str | None = None, timeout_s: float = 30, check: bool = True
    ) -> str:
        """Run a command as somebody with a keyboard at the host, who needs no network."""
        leader = str(self._leader())
        return run("nsenter", "--target", leader, "--mount", "--uts", "--ipc", "--net", "--pid", "--",
                   *command, text=text, timeout_s=timeout_s, check=check)  # fmt: skip

    def count(self, what: str) -> int:
        """Return how many packets the firewall has counted as ``what``."""
        (packets,) = re.findall(r"packets (\d+)", self.sudo(f"nft list counter inet edge {what}"))
        return int(packets)

    @property
    def cable(self) -> str:
        """The router's port that the host hangs on: see :func:`tests.lab.network.set_cable`."""
        return f"vb-{self.name}"

    def _is_reachable(self) -> bool:
        try:
            return self.ssh("systemctl is-system-running --wait", timeout_s=30, check=False).strip() in {
                "running",
                "degraded",
            }
        except LabError:
            return False

    def _leader(self) -> int:
        nspawn = int((self.folder / "nspawn.pid").read_text())
        return children(nspawn)[0]

    def _set_up(self) -> None:
        """Do what a person does who flashes the card: a name, an address, a key that may come in."""
        etc = self.root / "etc"
        (etc / "machine-id").write_text("")
        for old in (etc / "ssh").glob("ssh_host_*"):
            old.unlink()
        run("ssh-keygen", "-q", "-A", "-f", self.root)
        (etc / "hostname").write_text(f"{self.name}\n")
        (etc / "hosts").write_text(f"127.0.0.1 localhost\n127.0.1.1 {self.name}\n")
        (etc / "resolv.conf").write_text(f"nameserver {INTERNET}\n")
        (etc / "apt/apt.conf.d/01lab").write_text(f'Acquire::http::Proxy "http://{ROUTER}:{PROXY_PORT}";\n')
        (etc / "systemd/network/10-lan.network").write_text(
            f"[Match]\nName=host0\n[Network]\nAddress={self.address}/24\nGateway={ROUTER}\nLinkLocalAddressing=no\n"
        )
        run("systemctl", f"--root={self.root}", "enable", "-q", "systemd-networkd", "ssh")
        home = self.root / "home" / USER / ".ssh"
        home.mkdir(mode=0o700)
        (home / "authorized_keys").write_text(self._key.with_suffix(".pub").read_text())
        run("chroot", self.root, "chown", "-R", f"{USER}:{USER}", f"/home/{USER}/.ssh")
        if self.place.memory:
            (self.folder / "memory").write_text(self.place.memory)


def carry(name: str, folder: Path) -> int:
    """Run the container until it is switched off, and again each time its guest reboots.

    Each host enters a control group of its own in every hierarchy first, or units of the same name would collide.
    """
    memory = folder / "memory"
    for hierarchy in _CGROUPS.iterdir():
        group = hierarchy / f"lab-{name}"
        if not (hierarchy / "cgroup.procs").exists():
            continue
        group.mkdir(exist_ok=True)
        for setting in ("cpuset.cpus", "cpuset.mems"):
            if (group / setting).exists():
                (group / setting).write_text((hierarchy / setting).read_text())
        limit = group / "memory.limit_in_bytes"
        if memory.exists() and limit.exists():
            limit.write_text(memory.read_text())
        (group / "cgroup.procs").write_text(str(os.getpid()))
    while True:
        nspawn = subprocess.Popen([
            "nsenter", f"--net=/run/netns/{WAN}", "systemd-nspawn", "--quiet", "-D", folder / "root", "-M", name,
            "--register=no", "--keep-unit", "--kill-signal=SIGRTMIN+3", f"--network-bridge={BRIDGE}",
            "--console=read-only", "--resolv-conf=off", "--link-journal=no", "--timezone=off", "/sbin/lab-init",
        ])  # fmt: skip
        (folder / "nspawn.pid").write_text(str(nspawn.pid))
        signal.signal(signal.SIGTERM, functools.partial(_pass_on, nspawn))
        code = nspawn.wait()
        if code != _REBOOTED:
            return code


def _pass_on(child: subprocess.Popen[bytes], number: int, _frame: FrameType | None) -> None:
    child.send_signal(number)


if __name__ == "__main__":
    sys.exit(carry(sys.argv[1], Path(sys.argv[2])))
