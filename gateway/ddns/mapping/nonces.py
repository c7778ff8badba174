"""The nonces of PCP mappings: the same after a restart, or the router would take us for somebody else.

RFC 6887, section 11.2, wants them unguessable; section 11.3 lets nobody renew a mapping without its nonce.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bridge.process.logs import log
from gateway.ddns.mapping.pcp import NONCE_BYTES

_log: Final = logging.getLogger(__name__)

_SECRET_BYTES: Final = 32


def nonces(path: Path) -> Callable[[int], bytes]:
    """Return the nonce of a port as a function, from the secret in ``path``, which is made where there is none.

    A file that cannot be used is no error: mappings are then ours until the process ends, and until their own end
    nobody's.
    """
    secret = _read(path) or _make(path)
    return lambda port: hashlib.blake2b(port.to_bytes(2), key=secret, digest_size=NONCE_BYTES).digest()


def _read(path: Path) -> bytes | None:
    with contextlib.suppress(OSError):
        secret = path.read_bytes()
        return secret if len(secret) == _SECRET_BYTES else None
    return None


def _make(path: Path) -> bytes:
    secret = secrets.token_bytes(_SECRET_BYTES)
    fresh = path.with_name(f"{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh.unlink(missing_ok=True)
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # noqa: PTH123 - its mode
            file.write(secret)
            if os.geteuid() == 0:  # a command of the owner's: the service reads it later, as the folder's user
                folder = path.parent.stat()
                os.fchown(file.fileno(), folder.st_uid, folder.st_gid)
        fresh.replace(path)
    except OSError as error:
        log(_log, "pcp_nonce_not_kept", level=logging.WARNING, exc_info=error)
    return secret
