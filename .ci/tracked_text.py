"""Fail when a tracked file names what only one machine has: its folders, its package mirror, a secret key.

A clone has to work on a stranger's machine. Prints each place as ``path:line: what``.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]

FORBIDDEN: Final = {
    "a folder of one machine": re.compile(r"(?<![\w.$-])/(?:work|root|home/\w+)/[\w.]"),
    "a package index": re.compile(
        r"--(?:extra-)?index-url|--find-links|--trusted-host|https?://[^\s/]+/(?:\w+/)*simple(?![\w-])"
    ),
    "a private key": re.compile(r"^-----BEGIN [A-Z ]*PRIVATE KEY-----"),
}


def problems(text: str) -> Iterator[tuple[int, str]]:
    """Yield (line number, what is wrong) for every line of ``text`` that has something forbidden."""
    for number, line in enumerate(text.splitlines(), start=1):
        for what, pattern in FORBIDDEN.items():
            if pattern.search(line):
                yield number, what


def main() -> int:
    # safe.directory: in a container the clone may belong to another user
    listing = subprocess.run(
        ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found = 0
    for name in filter(None, listing.stdout.split("\0")):
        path = ROOT / name
        if name == Path(__file__).relative_to(ROOT).as_posix() or not path.is_file():
            continue
        for number, what in problems(path.read_text("utf-8", "replace")):
            print(f"{name}:{number}: {what}")
            found += 1
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
