"""What is issued, judged by another verifier (``cryptography.x509.verification``), and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from bridge.pki import (
    DOMAIN,
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

NOW: Final = datetime(2026, 11, 21, tzinfo=UTC)
DAY: Final = timedelta(days=1)
ROOT: Final = create_root("Drawbridge root", now=NOW, permitted=DOMAIN, path_length=1)
INTERMEDIATE: Final = certify_intermediate(ROOT, generate_key(), now=NOW)
WEB_ROOT: Final = create_root("Drawbridge web root", now=NOW, path_length=0)


def leaf_of(unit: str, *, issuer: Identity = INTERMEDIATE, now: datetime = NOW) -> Identity:
    key = generate_key()
    return Identity(key, issue(issuer, Profile.of_unit(unit), key.public_key(), now=now))


def policy(root: Identity, now: datetime) -> PolicyBuilder:
    return PolicyBuilder().store(Store([root.certificate])).time(now)


def names_of(chain: tuple[x509.Certificate, ...], *, root: Identity = ROOT, now: datetime = NOW) -> list[str]:
    """Return the names of a calling unit's certificate, verified."""
    verified = policy(root, now).build_client_verifier().verify(chain[0], list(chain[1:]))
    return [str(name.value) for name in verified.subjects or ()]


def test_calling_unit_is_verified_by_its_name_when_issued() -> None:
    assert names_of(leaf_of("gateway").chain) == ["gateway.drawbridge.internal"]
    assert names_of(leaf_of("monitor").chain) == ["monitor.drawbridge.internal"]


def test_serving_unit_is_verified_as_a_server_when_issued() -> None:
    leaf, *between = leaf_of("agent").chain

    policy(ROOT, NOW).build_server_verifier(x509.DNSName("agent.drawbridge.internal")).verify(leaf, between)
    with pytest.raises(VerificationError):
        policy(ROOT, NOW).build_server_verifier(x509.DNSName("gateway.drawbridge.internal")).verify(leaf, between)


def test_caller_cannot_serve_and_server_cannot_call_when_issued() -> None:
    agent, gateway = leaf_of("agent"), leaf_of("gateway")

    with pytest.raises(VerificationError):
        names_of(agent.chain)
    with pytest.raises(VerificationError):
        policy(ROOT, NOW).build_server_verifier(x509.DNSName("gateway.drawbridge.internal")).verify(
            gateway.certificate, list(gateway.chain[1:])
        )


def test_leaf_lives_from_seven_days_before_to_thirty_after_when_issued() -> None:
    leaf = leaf_of("gateway")

    assert leaf.certificate.not_valid_before_utc == NOW - 7 * DAY
    assert leaf.certificate.not_valid_after_utc == NOW + 30 * DAY
    for good in (NOW - 7 * DAY, NOW + 30 * DAY):
        assert names_of(leaf.chain, now=good)
    for bad in (NOW - 8 * DAY, NOW + 31 * DAY):
        with pytest.raises(VerificationError):
            names_of(leaf.chain, now=bad)


def test_serial_numbers_differ_when_issued_twice() -> None:
    assert leaf_of("gateway").certificate.serial_number != leaf_of("gateway").certificate.serial_number


def test_web_server_is_verified_by_name_and_address_when_issued() -> None:
    profile = Profile.of_web_server(["localhost"], [ip_address("127.0.0.1"), ip_address("::1")])

    (leaf,) = issue(WEB_ROOT, profile, generate_key().public_key(), now=NOW)

    for name in (x509.DNSName("localhost"), x509.IPAddress(ip_address("::1"))):
        policy(WEB_ROOT, NOW).build_server_verifier(name).verify(leaf, [])
    with pytest.raises(VerificationError):
        policy(ROOT, NOW).build_server_verifier(x509.DNSName("localhost")).verify(leaf, [])


def test_web_server_is_refused_when_it_has_no_name() -> None:
    with pytest.raises(PKIRefused, match="at least one name"):
        Profile.of_web_server([], [])


@pytest.mark.parametrize("unit", ["", "Gateway", "a.b", "../a", "a" * 32, "gateway\n"])
def test_unit_is_refused_when_its_name_is_no_label(unit: str) -> None:
    with pytest.raises(PKIRefused, match="no unit's name"):
        unit_name(unit)


def test_intermediate_cannot_vouch_for_other_domains_when_it_tries() -> None:
    profile = Profile((x509.DNSName("agent.example.com"),), ExtendedKeyUsageOID.CLIENT_AUTH)

    chain = issue(INTERMEDIATE, profile, generate_key().public_key(), now=NOW)

    with pytest.raises(VerificationError):
        names_of(chain)


def test_intermediate_cannot_make_another_ca_when_it_tries() -> None:
    below = certify_intermediate(INTERMEDIATE, generate_key(), now=NOW)
    leaf = leaf_of("gateway", issuer=below)

    with pytest.raises(VerificationError):
        names_of((leaf.certificate, *below.chain, *INTERMEDIATE.chain))
    for ca, path_length in ((ROOT, 1), (INTERMEDIATE, 0), (WEB_ROOT, 0)):
        constraints = ca.certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
        assert constraints.path_length == path_length


def test_leaves_are_good_under_both_intermediates_when_it_is_prolonged() -> None:
    later = NOW + 365 * DAY
    prolonged = certify_intermediate(ROOT, INTERMEDIATE.key, now=later)
    old, new = leaf_of("gateway", now=later), leaf_of("gateway", issuer=prolonged, now=later)

    assert prolonged.certificate.not_valid_after_utc == later + 3 * 365 * DAY
    for leaf in (old, new):
        for intermediate in (INTERMEDIATE, prolonged):
            assert names_of((leaf.certificate, *intermediate.chain), now=later)
    assert renew(prolonged, old.certificate, old.request(), now=later, revoked=frozenset())


def test_intermediate_ends_with_its_root_when_certified_late() -> None:
    late = ROOT.certificate.not_valid_after_utc - DAY

    assert (
        certify_intermediate(ROOT, generate_key(), now=late).certificate.not_valid_after_utc
        == ROOT.certificate.not_valid_after_utc
    )


def test_leaf_ends_with_its_issuer_when_issued_late() -> None:
    end = INTERMEDIATE.certificate.not_valid_after_utc

    assert leaf_of("gateway", now=end - DAY).certificate.not_valid_after_utc == end
    with pytest.raises(PKIRefused, match=r"CN=Drawbridge intermediate ended on 2029-11-20"):
        leaf_of("gateway", now=end)


# renewal


def test_renewal_repeats_name_and_usage_when_the_request_asks_for_more() -> None:
    old, key = leaf_of("gateway"), generate_key()
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, unit_name("agent"))]))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(unit_name("agent"))]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )

    chain = renew(INTERMEDIATE, old.certificate, request, now=NOW + 15 * DAY, revoked=frozenset())

    assert names_of(chain, now=NOW + 15 * DAY) == ["gateway.drawbridge.internal"]
    assert Profile.of_certificate(chain[0]) == Profile.of_unit("gateway")
    assert not chain[0].extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert chain[0].public_key() == key.public_key()
    assert chain[0].not_valid_after_utc == NOW + 45 * DAY


def test_renewal_is_given_when_the_leaf_expired_within_a_year() -> None:
    old = leaf_of("gateway")
    ended = old.certificate.not_valid_after_utc

    assert renew(INTERMEDIATE, old.certificate, old.request(), now=ended + 364 * DAY, revoked=frozenset())
    with pytest.raises(PKIRefused, match="more than 365 days ago"):
        renew(INTERMEDIATE, old.certificate, old.request(), now=ended + 365 * DAY, revoked=frozenset())


def test_renewal_is_refused_when_the_leaf_was_revoked() -> None:
    old = leaf_of("gateway")

    with pytest.raises(PKIRefused, match="was revoked"):
        renew(
            INTERMEDIATE,
            old.certificate,
            old.request(),
            now=NOW,
            revoked=frozenset({old.certificate.serial_number}),
        )


def test_renewal_is_refused_when_another_issued_the_leaf() -> None:
    impostor = certify_intermediate(ROOT, generate_key(), now=NOW)
    for issuer in (impostor, WEB_ROOT):
        old = leaf_of("gateway", issuer=issuer)
        with pytest.raises(PKIRefused, match="was not issued by"):
            renew(INTERMEDIATE, old.certificate, old.request(), now=NOW, revoked=frozenset())


def test_renewal_is_refused_when_the_request_has_another_kind_of_key() -> None:
    old = leaf_of("gateway")
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([]))
        .sign(ed25519.Ed25519PrivateKey.generate(), None)
    )

    with pytest.raises(PKIRefused, match="not signed by the elliptic-curve key"):
        renew(INTERMEDIATE, old.certificate, request, now=NOW, revoked=frozenset())


def test_renewal_is_refused_when_the_key_is_on_another_curve() -> None:
    old = leaf_of("gateway")
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([]))
        .sign(ec.generate_private_key(ec.SECP384R1()), SHA256())
    )

    with pytest.raises(PKIRefused, match="on secp384r1: keys here are on P-256"):
        renew(INTERMEDIATE, old.certificate, request, now=NOW, revoked=frozenset())


def test_renewal_is_refused_when_the_request_was_signed_by_another_key() -> None:
    old = leaf_of("gateway")
    der = bytearray(old.request().public_bytes(Encoding.DER))
    der[-1] ^= 1
    forged = x509.load_der_x509_csr(bytes(der))

    with pytest.raises(PKIRefused, match="not signed by"):
        renew(INTERMEDIATE, old.certificate, forged, now=NOW, revoked=frozenset())


def test_renewal_is_due_when_fewer_than_twenty_days_remain() -> None:
    leaf = leaf_of("gateway").certificate

    assert not Terms().is_due(leaf, now=NOW + 10 * DAY)
    assert Terms().is_due(leaf, now=NOW + 10 * DAY + timedelta(seconds=1))


def test_leaf_lives_begins_and_is_renewable_as_its_terms_say() -> None:
    terms = Terms(life=10 * DAY, backdated=2 * DAY, due=4 * DAY, renewable=5 * DAY)
    key = generate_key()
    leaf, _ = issue(INTERMEDIATE, Profile.of_unit("gateway"), key.public_key(), now=NOW, terms=terms)
    held = Identity(key, (leaf,))

    assert (leaf.not_valid_before_utc, leaf.not_valid_after_utc) == (NOW - 2 * DAY, NOW + 10 * DAY)
    assert [terms.is_due(leaf, now=NOW + day * DAY) for day in (6, 7)] == [False, True]
    late = NOW + 14 * DAY
    (again, _) = renew(INTERMEDIATE, leaf, held.request(), now=late, revoked=frozenset(), terms=terms)
    assert again.not_valid_after_utc == late + 10 * DAY
    with pytest.raises(PKIRefused, match="ended more than 5 days ago"):
        renew(INTERMEDIATE, leaf, held.request(), now=NOW + 15 * DAY, revoked=frozenset(), terms=terms)


def test_terms_are_refused_when_a_new_leaf_would_be_due_at_once() -> None:
    with pytest.raises(PKIRefused, match="a certificate of 20 days would be due at once: fewer than 20 remain"):
        Terms(life=20 * DAY)


def test_serial_text_is_hexadecimal_when_shown() -> None:
    leaf = leaf_of("gateway").certificate

    assert int(serial_text(leaf), 16) == leaf.serial_number
