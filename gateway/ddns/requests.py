"""What the owner asks of the running service: a file a request, in a folder that it looks into.

One process alone keeps the state and talks to providers, so a command asks, and does nothing itself. Whoever may write
into the service's folder may ask: root, and the service.
"""

from __future__ import annotations

import errno
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bridge.process.files import replace_file

FOLDER: Final = "requests"
POLL_S: Final = 1.0

_SIZE_MAX_BYTES: Final = 1024
_WAITING_MAX: Final = 64


def make_folder(state_dir: Path) -> None:
    """Make the folder of requests, as the service's own: what root made there, it could not take. Raises OSError."""
    (state_dir / FOLDER).mkdir(mode=0o700, parents=True, exist_ok=True)


def ask_for_update(state_dir: Path, name: str) -> None:
    """Ask for an update of ``name``. Raises OSError, FileNotFoundError where no service has run yet."""
    folder = state_dir / FOLDER
    if not folder.is_dir():
        raise FileNotFoundError(errno.ENOENT, "gateway-ddns has not run yet: start it", str(folder))
    replace_file(folder / secrets.token_hex(8), name.encode())


def take_requests(state_dir: Path) -> Iterator[str]:
    """Yield the names of waiting requests, and remove these. More than a few dozen are thrown away unread."""
    try:
        paths = sorted((state_dir / FOLDER).iterdir())
    except OSError:
        return
    for number, path in enumerate(paths):
        if path.name.startswith("."):
            continue  # being written
        try:
            with path.open("rb") as file:
                text = file.read(_SIZE_MAX_BYTES).decode("ascii", "replace")
            path.unlink()
        except OSError:
            continue
        if number < _WAITING_MAX:
            yield text.strip()
