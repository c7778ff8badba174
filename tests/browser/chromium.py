"""Debian's Chromium, headless, in a home of its own: its trust store holds the CA that a test gives it, or none."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest
from playwright.async_api import Browser, Playwright

from demo.bootstrap import TEST_NEEDS

_FLAGS: Final = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
)


def flags(names: str) -> list[str]:
    """Return how it is started: with rules for hosts' ``names``, and without what it would do by itself."""
    return [*_FLAGS, f"--host-resolver-rules={names}"]


def skip_unless_installed() -> None:
    """Skip where the machine has no browser."""
    needs = [need for need in TEST_NEEDS if need.purpose == "the browser tests"]
    if missing := [need.package for need in needs if not need.present()]:
        pytest.skip(f"needs a browser: apt-get install {' '.join(missing)}")


def trust(home: Path, *ca_files: Path) -> None:
    """Put CAs among those that programs using NSS trust, as a user of ``home`` would."""
    folder = home / ".pki" / "nssdb"
    folder.mkdir(parents=True)
    database = f"sql:{folder}"
    subprocess.run(["certutil", "-d", database, "-N", "--empty-password"], check=True)
    for number, ca_file in enumerate(ca_files):
        name = f"drawbridge {number}"
        subprocess.run(["certutil", "-d", database, "-A", "-t", "C,,", "-n", name, "-i", ca_file], check=True)


@asynccontextmanager
async def launched(playwright: Playwright, home: Path) -> AsyncIterator[Browser]:
    browser = await playwright.chromium.launch(
        executable_path=shutil.which("chromium"),
        args=flags("MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1"),
        env={"HOME": str(home), "PATH": os.environ["PATH"]},
    )
    try:
        yield browser
    finally:
        await browser.close()
