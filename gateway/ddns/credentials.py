"""Secrets of names: ``$CREDENTIALS_DIRECTORY/ddns.<credential>``, a file each, as systemd hands them to a service.

How many there are the owner's records decide, so they are no fields of the settings. Several names may share one.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from bridge.process.environment import environment
from bridge.process.settings import SettingsError

_SIZE_MAX_BYTES: Final = 4096


def read_credential(name: str, environ: Mapping[str, str] | None = None) -> SecretStr:
    """Return the secret without the line's end. Raises SettingsError, which says what to do."""
    folder = (environment() if environ is None else environ).get("CREDENTIALS_DIRECTORY")
    if not folder:
        msg = f"{name}: there are no credentials here ($CREDENTIALS_DIRECTORY is not set)"
        raise SettingsError(msg)
    try:
        with (Path(folder) / name).open("rb") as file:
            secret = file.read(_SIZE_MAX_BYTES + 1).decode("ascii").strip()
    except OSError as error:
        msg = f"{name}: the credential cannot be read: {error.strerror}"
        raise SettingsError(msg) from None
    except UnicodeDecodeError:
        secret = ""
    if not secret or len(secret) > _SIZE_MAX_BYTES or not secret.isprintable():
        msg = f"{name}: the credential must be one line of printable ASCII"
        raise SettingsError(msg)
    return SecretStr(secret)
