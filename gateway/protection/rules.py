"""What counts against a client: a short list, each with its points and its reason. Pure.

No firewall for web applications: nothing here keeps an attack from its goal, which parameters, prepared statements and
escaping do. It tells who is at it, so that they can be sent away. Bodies are not looked at: they hold health text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import unquote_plus

from bridge.process.bans import Reason


@dataclass(frozen=True, slots=True)
class Rule:
    """``id`` is all of the evidence that is kept; ``reason`` is the ban helper's word for a ban that follows."""

    id: str
    points: int
    reason: Reason
    why: str


SCANNER_PATH: Final = Rule(
    "scanner-path", 20, "probing", "asks for what other products have: nothing here ever links there"
)
SQL: Final = Rule("sql", 25, "probing", "SQL where a value belongs: what sqlmap tries")
SCRIPT: Final = Rule("script", 25, "probing", "a script or an event handler where a value belongs")
TRAVERSAL: Final = Rule("traversal", 25, "probing", "a way out of the folder, or a file of the system")
COMMAND: Final = Rule("command", 25, "probing", "a shell's command, or a template's expression, where a value belongs")
CONTROL: Final = Rule("control", 25, "probing", "a line end that would begin a header, or NUL")
NOT_FOUND: Final = Rule("not-found", 5, "probing", "asks for what is not there: many in a row are a word list")
MALFORMED: Final = Rule("malformed", 2, "malformed_requests", "a request that no route could have meant")
REFUSED: Final = Rule("refused", 1, "probing", "401 or 403: a page whose session ended asks so too, but not for long")
OVER_LIMIT: Final = Rule("over-limit", 2, "rate_exceeded", "429, and asks on without waiting")
SIGN_IN: Final = Rule("sign-in", 10, "sign_in_failures", "a wrong e-mail or password")

RULES: Final = (
    SCANNER_PATH, SQL, SCRIPT, TRAVERSAL, COMMAND, CONTROL, NOT_FOUND, MALFORMED, REFUSED, OVER_LIMIT, SIGN_IN,
)  # fmt: skip

_BY_STATUS: Final = {
    400: MALFORMED, 401: REFUSED, 403: REFUSED, 405: MALFORMED, 411: MALFORMED, 413: MALFORMED, 414: MALFORMED,
    415: MALFORMED, 429: OVER_LIMIT, 431: MALFORMED,
}  # fmt: skip

# Each is bounded, and matched against decoded lower-case text. A word alone is never enough: people write them.
_ATTACKS: Final = tuple(
    (rule, re.compile(pattern))
    for rule, pattern in (
        (SQL, r"\bunion[\s/*()]{1,9}(?:all[\s/*()]{1,9}|distinct[\s/*()]{1,9})?select\b"),
        (
            SQL,
            r"""['")][\s/*]{0,9}(?:or|and)[\s/*(]{1,9}(?:not[\s(]{1,9})?['"]?\w{1,20}['"]?[\s)]{0,9}(?:=|<|>|like\b)""",
        ),
        (SQL, r"\b(?:or|and)[\s/*(]{1,9}\d{1,9}[\s)]{0,9}=[\s(]{0,9}\d"),
        (
            SQL,
            r"\b(?:pg_sleep|sleep|benchmark|extractvalue|updatexml|load_file|randomblob)\((?:\d|concat|select|0x|char)",
        ),
        (
            SQL,
            r"\bwaitfor[\s/*]{1,9}delay\b|\bxp_cmdshell\b|\binformation_schema\.|\bpg_catalog\.|\bsqlite_master\b|\bdbms_\w{1,20}\.",
        ),
        (SQL, r"['\")\d][\s/*]{0,9};[\s/*]{0,9}(?:drop|insert|update|delete|select|declare|exec)\b"),
        (SQL, r"\b(?:order|group)[\s/*]{1,9}by[\s/*]{1,9}\d{1,4}[\s/*]{0,9}(?:--|#|,)"),
        (SQL, r"[(;]select[\s/*(]{1,9}(?:case|concat|count|cha?r|\d|\*|@@|null)|\(case[\s/*]{1,9}when[\s/*(]{1,9}\d"),
        (SCRIPT, r"<[\s/]{0,9}(?:script|iframe|svg|img|body|object|embed)\b"),
        (
            SCRIPT,
            r"\bjavascript:|\bon(?:error|load|click|focus|mouseover|toggle)\s{0,9}=|\bdocument\.(?:cookie|domain)\b",
        ),
        (TRAVERSAL, r"(?:^|[/\\=])\.\.(?:[/\\;]|$)|\.\.[/\\]\.\.|\.{4,}//"),
        (TRAVERSAL, r"/etc/(?:passwd|shadow|hosts|group)\b|\bboot\.ini\b|\bwin\.ini\b|/proc/self/"),
        (TRAVERSAL, r"=(?:file|php|phar|expect|gopher|dict|zip)://"),
        (
            COMMAND,
            r"(?:[;|`\n]|&&|\$\()\s{0,9}(?:cat|id|ls|whoami|uname|wget|curl|ping|nslookup|nc|bash|sh|powershell)\b",
        ),
        (COMMAND, r"\$\{(?:jndi|env|sys|lower|::-)|[{$#]\{\s{0,9}\d{1,9}\s{0,9}[*+]|<%=|\{\{\s{0,9}[\w.]{1,40}__"),
        (CONTROL, r"\r\n\s{0,9}[a-z-]{3,30}:|\x00"),
    )
)
_PLAIN: Final = re.compile(r"(?:/[\w-][\w.-]*)*/?")
"""A path in which no attack can be: most are, and asking 16 patterns takes 5 µs."""

_SCANNED: Final = re.compile(
    r"/\.(?!well-known(?:/|$))[a-z]"
    r"|\.(?:php\d?|phtml|aspx?|ashx|asmx|jspx?|cgi|pl|cfm|do|action|sql|bak|old|orig|swp|conf|cnf|ini|env|log|mdb|inc"
    r"|zip|tar|tgz|gz|rar|7z|war|pem|key|exe|dll)(?:$|[/~.])|~$"
    r"|/(?:wp-\w{1,30}|wordpress|phpmyadmin|pma|mysqladmin|adminer|cgi-bin|cgi|vendor|actuator|solr|jenkins|hudson|druid"
    r"|hnap1|boaform|goform|gponform|server-(?:status|info)|owa|ecp|autodiscover|remote|geoserver|nacos|_ignition|telescope"
    r"|struts|manager|invoker|jmx-console|web-console|axis2|webdav|\w{0,20}shell|etc|proc|\w{0,20}backups?)(?:$|/)"
)
_ASKED_UNASKED: Final = re.compile(
    r"/(?:favicon\.ico|robots\.txt|sitemap\.xml|browserconfig\.xml|apple-touch-icon[\w-]{0,40}\.png|sw\.js"
    r"|service-worker\.js|\.well-known/[\w./-]{1,80})"
)
"""What browsers and honest crawlers ask any site for, whether or not it is there."""


def matches(path: str, query: str) -> Iterator[Rule]:
    """Yield each rule for an attack that ``path`` or ``query``, as sent, hold, once."""
    if not query and _PLAIN.fullmatch(path):
        return
    text = _decoded(f"{path}?{query}" if query else path)
    found: set[str] = set()
    for rule, pattern in _ATTACKS:
        if rule.id not in found and pattern.search(text):
            found.add(rule.id)
            yield rule


def of_answer(status: int, path: str, *, is_routed: bool, is_sign_in: bool) -> Rule | None:
    """Return what the answer to a request says of who sent it.

    ``is_sign_in``: it was refused because e-mail or password were wrong.
    """
    if is_sign_in:
        return SIGN_IN
    if is_routed or status != HTTPStatus.NOT_FOUND:
        return _BY_STATUS.get(status)
    decoded = _decoded(path)
    if _ASKED_UNASKED.fullmatch(decoded):
        return None
    return SCANNER_PATH if _SCANNED.search(decoded) else NOT_FOUND


def _decoded(text: str) -> str:
    """Return what a lenient server might read, in lower case: some attacks are encoded twice."""
    for _ in range(2):
        if "%" not in text and "+" not in text:
            break
        text = unquote_plus(text, errors="replace")
    return text.lower()
