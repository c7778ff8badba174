"""TLS 1.3 between the two machines: contexts that follow their files, and a listener that says whom it refused.

Both sides show a certificate. The agent knows its callers by the name in theirs (``<unit>.drawbridge.internal``); a
caller pins the agent's name, whatever the address (``server_hostname``). ``bridge.pki`` says what is in a TLS folder.

``bridge/openssl.cnf`` puts ChaCha20-Poly1305 first, which Python cannot: start the process with ``OPENSSL_CONF`` naming
it. The BCM2711 and BCM2837 have no AES instructions, and ChaCha20 is about three times as fast there.
"""

from __future__ import annotations

from bridge.tls.contexts import client_context, renewal_context, server_context
from bridge.tls.listen import TLSListener, bind, serve_tls
from bridge.tls.refusals import Refusal, explain_tls_error
from bridge.tls.reload import (
    ReloadingClientTLS,
    ReloadingServerTLS,
    RenewalServerTLS,
    TLSRefused,
    certificate_of_peer,
    unit_of_peer,
)

__all__ = [
    "Refusal",
    "ReloadingClientTLS",
    "ReloadingServerTLS",
    "RenewalServerTLS",
    "TLSListener",
    "TLSRefused",
    "bind",
    "certificate_of_peer",
    "client_context",
    "explain_tls_error",
    "renewal_context",
    "serve_tls",
    "server_context",
    "unit_of_peer",
]
