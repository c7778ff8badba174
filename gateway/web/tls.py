"""The certificate that browsers see, taken up anew when certbot (or whoever) replaced it, without a restart.

Only where there is no nginx in front: the demo, or a house without one. TLS 1.2 and 1.3, as Mozilla's "intermediate".
"""

from __future__ import annotations

import logging
import ssl
from pathlib import Path
from typing import Final

from bridge.process.logs import log

_log: Final = logging.getLogger(__name__)

_CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"

_Stamp = tuple[tuple[int, int], ...]


def _context(certificate: Path, key: Path | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    context.set_alpn_protocols(["http/1.1"])
    context.load_cert_chain(certificate, key)
    return context


class WebCertificate:
    """A TLS context whose certificate follows its files. Raises OSError or ssl.SSLError when they are no good."""

    def __init__(self, certificate: Path, key: Path | None) -> None:
        self._certificate = certificate
        self._key = key
        self._seen = self._stamp()
        self.context: Final = _context(certificate, key)

    def reload_if_changed(self) -> bool:
        """Take up replaced files; what does not fit together is logged and the old certificate stays."""
        try:
            stamp = self._stamp()
            if stamp == self._seen:
                return False
            self._seen = stamp
            # A certificate with another's key breaks a live context, so it is tried on a scratch one first.
            _context(self._certificate, self._key)
            self.context.load_cert_chain(self._certificate, self._key)
        except OSError as error:  # ssl.SSLError is one
            log(_log, "web_certificate_refused", level=logging.ERROR, reason=str(error))
            return False
        log(_log, "web_certificate_replaced")
        return True

    def _stamp(self) -> _Stamp:
        files = [self._certificate] if self._key is None else [self._certificate, self._key]
        return tuple((status.st_mtime_ns, status.st_ino) for status in (file.stat() for file in files))
