"""The dates that are read are those that ``cryptography`` reads; a real handshake shows the certificate."""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from gateway.alerts.watches.certificate_end import NoCertificate, not_after, read_end

KEY = ec.generate_private_key(ec.SECP256R1())


def der(end: datetime, *, name: str = "box.example.org", serial: int = 7) -> bytes:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(KEY.public_key())
        .serial_number(serial)
        .not_valid_before(datetime(1970, 1, 1, tzinfo=UTC))
        .not_valid_after(end)
        .sign(KEY, SHA256())
    )
    return certificate.public_bytes(Encoding.DER)


@given(
    st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1)),  # noqa: DTZ001 - strategies take naive ones
    st.text("abc.", min_size=1, max_size=60),
    st.integers(1, 2**150),
)
def test_end_is_the_one_that_another_reader_finds(end: datetime, name: str, serial: int) -> None:
    encoded = der(end.replace(tzinfo=UTC), name=name, serial=serial)

    assert not_after(encoded) == x509.load_der_x509_certificate(encoded).not_valid_after_utc.timestamp()


@given(st.binary(max_size=60))
def test_nothing_but_a_refusal_comes_of_noise(content: bytes) -> None:
    with pytest.raises(NoCertificate):
        not_after(content)


def test_nothing_but_a_refusal_comes_of_a_cut_certificate() -> None:
    whole = der(datetime(2030, 1, 1, tzinfo=UTC))

    for length in range(len(whole)):
        with pytest.raises(NoCertificate):
            not_after(whole[:length])


async def test_end_is_that_of_the_certificate_shown_for_the_name() -> None:
    authority = trustme.CA()
    shown = {name: authority.issue_cert(name, not_after=datetime(2040, month, 1, tzinfo=UTC)) for name, month in
             (("one.example.org", 1), ("two.example.org", 2))}  # fmt: skip
    contexts = {name: ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) for name in shown}
    for name, certificate in shown.items():
        certificate.configure_cert(contexts[name])

    def choose(connection: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> int | None:
        if name not in contexts:
            return int(ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME)
        connection.context = contexts[name]
        return None

    first = contexts["one.example.org"]
    first.sni_callback = choose
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0, ssl=first)
    port = server.sockets[0].getsockname()[1]
    try:
        ends = [await read_end(name, port=port) for name in shown]
        with pytest.raises(NoCertificate):
            await read_end("three.example.org", port=port)
    finally:
        server.close()

    assert ends == [datetime(2040, month, 1, tzinfo=UTC).timestamp() for month in (1, 2)]


async def test_no_certificate_says_why_when_nobody_listens(tmp_path: Path) -> None:
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()

    with pytest.raises(NoCertificate, match="Connect call failed"):
        await read_end("box.example.org", port=port)
