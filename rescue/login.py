"""Who has logged in: which key of ``/etc/drawbridge/rescue_keys``, and from where.

sshd says the key in the file ``$SSH_USER_AUTH`` (``ExposeAuthInfo yes``). The console's role comes from the same line
of rescue_keys that let the key in::

    restrict,pty,from="192.168.1.0/24" ssh-ed25519 AAAA… anna's laptop
    restrict,from="192.168.1.4",command="selftest" ssh-ed25519 AAAA… the door's self-test

``command="…"`` is a role's name and no command: ForceCommand overrules it, and were that line lost from sshd's file,
the user's shell would be the console all the same.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from rescue.audit import Caller
from rescue.verbs import Role
from rescue.words import Refused

_KEY: Final = re.compile(
    r"^(?P<options>.*?)\s*(?P<type>(?:sk-)?(?:ssh|ecdsa)-[a-z0-9@.-]+)\s+(?P<blob>[A-Za-z0-9+/=]+)(?:\s+(?P<name>.*))?$"
)
_COMMAND: Final = re.compile(r'(?:^|,)command="(?P<role>[^"]*)"')
_FILE_MAX: Final = 64 * 1024


def caller_of(environment: Mapping[str, str], keys_file: Path) -> Caller:
    """Return who is behind this login. Raises :class:`Refused` where that cannot be told for sure."""
    blob = _blob_used(environment.get("SSH_USER_AUTH", ""))
    address = environment.get("SSH_CONNECTION", "").partition(" ")[0]
    found = {
        (_role(match["options"]), (match["name"] or "").strip())
        for match in map(_KEY.match, _lines(keys_file))
        if match and match["blob"] == blob
    }
    if len({role for role, _name in found}) != 1:
        msg = "this login's key is not one of rescue_keys, or has two roles there"
        raise Refused(msg)
    role, name = min(found)
    return Caller(role, fingerprint(blob), name, address)


def fingerprint(blob: str) -> str:
    """Return a public key's fingerprint as ssh-keygen shows it."""
    try:
        digest = hashlib.sha256(base64.b64decode(blob, validate=True)).digest()
    except binascii.Error as error:
        msg = "a key is no base64"
        raise Refused(msg) from error
    return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


def _blob_used(path: str) -> str:
    try:
        with Path(path).open(encoding="ascii") as file:
            lines = file.read(_FILE_MAX).splitlines()
    except (OSError, ValueError) as error:
        msg = "sshd does not say which key this login used"
        raise Refused(msg) from error
    used = [line.split() for line in lines]
    keys = [words[2] for words in used if len(words) == 3 and words[0] == "publickey"]  # noqa: PLR2004
    if len(used) != 1 or len(keys) != 1:
        msg = "this login did not use one key"
        raise Refused(msg)
    return keys[0]


def _lines(keys_file: Path) -> list[str]:
    try:
        return [line for line in keys_file.read_text("utf-8").splitlines() if not line.lstrip().startswith("#")]
    except (OSError, ValueError) as error:
        msg = f"{keys_file} cannot be read"
        raise Refused(msg) from error


def _role(options: str) -> Role:
    command = _COMMAND.search(options)
    if command is None:
        return Role.OWNER
    try:
        return Role(command["role"])
    except ValueError:
        msg = "this key's role is none that there is"
        raise Refused(msg) from None
