"""The fixed list, and what the parser makes of anything at all."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rescue.actions import ACTIONS
from rescue.audit import Caller
from rescue.prompt import completions
from rescue.settings import Host
from rescue.verbs import VERBS, Role, parse, verbs_of
from rescue.wire import decode, encode, words_of
from rescue.words import Refused

HOSTS, ROLES = st.sampled_from(Host), st.sampled_from(Role)
KNOWN = sorted(
    {word for verb in VERBS for word in verb.words} | {"door", "agent", "gateway@1", "--yes", "7", "10.0.0.1"}
)
WORDS = st.lists(st.one_of(st.sampled_from(KNOWN), st.text(max_size=12)), max_size=6)


@given(WORDS, HOSTS, ROLES)
def test_parse_gives_a_verb_of_that_host_and_role_or_refuses_when_given_anything(
    words: list[str], host: Host, role: Role
) -> None:
    try:
        request = parse(words, host, role)
    except Refused:
        return
    assert request.host is host or (words[0], host, role, request.host) == ("door", Host.KEEP, Role.OWNER, Host.DOOR)
    assert request.verb in verbs_of(request.host, role)
    assert len(request.arguments) == len(request.verb.arguments)
    assert all(re.fullmatch(r"[A-Za-z0-9@.:+_-]+", argument) for argument in request.arguments)
    assert not any(argument.startswith("-") for argument in request.arguments)


@given(WORDS, HOSTS, ROLES)
def test_helper_reads_what_the_console_read_when_it_is_sent_on(words: list[str], host: Host, role: Role) -> None:
    try:
        request = parse(words, host, role)
    except Refused:
        return
    given_ = b"x" if request.verb.takes_input else b""
    asked = decode(encode(Caller(role), request=request, given=given_), host)
    assert asked.request is not None
    assert (asked.request.host, asked.request.verb, asked.request.arguments, asked.given) == (
        request.host, request.verb, request.arguments, given_,
    )  # fmt: skip
    if request.host is not host:
        at_door = parse(words_of(request, confirmed=request.verb.changes), Host.DOOR, Role.KEEP)
        assert (at_door.verb, at_door.arguments) == (request.verb, request.arguments)


@given(st.binary(max_size=300))
def test_helper_refuses_when_sent_garbage(line: bytes) -> None:
    with pytest.raises(Refused):
        decode(line, Host.KEEP)


@pytest.mark.parametrize(
    "line",
    [
        b"[]", b"1", b"null", b"{}", b'{"caller": 1}', b'{"caller": {"role": "root"}}', b"[" * 100_000,
        b'{"caller": {"role": "owner", "shell": "sh"}, "words": ["status"], "host": "keep"}',
        b'{"caller": {"role": "owner"}, "words": "status", "host": "keep"}',
        b'{"caller": {"role": "owner"}, "words": [1], "host": "keep"}',
        b'{"caller": {"role": "owner"}, "words": ["status"], "host": "attic"}',
        b'{"caller": {"role": "owner"}, "words": ["status"], "host": "keep", "argv": ["sh"]}',
        b'{"caller": {"role": "owner"}, "words": ["status"], "host": "keep", "input": "AA=="}',
        b'{"caller": {"role": "owner"}, "words": ["status"], "host": "keep", "input": "!"}',
        b'{"caller": {"role": "keep"}, "words": ["lock-door"], "host": "keep"}',
        b'{"caller": {"role": "selftest"}, "words": ["status"], "host": "keep"}',
        b'{"caller": {"role": "owner"}, "words": ["logs", "agent", "1; id"], "host": "keep"}',
        b'{"caller": {"role": "owner"}, "words": ["logs", "../shadow", "1"], "host": "keep"}',
    ],
)  # fmt: skip
def test_helper_refuses_when_a_request_is_none_of_the_console(line: bytes) -> None:
    with pytest.raises(Refused):
        decode(line, Host.KEEP)


def test_helper_of_the_door_refuses_when_asked_for_the_keep() -> None:
    line = encode(Caller(Role.OWNER), request=parse(["status"], Host.KEEP, Role.OWNER))
    with pytest.raises(Refused, match="no request to this host"):
        decode(line, Host.DOOR)


def test_every_verb_has_its_action_when_the_console_does_not_do_it_itself() -> None:
    assert set(ACTIONS) == {verb.name for verb in VERBS if not verb.is_local}
    assert len({verb.name for verb in VERBS}) == len(VERBS)


def test_every_change_is_marked_when_it_has_input_or_a_word_for_it() -> None:
    harmless = {"status", "logs", "request", "network", "selftest", "help", "exit", "list", "json"}
    harmless |= {"--all", "--json", "--request-id"}
    assert {verb.name for verb in VERBS if not verb.changes} == {
        verb.name for verb in VERBS if verb.words[-1] in harmless
    }


def test_selftest_role_has_nothing_else_when_its_verbs_are_listed() -> None:
    for host in Host:
        assert {verb.name for verb in verbs_of(host, Role.SELFTEST)} == {"selftest", "help"}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", ["admit", "backup"]),
        ("lo", ["lock-door", "logs"]),
        ("logs a", ["agent", "agent-migrate", "audit-witness"]),
        ("logs -", ["--request-id"]),
        ("door restart gateway", ["gateway-ddns", "gateway-monitor", "gateway-relay", "gateway@1", "gateway@2"]),
        ("bans ", ["add", "list", "remove"]),
        ("restart agent ", []),
    ],
)
def test_completion_offers_what_may_follow_when_tab_is_pressed(line: str, expected: list[str]) -> None:
    found = completions(line.split(" "), Host.KEEP, Role.OWNER)
    if line:
        assert found == expected
    else:
        assert {"backup", "door", "lock-door", "status"} <= set(found)
        assert "admit" not in found
