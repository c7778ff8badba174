"""The Debian roots that the hosts boot from, made once and kept: a bare Raspberry Pi OS, as far as its packages go."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Final

from tests.lab.shell import run

PACKAGES: Final = (
    "systemd", "systemd-sysv", "dbus", "libnss-systemd", "iproute2", "iputils-ping", "openssh-server", "python3",
    "python3-apt", "sudo", "ca-certificates", "procps", "netcat-openbsd",
)  # fmt: skip
KEEP_PACKAGES: Final = ("postgresql",)
"""The clinic's own PostgreSQL was there before us."""

_UNNEEDED: Final = ("man", "doc", "locale", "info")

# cgroup v1: nspawn mounts the controllers read-only, and limits would silently do nothing.
_INIT: Final = """\
#!/bin/sh
for controller in memory cpu cpuacct pids blkio; do
    [ -d /sys/fs/cgroup/$controller ] && mount -o remount,bind,rw /sys/fs/cgroup/$controller
done
exec /lib/systemd/systemd "$@"
"""


def unpack(root: Path, suite: str, *packages: str) -> None:
    """Unpack packages of ``suite``, with all that they need, at ``root``, unless they are there already."""
    if root.is_dir():
        return
    root.parent.mkdir(parents=True, exist_ok=True)
    made = root.with_suffix(".new")
    shutil.rmtree(made, ignore_errors=True)
    run("mmdebstrap", "--quiet", "--variant=extract", f"--include={','.join(packages)}", suite, made, timeout_s=300)
    made.rename(root)


def make_base(root: Path, suite: str, *, keep: bool) -> None:
    """Make a root of ``suite`` at ``root``, unless it is there already, and made alike."""
    packages = PACKAGES + (KEEP_PACKAGES if keep else ())
    recipe = hashlib.sha256(repr((suite, packages, _INIT)).encode()).hexdigest()
    mark = root.with_suffix(".recipe")
    if root.is_dir() and mark.exists() and mark.read_text() == recipe:
        return
    folder = root.parent
    folder.mkdir(parents=True, exist_ok=True)
    made = root.with_suffix(".new")
    shutil.rmtree(made, ignore_errors=True)
    run(
        "mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(packages)}",
        *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in _UNNEEDED),
        "--dpkgopt=path-include=/usr/share/locale/locale.alias", "--dpkgopt=force-unsafe-io",
        suite, made, timeout_s=600,
    )  # fmt: skip
    # Lists with a fresh date, and empty, would make the playbook's first look at them count as done.
    run("touch", "-d", "@0", made / "var/lib/apt/lists")
    init = made / "sbin/lab-init"
    init.write_text(_INIT)
    init.chmod(0o755)
    (made / "etc/dpkg/dpkg.cfg.d/lab").write_text("force-unsafe-io\n")
    run("chroot", made, "useradd", "--create-home", "--shell", "/bin/bash", "pi")
    (made / "etc/sudoers.d/pi").write_text("pi ALL=(ALL) NOPASSWD: ALL\n")
    shutil.rmtree(root, ignore_errors=True)
    made.rename(root)
    mark.write_text(recipe)
