from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import dns.flags
import dns.message
import dns.rrset
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.process.clock import SystemClock
from gateway.connectivity.checks.dns import is_public
from gateway.connectivity.dns import Kind, Malformed, Rcode, ask, asking, random_name
from gateway.connectivity.dns.messages import decode, encode_query

labels = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_", min_size=1, max_size=63)
names = st.lists(labels, min_size=1, max_size=3).map(".".join)


@given(st.binary(max_size=700))
def test_decoder_returns_or_says_malformed_whatever_the_bytes_are(data: bytes) -> None:
    with contextlib.suppress(Malformed):
        decode(data)


@settings(deadline=None)
@given(names, st.sampled_from(Kind), st.integers(0, 65535), st.booleans())
def test_query_is_read_by_dnspython_as_it_was_meant(name: str, kind: Kind, number: int, recursive: bool) -> None:
    message = dns.message.from_wire(encode_query(number, name, kind, recursive=recursive))
    [question] = message.question
    assert (question.name.to_text(omit_final_dot=True), int(question.rdtype), message.id) == (name, int(kind), number)
    assert bool(message.flags & dns.flags.RD) is recursive


@settings(deadline=None)  # dnspython imports what it needs for a type when it first meets it
@given(names, st.lists(st.ip_addresses(v=4).map(str), max_size=5, unique=True), st.sampled_from(Rcode))
def test_response_of_dnspython_is_decoded(name: str, addresses: list[str], rcode: Rcode) -> None:
    response = dns.message.make_response(dns.message.make_query(name, "A", id=7))
    response.set_rcode(int(rcode))  # type: ignore[arg-type] # an Rcode of theirs
    if addresses:
        response.answer.append(dns.rrset.from_text_list(f"{name}.", 60, "IN", "A", addresses))
    response.authority.append(dns.rrset.from_text("example.org.", 60, "IN", "NS", "NS.example.org."))
    message = decode(response.to_wire())
    assert (message.number, message.is_response, message.rcode, message.name) == (7, True, rcode, name)
    assert sorted(message.data(Kind.A)) == sorted(addresses)  # dnspython shuffles them
    assert [(each.name, each.data) for each in message.authority] == [("example.org", "ns.example.org")]


@pytest.mark.parametrize(
    "data",
    [b"", bytes(11), bytes(5000), bytes(4) + b"\x00\x02" + bytes(6), bytes(4) + b"\x00\x01" + bytes(6) + b"\xc0\x0c"],
    ids=["empty", "no header", "too long", "two questions", "a name that points to itself"],
)
def test_decoder_says_malformed_when_it_is_no_message(data: bytes) -> None:
    with pytest.raises(Malformed):
        decode(data)


@pytest.mark.parametrize("name", ["a..b", "x" * 64, ".".join(["x" * 60] * 5), "bücher.example"], ids=range(4))
def test_query_says_malformed_when_the_name_is_none(name: str) -> None:
    with pytest.raises(Malformed):
        encode_query(1, name, Kind.A)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("203.0.113.1", True), ("8.8.8.8", True), ("2001:db8::1", True), ("10.1.2.3", False), ("192.168.1.1", False),
        ("100.64.0.1", False), ("127.0.0.1", False), ("169.254.1.1", False), ("0.0.0.1", False), ("fd00::1", False),
    ],
)  # fmt: skip
def test_address_is_public_when_the_internet_can_know_it(address: str, public: bool) -> None:
    assert is_public(address) is public


def test_random_name_cannot_exist() -> None:
    assert random_name() != random_name()
    assert random_name().endswith(".invalid")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Make a server's socket on the loopback, at the port that is asked."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        monkeypatch.setattr(asking, "PORT", sock.getsockname()[1])
        yield sock


def _answer(sock: socket.socket, *wrong_first: bytes) -> None:
    data, address = sock.recvfrom(4096)
    for each in wrong_first:
        sock.sendto(each, address)
    other = dns.message.make_response(dns.message.from_wire(data))
    other.id ^= 1
    sock.sendto(other.to_wire(), address)
    response = dns.message.make_response(dns.message.from_wire(data))
    response.answer.append(dns.rrset.from_text("example.org.", 60, "IN", "A", "203.0.113.1"))
    sock.sendto(response.to_wire(), address)


async def test_answer_is_the_one_to_the_question_when_others_come_first(server: socket.socket) -> None:
    thread = threading.Thread(target=_answer, args=(server, b"noise", bytes(12)))
    thread.start()
    answer = await ask("127.0.0.1", "example.org", Kind.A, clock=SystemClock())
    thread.join()
    assert answer.message is not None
    assert answer.message.data(Kind.A) == ("203.0.113.1",)
    assert answer.text.startswith("203.0.113.1, ")


async def test_answer_is_silence_when_nobody_says_anything(
    server: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "DEADLINE_S", 0.05)
    answer = await ask("127.0.0.1", "example.org", Kind.A, clock=SystemClock())
    assert (answer.message, answer.error) == (None, "silent")
    assert server.recvfrom(4096)[0] == server.recvfrom(4096)[0]  # asked twice, with the same question


async def test_answer_is_refused_when_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        monkeypatch.setattr(asking, "PORT", sock.getsockname()[1])
    answer = await ask("127.0.0.1", "example.org", Kind.A, clock=SystemClock())
    assert (answer.message, answer.error) == (None, "econnrefused")
