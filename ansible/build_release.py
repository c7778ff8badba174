"""What a Pi is given: our packages for its side, and every wheel they need, in one archive.

::

    python3 ansible/build_release.py --side door --python 3.11 --machine aarch64 [--into dist]

Prints ``{"version": …, "archive": …, "rescue": …, "units": …}``, the last two being the archives of the rescue console
and of the units alone, which are installed beside the releases. The version names the content, so that the same tree
gives the same release, and a Pi that has it already gets nothing. Wheels are fetched here, by the hashes of
``requirements.lock``: a Pi needs neither a compiler nor the package index.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import stat
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

PROJECT: Final = Path(__file__).resolve().parents[1]
LOCK: Final = PROJECT / "requirements.lock"
SIDES: Final = {"door": ("bridge", "gateway", "rescue"), "keep": ("agent", "bridge", "rescue")}
"""Where code lies is where it runs."""

_GLIBC: Final = ("2_34", "2_28", "2_17")
"""Debian 12 has 2.36. Newest first; pip takes any wheel of these."""
_VERSION_DIGITS: Final = 10
_MODE: Final = 0o644
_FOLDER_MODE: Final = 0o755
_EXECUTABLE: Final = 0o111
_TIMES: Final = 1 << 30
"""Unix times before 2004."""


def wheels(python: str, machine: str) -> Path:
    """Return the folder with every wheel of the lock for one kind of Pi, fetched unless it is there."""
    lock = hashlib.sha256(LOCK.read_bytes()).hexdigest()[:_VERSION_DIGITS]
    folder = PROJECT / "var/wheels" / f"cp{python.replace('.', '')}-{machine}-{lock}"
    if folder.is_dir():
        return folder
    fresh = folder.with_suffix(".new")
    shutil.rmtree(fresh, ignore_errors=True)
    command = [
        sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes", "--only-binary=:all:",
        f"--python-version={python}", "--implementation=cp", f"--platform=manylinux2014_{machine}",
        *(f"--platform=manylinux_{glibc}_{machine}" for glibc in _GLIBC),
        f"--dest={fresh}", f"--requirement={LOCK}",
    ]  # fmt: skip
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        shutil.rmtree(fresh, ignore_errors=True)
        sys.exit(f"build_release: the wheels for Python {python} on {machine} cannot be had:\n{done.stdout}")
    fresh.rename(folder)
    return folder


def build(side: str, python: str, machine: str, into: Path) -> tuple[str, Path]:
    """Return the version and the archive of a release, built unless it is there."""
    sources = sorted(_sources(SIDES[side]))
    number = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    content = hashlib.sha256(LOCK.read_bytes())
    for path in sorted(_sources(tuple({name for names in SIDES.values() for name in names}))):
        content.update(f"{path.relative_to(PROJECT)}\0".encode() + path.read_bytes())
    version = f"{number}-{content.hexdigest()[:_VERSION_DIGITS]}"  # the same on both sides: they were made together
    archive = into / f"drawbridge-{version}-{side}-cp{python.replace('.', '')}-{machine}.tar"
    if archive.is_file():
        return version, archive
    into.mkdir(parents=True, exist_ok=True)
    fresh = archive.with_suffix(".new")
    with tarfile.open(fresh, "w") as tar:
        for path in (*sources, LOCK):
            tar.add(path, path.relative_to(PROJECT).as_posix(), filter=_plain)
        for wheel in sorted(wheels(python, machine).iterdir()):
            tar.add(wheel, f"wheels/{wheel.name}", filter=_plain)
    fresh.rename(archive)
    return version, archive


def console(into: Path) -> Path:
    """Return the archive of the rescue console, as it is in git, built unless it is there."""
    return _alone("rescue", {path.relative_to(PROJECT).as_posix(): path for path in _sources(("rescue",))}, into)


def units(side: str, into: Path) -> Path:
    """Return the archive of the units of one side, laid out as below /etc/systemd/system, built unless it is there."""
    files: dict[str, Path] = {}
    for folder in (PROJECT / "systemd/both", PROJECT / "systemd" / side):
        files |= {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return _alone(f"units-{side}", files, into)


def _alone(kind: str, files: Mapping[str, Path], into: Path) -> Path:
    """Return an archive named by its content.

    So are its files' times: Python compares them to know whether what it compiled is stale, and systemd likewise.
    """
    content = hashlib.sha256()
    for name, path in sorted(files.items()):
        content.update(f"{name}\0".encode() + path.read_bytes())
    digest = content.hexdigest()[:_VERSION_DIGITS]
    archive = into / f"drawbridge-{kind}-{digest}.tar"

    def as_in_git(member: tarfile.TarInfo) -> tarfile.TarInfo:
        is_program = member.mode & stat.S_IXUSR
        member = _plain(member)
        member.mtime = int(digest, 16) % _TIMES
        member.mode |= _EXECUTABLE if is_program else 0
        return member

    if not archive.is_file():
        # both Pis may be at it
        fresh = Path(tempfile.mkdtemp(prefix=f"{kind}-", suffix=".new", dir=into)) / archive.name
        with tarfile.open(fresh, "w", dereference=True) as tar:
            for name, path in sorted(files.items()):
                tar.add(path, name, filter=as_in_git)
        fresh.rename(archive)
        fresh.parent.rmdir()
    return archive


def _sources(packages: Sequence[str]) -> Iterator[Path]:
    for name in packages:
        for path in (PROJECT / name).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Leave out what only this machine has: owners, dates, modes."""
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    member.mtime = 0
    member.mode = _FOLDER_MODE if member.isdir() else _MODE
    return member


def main() -> None:
    parser = argparse.ArgumentParser(description="Build a release for one Pi.")
    parser.add_argument("--side", choices=sorted(SIDES), required=True, help="which Pi it is for")
    parser.add_argument("--python", required=True, metavar="3.11", help="the Pi's Python")
    parser.add_argument("--machine", required=True, metavar="aarch64", help="its architecture, as uname -m says it")
    parser.add_argument("--into", type=Path, default=PROJECT / "dist", metavar="DIR", help="where to write it (dist)")
    options = parser.parse_args()
    version, archive = build(options.side, options.python, options.machine, options.into)
    built = {"version": version, "archive": str(archive), "rescue": str(console(options.into))}
    built["units"] = str(units(options.side, options.into))
    sys.stdout.write(json.dumps(built) + "\n")


if __name__ == "__main__":
    main()
