"""Somebody on the lab's Internet with a real browser: Debian's Chromium, in a namespace of the lab."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.browser.chromium import flags, trust


@contextmanager
def browsing(folder: Path, namespace: str, roots: Sequence[Path], names: Mapping[str, str]) -> Iterator[Browser]:
    """Give a browser that trusts ``roots`` alone, and knows no ``names`` but these, with their addresses."""
    (home := folder / "home").mkdir()
    trust(home, *roots)
    program = folder / "chromium"
    program.write_text(f'#!/bin/sh\nexec ip netns exec {namespace} {shutil.which("chromium")} "$@"\n')
    program.chmod(0o755)
    places = ", ".join(f"MAP {name} {address}" for name, address in names.items())
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program,
            args=flags(f"{places}, MAP * ~NOTFOUND"),
            env={"HOME": str(home), "PATH": os.environ["PATH"]},
        )
        try:
            yield browser
        finally:
            browser.close()
