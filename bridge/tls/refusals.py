"""Why a handshake failed, in one word that stays the same over OpenSSL's versions."""

from __future__ import annotations

import ssl
from enum import StrEnum
from typing import Final


class Refusal(StrEnum):
    """Why a connection was refused, for logs and metrics."""

    NO_CERTIFICATE = "no_certificate"
    UNKNOWN_CA = "unknown_ca"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    WRONG_NAME = "wrong_name"
    WRONG_PURPOSE = "wrong_purpose"
    REVOKED = "revoked"
    PROTOCOL_VERSION = "protocol_version"
    NOT_TLS = "not_tls"
    REFUSED_BY_PEER = "refused_by_peer"
    CLOSED = "closed"
    TIMEOUT = "timeout"
    TOO_MANY = "too_many"
    PROTOCOL = "protocol"


# X509_V_ERR_*: https://docs.openssl.org/3.0/man3/X509_STORE_CTX_get_error/
_BY_VERIFY_CODE: Final = {
    2: Refusal.UNKNOWN_CA, 7: Refusal.UNKNOWN_CA, 18: Refusal.UNKNOWN_CA, 19: Refusal.UNKNOWN_CA,
    20: Refusal.UNKNOWN_CA, 21: Refusal.UNKNOWN_CA, 24: Refusal.UNKNOWN_CA, 79: Refusal.UNKNOWN_CA,
    9: Refusal.NOT_YET_VALID,
    10: Refusal.EXPIRED,
    23: Refusal.REVOKED,
    26: Refusal.WRONG_PURPOSE,
    47: Refusal.WRONG_NAME, 48: Refusal.WRONG_NAME, 62: Refusal.WRONG_NAME, 64: Refusal.WRONG_NAME,
}  # fmt: skip

_BY_REASON: Final = {
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": Refusal.NO_CERTIFICATE,
    "UNSUPPORTED_PROTOCOL": Refusal.PROTOCOL_VERSION,
    "TLSV1_ALERT_PROTOCOL_VERSION": Refusal.PROTOCOL_VERSION,
    "HTTP_REQUEST": Refusal.NOT_TLS,
    "HTTPS_PROXY_REQUEST": Refusal.NOT_TLS,
    "WRONG_VERSION_NUMBER": Refusal.NOT_TLS,
}


_BY_CLASS: Final = (
    (ssl.SSLEOFError, Refusal.CLOSED),
    (ssl.SSLZeroReturnError, Refusal.CLOSED),
    (TimeoutError, Refusal.TIMEOUT),
    (ConnectionAbortedError, Refusal.TIMEOUT),  # what event loops raise for a slow handshake
    (ConnectionError, Refusal.CLOSED),
)


def explain_tls_error(error: BaseException) -> Refusal:
    """Return why a handshake, or a connection right after it, ended with ``error``."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _BY_VERIFY_CODE.get(getattr(error, "verify_code", 0), Refusal.PROTOCOL)
    for kind, refusal in _BY_CLASS:
        if isinstance(error, kind):
            return refusal
    reason: str = getattr(error, "reason", None) or ""  # OpenSSL's own errors have one
    by_alert = Refusal.REFUSED_BY_PEER if "_ALERT_" in reason else Refusal.PROTOCOL
    return _BY_REASON.get(reason, by_alert)
