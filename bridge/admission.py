"""What a door is given when it is admitted anew: an identity and message keys, in the place of all that it had.

Made on the RPI3, carried over a way that is trusted otherwise (SSH with a pinned host key), taken on the RPI4. JSON::

    {"unit": "gateway", "identity": "<key and chain in PEM>", "roots": "<PEM>", "revoked": ["3f…"],
     "generation": {"key_id": "gateway.2026-11-21.k3f9", "secret": "<base64>", "created": "2026-11-21T04:51:52Z"}}
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from bridge.invalid import wrong_fields
from bridge.keys import FILE_NAME, Generation, Keyring, Ring, generate, load_keyring, save_keyring
from bridge.pki import (
    IDENTITY_FILE,
    REVOKED_FILE,
    ROOTS_FILE,
    Authority,
    certificates_text,
    parse_certificates,
    read_identity,
    unit_name,
    write_certificates,
    write_revoked,
)
from bridge.process.files import replace_file

SIZE_MAX_BYTES: Final = 64 * 1024


class AdmissionRefused(ValueError):
    """What is to be taken is no admission; the message holds no secret."""


class Admission(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_bytes="base64", val_json_bytes="base64")

    unit: str
    identity: str
    roots: str
    revoked: tuple[str, ...]
    generation: Generation


def offer(unit: str, authority: Authority, keys_folder: Path, *, now: datetime) -> bytes:
    """Make an admission. From now on the agent accepts no other message keys of ``unit``."""
    identity, roots = authority.issue_unit_elsewhere(unit, now=now)
    generation = generate(unit, now=now)
    rings = load_keyring(keys_folder).rings if (keys_folder / FILE_NAME).exists() else {}
    save_keyring(keys_folder, Keyring({**rings, unit: Ring(generation)}))
    admission = Admission(
        unit=unit,
        identity=identity.pem.decode("ascii"),
        roots=certificates_text(roots),
        revoked=tuple(f"{serial:x}" for serial in sorted(authority.revoked())),
        generation=generation,
    )
    return admission.model_dump_json().encode() + b"\n"


def take(content: bytes, tls_folder: Path, keys_folder: Path) -> Admission:
    """Put an admission in the place of what the two folders hold.

    Raises :class:`AdmissionRefused`, :class:`~bridge.keys.KeysRefused` or :class:`~bridge.pki.PKIRefused`; the folders
    hold what they did, then.
    """
    try:
        admission = Admission.model_validate_json(content)
        serials = tuple(int(serial, 16) for serial in admission.revoked)
        identity = admission.identity.encode("ascii")
    except ValidationError as error:  # its own text would show the input
        where, what = next(wrong_fields(error))
        msg = f"no admission: {where}: {what}"
        raise AdmissionRefused(msg) from None
    except ValueError as error:
        msg = "no admission: serial numbers are hexadecimal, and PEM is ASCII"
        raise AdmissionRefused(msg) from error
    keyring = Keyring({admission.unit: Ring(admission.generation)})
    roots = parse_certificates(admission.roots)
    draft = tls_folder / f".{IDENTITY_FILE}.admitted"
    replace_file(draft, identity)
    try:
        names = read_identity(draft).certificate.subject.rfc4514_string()
        if names != f"CN={unit_name(admission.unit)}":
            msg = f"no admission: the certificate is {names}'s"
            raise AdmissionRefused(msg)
        write_certificates(tls_folder / ROOTS_FILE, roots)
        write_revoked(tls_folder / REVOKED_FILE, serials)
        save_keyring(keys_folder, keyring)
        draft.replace(tls_folder / IDENTITY_FILE)
    finally:
        draft.unlink(missing_ok=True)
    return admission
