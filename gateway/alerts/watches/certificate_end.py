"""When the certificate ends that a web server shows: a handshake, and as much of X.509 as it takes to find the date.

``ssl`` hands out a certificate's fields only where it was verified, and a bootstrap certificate is self-signed. The
path through the DER is that of RFC 5280, 4.1::

    Certificate ::= SEQUENCE { tbsCertificate SEQUENCE { version [0] OPTIONAL, serialNumber INTEGER,
        signature SEQUENCE, issuer SEQUENCE, validity SEQUENCE { notBefore Time, notAfter Time }, … }, … }
"""

from __future__ import annotations

import asyncio
import re
import ssl
from datetime import UTC, datetime
from typing import Final

_HANDSHAKE_S: Final = 5.0
_SEQUENCE: Final = 0x30
_VERSION: Final = 0xA0
_UTC_TIME: Final = 0x17
_GENERALIZED_TIME: Final = 0x18
_LONG_FORM: Final = 0x80
_LENGTH_BYTES_MAX: Final = 4
_DATE: Final = re.compile(rb"(\d\d\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z")


class NoCertificate(Exception):
    """None was shown, or it cannot be read; the message says why in a few words."""


async def read_end(name: str, *, host: str = "127.0.0.1", port: int = 443) -> float:
    """Return when the certificate ends that is shown for ``name``, Unix time. Raises :class:`NoCertificate`.

    Whether it can be trusted is not looked at: browsers do that.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        async with asyncio.timeout(_HANDSHAKE_S):
            _, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname=name)
            try:
                shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
            finally:
                writer.close()
        return not_after(shown or b"")
    except TimeoutError:
        msg = f"no handshake within {_HANDSHAKE_S:g} s"
        raise NoCertificate(msg) from None
    except ssl.SSLError as error:
        raise NoCertificate(error.reason or "the handshake failed") from error
    except OSError as error:
        raise NoCertificate(error.strerror or type(error).__name__) from error


def not_after(der: bytes) -> float:
    """Return when a certificate in DER ends, Unix time. Raises :class:`NoCertificate`."""
    try:
        to_be_signed = _Fields(_Fields(der).take(_SEQUENCE)).take(_SEQUENCE)
        fields = _Fields(to_be_signed)
        if fields.next_tag == _VERSION:
            fields.take()
        for _ in ("serialNumber", "signature", "issuer"):
            fields.take()
        validity = _Fields(fields.take(_SEQUENCE))
        validity.take()
        return _unix_s(validity.next_tag, validity.take())
    except (IndexError, ValueError) as error:
        msg = "it is no certificate that can be read"
        raise NoCertificate(msg) from error


class _Fields:
    """The values within one DER value, in their order (X.690, 8.1)."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0

    @property
    def next_tag(self) -> int:
        return self._content[self._at]

    def take(self, tag: int | None = None) -> bytes:
        """Return the next value's content. Raises IndexError or ValueError where there is none, or of another tag."""
        content, at = self._content, self._at + 2
        length = content[self._at + 1]
        if length & _LONG_FORM:
            size = length & ~_LONG_FORM
            if not 0 < size <= _LENGTH_BYTES_MAX:
                msg = "a length of no known form"
                raise ValueError(msg)
            length = int.from_bytes(content[at : at + size], "big")
            at += size
        if at + length > len(content) or (tag is not None and content[self._at] != tag):
            msg = "the value is cut off, or another"
            raise ValueError(msg)
        self._at = at + length
        return content[at : at + length]


def _unix_s(tag: int, text: bytes) -> float:
    if tag == _UTC_TIME:  # RFC 5280, 4.1.2.5.1: 50 and more is of the last century
        text = (b"19" if text >= b"5" else b"20") + text
    elif tag != _GENERALIZED_TIME:
        msg = "no time"
        raise ValueError(msg)
    match = _DATE.fullmatch(text)
    if match is None:
        msg = "no time of RFC 5280"
        raise ValueError(msg)
    year, month, day, hour, minute, second = map(int, match.groups())
    return datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()
