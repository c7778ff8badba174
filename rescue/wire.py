"""What console and helper say to each other over ``/run/drawbridge/rescue.sock``: JSON, one object a line.

The console sends one line::

    {"words": ["logs", "agent", "50"], "host": "keep", "caller": {"role": "owner", "key": "SHA256:…", …}}
    {"refused": "nc -l 99", "caller": {…}}           only to be written down
    {"login": true, "caller": {…}}                   somebody sits at a prompt
    {… , "input": "<base64>"}                        for the verbs that take standard input

and the helper answers with lines ``{"say": "…"}`` and, last, ``{"exit": 0}``.
"""

from __future__ import annotations

import base64
import binascii
import json
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rescue.audit import Caller
from rescue.settings import Host
from rescue.verbs import Request, Role, parse
from rescue.words import Refused

REQUEST_MAX_BYTES: Final = 128 * 1024
INPUT_MAX_BYTES: Final = 64 * 1024
LINE_SHOWN_MAX: Final = 200
"""So much of a refused line is written down."""
UNREACHABLE: Final = 69
"""EX_UNAVAILABLE: the helper does not answer."""
_ANSWER_LINE_MAX: Final = 64 * 1024
_CONNECT_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as the helper has checked it, a ``refused`` line to be written down, or a login."""

    caller: Caller
    request: Request | None
    given: bytes = b""
    refused: str = ""
    is_login: bool = False


def login(caller: Caller) -> bytes:
    """Return the line that says that ``caller`` has logged in to a prompt."""
    return json.dumps({"caller": caller.fields, "login": True}).encode() + b"\n"


def encode(caller: Caller, *, request: Request | None = None, given: bytes = b"", refused: str = "") -> bytes:
    body: dict[str, object] = {"caller": caller.fields}
    if request is not None:
        words = [*request.verb.words, *request.arguments]
        body |= {"words": words, "host": request.host.value, "input": base64.b64encode(given).decode()}
    else:
        body["refused"] = refused
    return json.dumps(body).encode() + b"\n"


def decode(line: bytes, host: Host) -> Asked:
    """Return what a request to the helper of ``host`` asks, checked anew. Raises :class:`Refused`."""
    try:
        body = json.loads(line)
        fields = {name: _text(value) for name, value in body.pop("caller").items()}
        caller = Caller(Role(fields.pop("role")), **fields)
        if body == {"login": True}:
            return Asked(caller, None, is_login=True)
        refused = _text(body.pop("refused", ""))
        if refused:
            return Asked(caller, None, refused=refused)
        words = [_text(word) for word in body.pop("words")]
        asked_of = Host(body.pop("host"))
        given = base64.b64decode(_text(body.pop("input", "")), validate=True)
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError, binascii.Error) as error:
        msg = "this is no request"
        raise Refused(msg) from error
    if body or (asked_of is not host and host is not Host.KEEP):
        msg = "this is no request to this host"
        raise Refused(msg)
    prefix = [] if asked_of is host else [Host.DOOR.value]
    request = parse([*prefix, *words], host, caller.role)
    if len(given) > INPUT_MAX_BYTES or bool(given) != request.verb.takes_input:
        msg = f"{request.verb.name} takes {'some' if request.verb.takes_input else 'no'} input"
        raise Refused(msg)
    return Asked(caller, request, given)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def ask(path: Path, line: bytes) -> Iterator[str | int]:
    """Send one request; yield what the helper says, and last its exit code. Raises OSError."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(_CONNECT_S)
        connection.connect(str(path))
        connection.sendall(line)
        connection.settimeout(None)  # the helper ends each verb in time
        with connection.makefile("rb") as answers:
            while answer := answers.readline(_ANSWER_LINE_MAX):
                body = json.loads(answer)
                if "exit" in body:
                    yield int(body["exit"])
                    return
                yield str(body["say"])
    yield UNREACHABLE


def words_of(request: Request, *, confirmed: bool) -> Sequence[str]:
    """Return ``request`` as the other host's console is to read it."""
    return [*request.verb.words, *request.arguments, *(["--yes"] if confirmed else [])]
