"""The bridge's signing keys: a ring of generations for each unit, one signing key for each direction.

A unit (``gateway``, ``monitor``) shares one 32-byte secret with the agent. What signs its requests and what signs the
answers are derived from it (HKDF-SHA256, RFC 5869), so that no message can be turned around::

    request key  = HKDF(secret, salt = key id, info = "drawbridge bridge-v1 request",  32 bytes)
    response key = HKDF(secret, salt = key id, info = "drawbridge bridge-v1 response", 32 bytes)

An answer is signed with the generation that its request was signed with. All generations of a ring are accepted;
requests are signed with the current one. So a secret is replaced without a lost call: staged as ``next`` at the agent,
then at the unit; promoted at the unit, then at the agent; the old one retired when nothing signed with it is under way.

Each machine keeps its rings in ``keys.json``, in a folder of its own: the agent every unit's, a unit its own.
"""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import AwareDatetime, ConfigDict, Field, TypeAdapter, ValidationError

from bridge.invalid import wrong_fields
from bridge.process.files import FileRefused, fingerprint, read_private, replace_file
from bridge.process.logs import log
from bridge.signing import SigningKey

_log: Final = logging.getLogger(__name__)

FILE_NAME: Final = "keys.json"
SECRET_BYTES: Final = 32
UNIT_PATTERN: Final = r"[a-z][a-z0-9-]{0,30}"
_INFO_REQUEST: Final = b"drawbridge bridge-v1 request"
_INFO_RESPONSE: Final = b"drawbridge bridge-v1 response"
_SUFFIX_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"  # no 0 o 1 i l: ids are read out over the telephone
_SUFFIX_LENGTH: Final = 4


class KeysRefused(ValueError):
    """A key file or a rotation step cannot be used; the message says why, and holds no secret."""


@dataclass(frozen=True, slots=True)
class Generation:
    """One secret. ``key_id`` is ``<unit>.<day it was made>.<four random characters>``."""

    key_id: Annotated[str, Field(pattern=rf"^{UNIT_PATTERN}\.\d{{4}}-\d{{2}}-\d{{2}}\.[a-z0-9]{{4}}$")]
    secret: Annotated[bytes, Field(min_length=SECRET_BYTES, max_length=SECRET_BYTES)] = field(repr=False)
    created: AwareDatetime

    @property
    def unit(self) -> str:
        return self.key_id.partition(".")[0]


def generate(unit: str, *, now: datetime) -> Generation:
    """Return a new random generation for ``unit``, made at ``now`` (aware)."""
    if not re.fullmatch(UNIT_PATTERN, unit):
        msg = f"{unit!r} is no unit's name: lower-case letters, digits and hyphens, such as 'gateway'"
        raise KeysRefused(msg)
    suffix = "".join(secrets.choice(_SUFFIX_ALPHABET) for _ in range(_SUFFIX_LENGTH))
    return Generation(f"{unit}.{now:%Y-%m-%d}.{suffix}", secrets.token_bytes(SECRET_BYTES), now.replace(microsecond=0))


@dataclass(frozen=True, slots=True)
class Ring:
    """One unit's generations. The steps return the ring that follows, or raise :class:`KeysRefused`."""

    current: Generation
    previous: Generation | None = None
    next: Generation | None = None

    @property
    def generations(self) -> tuple[Generation, ...]:
        return tuple(one for one in (self.previous, self.current, self.next) if one is not None)

    def stage(self, generation: Generation) -> Ring:
        """Accept ``generation`` too; nothing is signed with it yet. Staging the same one again changes nothing."""
        if generation in (self.next, self.current):
            return self
        if self.next is not None:
            msg = f"{self.next.key_id} is staged already: promote it first"
            raise KeysRefused(msg)
        return replace(self, next=generation)

    def promote(self) -> Ring:
        """Sign with the staged generation, and go on accepting the one before."""
        if self.next is None:
            msg = f"no next generation is staged for {self.current.unit}"
            raise KeysRefused(msg)
        return Ring(current=self.next, previous=self.current)

    def retire(self) -> Ring:
        """Accept the previous generation no longer."""
        return replace(self, previous=None)


class Keyring:
    """Every unit's ring, with its keys derived. Immutable."""

    __slots__ = ("_derived", "_request_key", "rings")

    def __init__(self, rings: Mapping[str, Ring]) -> None:
        self.rings: Final = dict(rings)
        self._derived: Final[dict[str, _Derived]] = {}
        for unit, ring in self.rings.items():
            for generation in ring.generations:
                if generation.unit != unit or generation.key_id in self._derived:
                    msg = f"{generation.key_id} is not the key id of one generation of {unit}"
                    raise KeysRefused(msg)
                self._derived[generation.key_id] = _derive(generation)
        currents = [ring.current.key_id for ring in self.rings.values()]
        self._request_key = self._derived[currents[0]].request if len(currents) == 1 else None

    @property
    def key_ids(self) -> tuple[str, ...]:
        return tuple(self._derived)

    def request_key(self) -> SigningKey:
        """Return what the only unit signs its requests with. Raises :class:`KeysRefused` where there are several."""
        if self._request_key is None:
            msg = f"requests are signed for one unit, and this ring holds {', '.join(self.rings) or 'none'}"
            raise KeysRefused(msg)
        return self._request_key

    def find_request_key(self, key_id: str) -> SigningKey | None:
        """Return what requests that name ``key_id`` must be signed with, or None where it is not accepted."""
        derived = self._derived.get(key_id)
        return derived.request if derived else None

    def response_key(self, key_id: str) -> SigningKey | None:
        """Return what answers to requests signed with ``key_id`` are signed with, or None where it is not accepted."""
        derived = self._derived.get(key_id)
        return derived.response if derived else None

    def unit_of(self, key_id: str) -> str | None:
        """Return whose key ``key_id`` names, or None where it is not accepted."""
        derived = self._derived.get(key_id)
        return derived.unit if derived else None

    def ring(self, unit: str) -> Ring:
        """Return ``unit``'s ring. Raises :class:`KeysRefused` where there is none."""
        try:
            return self.rings[unit]
        except KeyError:
            msg = f"there are no keys for {unit}"
            raise KeysRefused(msg) from None

    def with_ring(self, ring: Ring) -> Keyring:
        """Return this keyring with ``ring`` in the place of its unit's."""
        return Keyring(self.rings | {ring.current.unit: ring})

    def stage(self, generation: Generation) -> Keyring:
        """Return this keyring with ``generation`` as its unit's next; as its current one, where the unit is new."""
        ring = self.rings.get(generation.unit)
        return self.with_ring(ring.stage(generation) if ring else Ring(generation))


@dataclass(frozen=True, slots=True)
class _Derived:
    unit: str
    request: SigningKey
    response: SigningKey


def _derive(generation: Generation) -> _Derived:
    def key(info: bytes) -> SigningKey:
        hkdf = HKDF(algorithm=SHA256(), length=SECRET_BYTES, salt=generation.key_id.encode(), info=info)
        return SigningKey(generation.key_id, hkdf.derive(generation.secret))

    return _Derived(generation.unit, key(_INFO_REQUEST), key(_INFO_RESPONSE))


# ------------------------------------------------------------------------------------------------------- rotation


class RotationStep(StrEnum):
    """What is done to the agent's ring or the unit's, in this order."""

    STAGE_AT_AGENT = "stage at the agent"
    STAGE_AT_UNIT = "stage at the unit"
    PROMOTE_AT_UNIT = "promote at the unit"
    PROMOTE_AT_AGENT = "promote at the agent"
    RETIRE_AT_UNIT = "retire at the unit"
    RETIRE_AT_AGENT = "retire at the agent"

    @property
    def needs_settling(self) -> bool:
        """Whether both processes must have read their files again before this step, or a call could be lost."""
        return self in {RotationStep.PROMOTE_AT_UNIT, RotationStep.RETIRE_AT_UNIT}


def rotation_under_way(agent: Ring, unit: Ring) -> RotationStep | None:
    """Return the step that follows in a rotation that has begun, or None where both rings hold one same generation.

    Raises :class:`KeysRefused` where the two rings share no way forward.
    """
    if agent.next is not None:
        if unit.current == agent.next:
            return RotationStep.PROMOTE_AT_AGENT
        if unit.current == agent.current:
            return RotationStep.PROMOTE_AT_UNIT if unit.next == agent.next else RotationStep.STAGE_AT_UNIT
    elif unit.current == agent.current and unit.next is None:
        if unit.previous is not None:
            return RotationStep.RETIRE_AT_UNIT
        return RotationStep.RETIRE_AT_AGENT if agent.previous is not None else None
    msg = (
        f"the agent's keys ({', '.join(one.key_id for one in agent.generations)}) and the unit's "
        f"({', '.join(one.key_id for one in unit.generations)}) do not belong to one rotation"
    )
    raise KeysRefused(msg)


def rotate_once(agent: Ring, unit: Ring, *, step: RotationStep, now: datetime) -> tuple[Ring, Ring]:
    """Return the agent's and the unit's ring after ``step``."""
    match step:
        case RotationStep.STAGE_AT_AGENT:
            return agent.stage(generate(agent.current.unit, now=now)), unit
        case RotationStep.STAGE_AT_UNIT:
            return agent, replace(unit, next=agent.next)
        case RotationStep.PROMOTE_AT_UNIT:
            return agent, unit.promote()
        case RotationStep.PROMOTE_AT_AGENT:
            return agent.promote(), unit
        case RotationStep.RETIRE_AT_UNIT:
            return agent, unit.retire()
    return agent.retire(), unit


# ----------------------------------------------------------------------------------------------------------- file

_FORMAT: Final = TypeAdapter(
    dict[str, Ring], config=ConfigDict(extra="forbid", ser_json_bytes="base64", val_json_bytes="base64")
)


def load_keyring(folder: Path) -> Keyring:
    """Read ``folder``'s keys. Raises :class:`KeysRefused` where the file is missing, malformed or open to others."""
    return Keyring(_read(folder / FILE_NAME))


def save_keyring(folder: Path, keyring: Keyring) -> None:
    """Replace ``folder``'s keys, readable by their owner alone."""
    replace_file(folder / FILE_NAME, _json(keyring))


def load_generation(path: Path) -> Generation:
    """Read what :func:`save_generation` wrote on the other machine. Raises :class:`KeysRefused`."""
    return _only_generation(_read(path), path)


def generation_text(generation: Generation) -> str:
    """Return one generation as :func:`save_generation` writes it."""
    return _json(Keyring({generation.unit: Ring(generation)})).decode()


def parse_generation(content: bytes) -> Generation:
    """Return the generation in such a text. Raises :class:`KeysRefused`."""
    return _only_generation(_parse(content, "the input"), "the input")


def _only_generation(rings: Mapping[str, Ring], source: object) -> Generation:
    if len(rings) != 1 or len(ring := next(iter(rings.values())).generations) != 1:
        msg = f"{source} does not hold one generation"
        raise KeysRefused(msg)
    return ring[0]


def save_generation(path: Path, generation: Generation) -> None:
    """Write one generation, to be carried to the other machine and deleted."""
    replace_file(path, _json(Keyring({generation.unit: Ring(generation)})))


def _json(keyring: Keyring) -> bytes:
    return _FORMAT.dump_json(keyring.rings, indent=2) + b"\n"


def _read(path: Path) -> dict[str, Ring]:
    try:
        return _parse(read_private(path), path)
    except FileRefused as error:
        raise KeysRefused(str(error)) from error


def _parse(content: bytes, source: object) -> dict[str, Ring]:
    try:
        return _FORMAT.validate_json(content)
    except ValidationError as error:  # its own text would show the input
        where, what = next(wrong_fields(error))
        msg = f"{source} is malformed: {where or 'the file'}: {what}"
        raise KeysRefused(msg) from None


class KeyStore:
    """A folder's keyring, followed as the file changes. Raises :class:`KeysRefused` when it cannot be read at first."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME
        self._seen = fingerprint(self._path)
        self.keyring = load_keyring(folder)

    def reload_if_changed(self) -> bool:
        """Take a replaced file over and return whether it was. Call it every second; it costs one ``stat``.

        A file that cannot be used is logged once, and the keys before it stay in use.
        """
        seen = fingerprint(self._path)
        if seen == self._seen:
            return False
        self._seen = seen
        try:
            self.keyring = load_keyring(self._path.parent)
        except KeysRefused as refusal:
            log(_log, "keys_refused", level=logging.ERROR, reason=str(refusal))
            return False
        log(
            _log,
            "keys_loaded",
            key_ids=[one.key_id for ring in self.keyring.rings.values() for one in ring.generations],
        )
        return True

    def request_key(self) -> SigningKey:
        return self.keyring.request_key()

    def find_request_key(self, key_id: str) -> SigningKey | None:
        return self.keyring.find_request_key(key_id)

    def response_key(self, key_id: str) -> SigningKey | None:
        return self.keyring.response_key(key_id)

    def unit_of(self, key_id: str) -> str | None:
        return self.keyring.unit_of(key_id)
