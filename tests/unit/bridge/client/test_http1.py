"""The protocol core as transcripts: bytes in, events out, however the bytes are cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.client.http1 import (
    BODY_MAX_BYTES,
    HEAD_MAX_BYTES,
    Data,
    End,
    Event,
    Head,
    ProtocolError,
    ResponseParser,
    request_bytes,
)

SIZED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\nhello"
EMPTY = b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nA\r\n0123456789\r\n0\r\n\r\n"


def parse(*parts: bytes) -> list[Event]:
    parser = ResponseParser()
    return [event for part in parts for event in parser.feed(part)]


def joined(events: list[Event]) -> list[object]:
    """Events with adjacent Data put together: how the bytes were cut must not show."""
    out: list[object] = []
    for event in events:
        if isinstance(event, Data) and out and isinstance(out[-1], bytes):
            out[-1] += event.content
        else:
            out.append(event.content if isinstance(event, Data) else event)
    return out


def test_request_bytes_are_a_whole_post() -> None:
    assert request_bytes("/v1/a.b", "agent", {"x": "1"}, b"{}") == (
        b"POST /v1/a.b HTTP/1.1\r\nhost: agent\r\ncontent-length: 2\r\nx: 1\r\n\r\n{}"
    )


def test_parser_yields_head_data_end_when_the_body_is_sized() -> None:
    headers = {"content-type": "application/json", "content-length": "5"}
    assert parse(SIZED) == [Head(200, headers, keep_alive=True), Data(b"hello"), End()]


def test_parser_yields_no_data_when_the_body_is_empty() -> None:
    head = Head(503, {"connection": "close", "content-length": "0"}, keep_alive=False)
    assert parse(EMPTY) == [head, End()]


def test_parser_decodes_chunks_when_the_body_is_chunked() -> None:
    events = parse(CHUNKED)
    assert events[1:] == [Data(b"hello"), Data(b"0123456789"), End()]


def test_parser_yields_both_when_two_responses_come_at_once() -> None:
    assert [type(event) for event in parse(SIZED + CHUNKED)] == [Head, Data, End, Head, Data, Data, End]


@pytest.mark.parametrize("wire", [SIZED, EMPTY, CHUNKED], ids=["sized", "empty", "chunked"])
def test_parser_yields_the_same_when_every_byte_comes_alone(wire: bytes) -> None:
    assert joined(parse(*(wire[place : place + 1] for place in range(len(wire))))) == joined(parse(wire))


@given(st.lists(st.sampled_from([SIZED, EMPTY, CHUNKED]), min_size=1, max_size=4), st.data())
def test_parser_yields_the_same_wherever_the_bytes_are_cut(responses: list[bytes], data: st.DataObject) -> None:
    wire = b"".join(responses)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=20)))
    parts = [wire[a:b] for a, b in zip([0, *cuts], [*cuts, len(wire)], strict=True)]
    assert joined(parse(*parts)) == joined(parse(wire))


@given(st.binary(max_size=400))
def test_parser_yields_events_or_refuses_whatever_the_bytes(wire: bytes) -> None:
    try:
        events = parse(wire)
    except ProtocolError:
        return
    assert all(isinstance(event, Head | Data | End) for event in events)


@given(st.sampled_from([SIZED, CHUNKED]), st.data())
def test_parser_yields_events_or_refuses_when_a_byte_is_altered(wire: bytes, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(wire) - 1))
    altered = wire[:place] + data.draw(st.binary(min_size=1, max_size=1)) + wire[place + 1 :]
    try:
        events = parse(altered)
    except ProtocolError:
        return
    assert sum(len(event.content) for event in events if isinstance(event, Data)) <= len(wire)


def test_parser_knows_whether_it_stands_between_responses() -> None:
    parser = ResponseParser()
    assert parser.is_between_responses
    assert list(parser.feed(SIZED[:-1]))
    assert not parser.is_between_responses
    assert list(parser.feed(SIZED[-1:])) == [Data(b"o"), End()]
    assert parser.is_between_responses


@pytest.mark.parametrize(
    ("wire", "message"),
    [
        (b"HTTP/1.0 200 OK\r\n\r\n", "status line"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", "status line"),
        (b"HTTP/1.1 2000 OK\r\n\r\n", "status line"),
        (b"HTTP/1.1 200 \xe9\r\n\r\n", "ASCII"),
        (b"HTTP/1.1 200 OK\r\n\r\n", "framed"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n", "framed"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\n", "repeated"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: +1\r\n\r\n", "out of bounds"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 01\r\n\r\n", "out of bounds"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (BODY_MAX_BYTES + 1), "out of bounds"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n", "transfer coding"),
        (b"HTTP/1.1 200 OK\r\nname : value\r\n\r\n", "header line"),
        (b"HTTP/1.1 200 OK\r\nname\r\n\r\n", "header line"),
        (b"HTTP/1.1 200 OK\r\na: b\r\n folded\r\n\r\n", "header line"),
        (b"HTTP/1.1 200 OK\r\na: b\x00\r\n\r\n", "header line"),
        (b"x" * (HEAD_MAX_BYTES + 1), "too large"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", "chunk size"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n", "chunk size"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffff\r\n", "chunk size"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + b"0" * 20, "chunk size"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhelloXX", "malformed chunk"),
    ],
)
def test_parser_refuses_what_the_bridge_does_not_speak(wire: bytes, message: str) -> None:
    with pytest.raises(ProtocolError, match=message):
        parse(wire)
