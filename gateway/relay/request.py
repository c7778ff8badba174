"""What the relay is asked: ``CONNECT mail.example.org:587 HTTP/1.1``, and headers, which mean nothing here.

RFC 9110, 9.3.6.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

HEAD_MAX_BYTES: Final = 4096
_LINE: Final = re.compile(rb"(?P<method>[A-Z]{1,20}) (?P<target>[!-~]{1,300}) HTTP/1\.[01]\r\n")


class Why(StrEnum):
    """Why somebody is not led anywhere, as the log says it; :attr:`status` is what they are answered."""

    NO_REQUEST = "no_request"
    NO_CONNECT = "no_connect"
    NOT_ON_THE_LIST = "not_on_the_list"
    SLOW = "slow"
    TOO_LARGE = "too_large"
    TARGET_UNREACHABLE = "target_unreachable"
    TOO_MANY = "too_many"
    TARGET_SLOW = "target_slow"

    @property
    def status(self) -> str:
        return _STATUS[self]


_STATUS: Final = {
    Why.NO_REQUEST: "400 Bad Request",
    Why.NO_CONNECT: "405 Method Not Allowed",
    Why.NOT_ON_THE_LIST: "403 Forbidden",
    Why.SLOW: "408 Request Timeout",
    Why.TOO_LARGE: "431 Request Header Fields Too Large",
    Why.TARGET_UNREACHABLE: "502 Bad Gateway",
    Why.TOO_MANY: "503 Service Unavailable",
    Why.TARGET_SLOW: "504 Gateway Timeout",
}


class Refusal(Exception):
    def __init__(self, why: Why) -> None:
        super().__init__(why)
        self.why = why


def parse_head(head: bytes) -> str:
    """Return the target that a request's head asks for, in lower case. Raises :class:`Refusal`."""
    match = _LINE.match(head)
    if match is None:
        raise Refusal(Why.NO_REQUEST)
    if match["method"] != b"CONNECT":
        raise Refusal(Why.NO_CONNECT)
    return match["target"].decode("ascii").lower()


def split(target: str) -> tuple[str, int]:
    """Return host and port of a target that the settings have."""
    host, _, port = target.rpartition(":")
    return host.strip("[]"), int(port)
