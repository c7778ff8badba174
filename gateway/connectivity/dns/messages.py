"""DNS messages, both ways (RFC 1035 section 4). Pure; whatever comes, :func:`decode` returns or raises Malformed."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from socket import AF_INET, AF_INET6, inet_ntop
from typing import Final

MESSAGE_MAX_BYTES: Final = 4096
_RECORDS_MAX: Final = 128
_NAME_MAX_BYTES: Final = 255
_LABEL_MAX_BYTES: Final = 63
_POINTERS_MAX: Final = 32

_PRINTABLE: Final = bytes(c if 0x21 <= c < 0x7F and c != ord(".") else ord("?") for c in range(256))  # noqa: PLR2004 - ASCII

_HEADER: Final = struct.Struct("!HHHHHH")
_QUESTION: Final = struct.Struct("!HH")
_RECORD: Final = struct.Struct("!HHIH")
_RESPONSE: Final = 0x8000
_RECURSION_DESIRED: Final = 0x0100
_INTERNET: Final = 1


class Kind(IntEnum):
    """Types of records that we ask for or read; of others the data stays empty."""

    A = 1
    NS = 2
    CNAME = 5
    SOA = 6
    AAAA = 28


class Rcode(IntEnum):
    """What a server says of the question; any other number is taken as it is."""

    OK = 0
    SERVER_FAILURE = 2
    NO_SUCH_NAME = 3
    REFUSED = 5


class Malformed(ValueError):
    """Bytes that are no DNS message, or a name that none can hold."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record. ``data``: an address, or the name that an NS, CNAME or SOA (its first) points to, in lower case."""

    name: str
    kind: int
    ttl_s: int
    data: str


@dataclass(frozen=True, slots=True)
class Message:
    """One response, or query; ``name`` and ``kind`` are the question's."""

    number: int
    is_response: bool
    rcode: int
    name: str
    kind: int
    answers: tuple[Record, ...]
    authority: tuple[Record, ...]
    additional: tuple[Record, ...]

    def data(self, kind: Kind) -> tuple[str, ...]:
        """Return what the answers of ``kind`` hold."""
        return tuple(record.data for record in self.answers if record.kind == kind)


def encode_query(number: int, name: str, kind: Kind, *, recursive: bool = True) -> bytes:
    """Return one question. Raises :class:`Malformed` for what cannot be a name."""
    flags = _RECURSION_DESIRED if recursive else 0
    return _HEADER.pack(number, flags, 1, 0, 0, 0) + _encode_name(name) + _QUESTION.pack(kind, _INTERNET)


def decode(data: bytes) -> Message:
    """Return the message in ``data``, with at most one question. Raises :class:`Malformed`."""
    if not _HEADER.size <= len(data) <= MESSAGE_MAX_BYTES:
        msg = "no DNS message is that long"
        raise Malformed(msg)
    number, flags, questions, *counts = _HEADER.unpack_from(data)
    if questions > 1 or sum(counts) > _RECORDS_MAX:
        msg = "more records than any question of ours calls for"
        raise Malformed(msg)
    offset, name, kind = _HEADER.size, "", 0
    if questions:
        name, offset = _decode_name(data, offset)
        kind, _ = _unpack(_QUESTION, data, offset)
        offset += _QUESTION.size
    sections: list[tuple[Record, ...]] = []
    for count in counts:
        records = []
        for _ in range(count):
            record, offset = _decode_record(data, offset)
            records.append(record)
        sections.append(tuple(records))
    answers, authority, additional = sections
    return Message(number, bool(flags & _RESPONSE), flags & 0xF, name, kind, answers, authority, additional)


def _encode_name(name: str) -> bytes:
    try:
        labels = [label.encode("ascii") for label in name.rstrip(".").split(".")] if name.rstrip(".") else []
    except UnicodeEncodeError as error:
        msg = "a name is not ASCII"
        raise Malformed(msg) from error
    encoded = b"".join(bytes((len(label) & 0xFF,)) + label for label in labels) + b"\0"
    if any(not 0 < len(label) <= _LABEL_MAX_BYTES for label in labels) or len(encoded) > _NAME_MAX_BYTES:
        msg = "a label or a name is too long, or empty"
        raise Malformed(msg)
    return encoded


def _decode_name(data: bytes, offset: int) -> tuple[str, int]:
    """Return the name at ``offset`` and where what follows begins; compressed ones point back into the message."""
    labels: list[str] = []
    size, pointers, after = 1, 0, -1
    while True:
        if offset >= len(data):
            msg = "a name is cut off"
            raise Malformed(msg)
        length = data[offset]
        if length >= 0xC0:  # noqa: PLR2004 - two bits that say: the other 14 are where the name goes on
            pointers += 1
            if offset + 1 >= len(data) or pointers > _POINTERS_MAX:
                msg = "a name points nowhere"
                raise Malformed(msg)
            after = offset + 2 if after < 0 else after
            offset = (length & 0x3F) << 8 | data[offset + 1]
            continue
        offset += 1
        if length == 0:
            return ".".join(labels), offset if after < 0 else after
        size += length + 1
        if length > _LABEL_MAX_BYTES or size > _NAME_MAX_BYTES or offset + length > len(data):
            msg = "a label or a name is too long"
            raise Malformed(msg)
        # a dot or an unprintable byte in a label cannot be told from what we ask for, so it becomes what no name has
        label = data[offset : offset + length].translate(_PRINTABLE)
        labels.append(label.decode("ascii"))
        offset += length


def _decode_record(data: bytes, offset: int) -> tuple[Record, int]:
    name, offset = _decode_name(data, offset)
    kind, _, ttl_s, size = _unpack(_RECORD, data, offset)
    offset += _RECORD.size
    end = offset + size
    if end > len(data):
        msg = "a record is cut off"
        raise Malformed(msg)
    text = ""
    if kind == Kind.A and size == 4:  # noqa: PLR2004 - an IPv4 address
        text = inet_ntop(AF_INET, data[offset:end])
    elif kind == Kind.AAAA and size == 16:  # noqa: PLR2004 - an IPv6 address
        text = inet_ntop(AF_INET6, data[offset:end])
    elif kind in {Kind.NS, Kind.CNAME, Kind.SOA}:
        text = _decode_name(data, offset)[0].lower()
    return Record(name.lower(), kind, ttl_s, text), end


def _unpack(form: struct.Struct, data: bytes, offset: int) -> tuple[int, ...]:
    if len(data) - offset < form.size:
        msg = "a message is cut off"
        raise Malformed(msg)
    return form.unpack_from(data, offset)
