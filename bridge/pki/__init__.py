"""The private PKI: who the two machines' units are to each other.

::

    PKI folder (control machine)                      TLS folder (one for each unit, where it runs)
      root.pem, root.key     20 years; take the         identity.pem  key, leaf, intermediate: one file, so that
                             key off the machine                      nobody ever reads half a pair
      intermediate.pem       3 years, key and chain     roots.pem     whom the peers' chains must end in
      issued/…pem            every leaf, for the list   revoked.txt   serials refused all the same
      revoked.txt
      web/root.pem .key      browsers trust this one, and need not trust the bridge's

The RPI3 has a copy of the PKI folder without ``root.key`` and ``web/``: enough to renew, and no more.

Everything is ECDSA P-256. A leaf lives 30 days, is renewed when fewer than 20 remain, and is backdated 7, because a Pi
has no clock chip; :class:`Terms` holds these figures. It carries one name, ``<unit>.drawbridge.internal``, which its
peers pin; the CA may sign no other (name constraints, RFC 5280 §4.2.1.10). A renewal gives a unit its own name and
usage again, whatever the request asks.
"""

from __future__ import annotations

from bridge.pki.authority import Authority, Issued
from bridge.pki.certificates import (
    DOMAIN,
    USUAL_TERMS,
    Identity,
    PKIRefused,
    Profile,
    Terms,
    certify_intermediate,
    create_root,
    generate_key,
    issue,
    renew,
    serial_text,
    unit_name,
)
from bridge.pki.files import (
    IDENTITY_FILE,
    REVOKED_FILE,
    ROOTS_FILE,
    certificates_text,
    parse_certificates,
    parse_request,
    read_certificates,
    read_identity,
    read_revoked,
    request_text,
    write_certificates,
    write_identity,
    write_revoked,
)
from bridge.pki.renewal import Renewal

__all__ = [
    "DOMAIN", "IDENTITY_FILE", "REVOKED_FILE", "ROOTS_FILE", "USUAL_TERMS", "Authority", "Identity", "Issued",
    "PKIRefused", "Profile", "Renewal", "Terms", "certificates_text", "certify_intermediate", "create_root",
    "generate_key", "issue", "parse_certificates", "parse_request", "read_certificates", "read_identity",
    "read_revoked", "renew", "request_text", "serial_text", "unit_name", "write_certificates", "write_identity",
    "write_revoked",
]  # fmt: skip
