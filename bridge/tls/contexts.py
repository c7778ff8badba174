"""The two TLS contexts of the bridge, from a TLS folder's files."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Final

ALPN: Final = "http/1.1"
_X509_V_FLAG_NO_CHECK_TIME: Final = ssl.VerifyFlags(0x200000)


def server_context(identity: Path, roots: Path) -> ssl.SSLContext:
    """Return what the agent listens with: TLS 1.3 alone, a certificate from every caller, and no session to resume.

    Without tickets each connection shows its certificate again, so that a CA or a serial that was dropped is out.
    Raises OSError (``ssl.SSLError`` is one) for files that do not fit together.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_REQUIRED
    context.num_tickets = 0
    return _fill(context, identity, roots)


def renewal_context(identity: Path, roots: Path) -> ssl.SSLContext:
    """Return what the renewal listener listens with: as :func:`server_context`, but no dates are looked at.

    Chain, purpose and name constraints are verified as ever. Whoever uses it looks at the dates itself. Python knows
    the flag by no name; an OpenSSL that did not know it would refuse more, not less.
    https://docs.openssl.org/3.0/man3/X509_VERIFY_PARAM_set_flags/
    """
    context = server_context(identity, roots)
    context.verify_flags |= _X509_V_FLAG_NO_CHECK_TIME
    return context


def client_context(identity: Path, roots: Path) -> ssl.SSLContext:
    """Return what a unit calls with: TLS 1.3 alone; ``server_hostname`` must be the agent's pinned name.

    Raises as :func:`server_context`.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # verifies chain and name
    return _fill(context, identity, roots)


def _fill(context: ssl.SSLContext, identity: Path, roots: Path) -> ssl.SSLContext:
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.set_alpn_protocols([ALPN])
    context.load_verify_locations(roots)
    context.load_cert_chain(identity, password="")  # an encrypted key fails, and does not ask the terminal
    return context
