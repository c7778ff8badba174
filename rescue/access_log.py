"""nginx's lines of one request, out of the access log and what rotation has left of it.

A program of its own, ``python -m rescue.access_log ID SINCE``, for it runs as the user whose files they are: the
helper, root without a capability, may not read them. Lines go to standard output as they are, why some may be missing
to standard error.
"""

from __future__ import annotations

import gzip
import re
import sys
import time
import zlib
from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final, cast

from rescue.settings import USUAL_PATHS

LINES_MAX: Final = 200
READ_S: Final = 20.0
"""nginx keeps at most some 300 MB: seconds on a Pi."""
_LINE_MAX_BYTES: Final = 8 * 1024
_NAME: Final = re.compile(r"access\.log(\.\d+(\.gz)?)?")


class AccessLog:
    """The access log in ``folder``. ``faults`` says why lines may be missing, once they were looked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.faults: list[str] = []

    def lines_of(self, request_id: str, *, since: datetime, within_s: float = READ_S) -> list[bytes]:
        """Return the lines that name ``request_id``, at most the newest :data:`LINES_MAX`, the newest file's first.

        A file that was last written before ``since`` is left out.
        """
        needle, deadline = b'"request_id":"%b"' % request_id.encode(), time.monotonic() + within_s
        found: list[bytes] = []
        with ExitStack() as stack:
            for name, file in self._open(since, stack):
                newest: deque[bytes] = deque(maxlen=LINES_MAX - len(found))
                try:
                    for number, line in enumerate(iter(partial(file.readline, _LINE_MAX_BYTES), b"")):
                        if needle in line:
                            newest.append(line)
                        if number % 1000 == 0 and time.monotonic() > deadline:
                            self.faults.append(f"{name}: not read to its end within {within_s:g} s, nor older ones")
                            return [*found, *newest]
                except (OSError, EOFError, zlib.error) as error:
                    self.faults.append(f"{name}: {error}")
                found += newest
        return found

    def _open(self, since: datetime, stack: ExitStack) -> list[tuple[str, BinaryIO]]:
        """Return the files, the newest first, all open before the first is read: they may be rotated meanwhile."""
        try:
            paths = [path for path in self._folder.iterdir() if _NAME.fullmatch(path.name)]
        except OSError as error:
            self.faults.append(f"{self._folder}: {error.strerror}")
            return []
        if not paths:
            self.faults.append(f"{self._folder}: there is no access.log")
        opened: list[tuple[float, str, BinaryIO]] = []
        for path in paths:
            try:
                written_at = path.stat().st_mtime
                if written_at >= since.timestamp():
                    opener = gzip.open if path.suffix == ".gz" else open
                    file = cast("BinaryIO", stack.enter_context(opener(path, "rb")))
                    opened.append((written_at, path.name, file))
            except OSError as error:
                self.faults.append(f"{path.name}: {error.strerror}")
        opened.sort(key=lambda one: one[0], reverse=True)
        return [(name, file) for _, name, file in opened]


def main(arguments: Sequence[str] | None = None) -> int:
    request_id, since = sys.argv[1:] if arguments is None else arguments
    log = AccessLog(USUAL_PATHS.web_log)
    for line in log.lines_of(request_id, since=datetime.fromisoformat(since)):
        sys.stdout.buffer.write(line if line.endswith(b"\n") else line + b"\n")
    sys.stdout.flush()
    for fault in log.faults:
        sys.stderr.write(f"{fault}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
