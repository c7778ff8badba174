from __future__ import annotations

import json

import pytest

from gateway.web.metrics import CSP_VIOLATIONS
from gateway.web.response_headers import CONTENT_SECURITY_POLICY
from tests.gateway_door import Door

REPORT = {"csp-report": {"effective-directive": "style-src-elem", "document-uri": "https://x/?planted-secret"}}


@pytest.mark.story("health/US-BE-30.4")
async def test_violation_is_logged_without_its_addresses_when_reported(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    headers = {"Content-Type": "application/csp-report"}

    before = CSP_VIOLATIONS._value.get()

    response = await door.client.post("/csp-reports", data=json.dumps(REPORT), headers=headers)

    assert CSP_VIOLATIONS._value.get() == before + 1
    [record] = caplog.records
    assert response.status == 204
    assert record.getMessage() == "csp_violated"
    assert "style-src-elem" in str(record.__dict__)
    assert "planted-secret" not in str(record.__dict__)


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        ("{}", "application/csp-report", 400),
        ('{"csp-report": {"effective-directive": "x\\n{}"}}', "application/json", 400),
        ('{"csp-report": {"effective-directive": "my back pain"}}', "application/json", 400),
        ("{}", "text/plain", 415),
    ],
)
async def test_report_is_refused_when_it_is_none(door: Door, body: str, content_type: str, status: int) -> None:
    response = await door.client.post("/csp-reports", data=body, headers={"Content-Type": content_type})

    assert response.status == status


@pytest.mark.story("health/US-BE-30.4")
async def test_every_page_tells_browsers_where_to_report_when_it_is_shown(door: Door) -> None:
    for path in ("/sign-in", "/nowhere"):
        async with door.client.get(path, headers={"Accept": "text/html"}) as response:
            assert response.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
            assert "report-uri /csp-reports" in CONTENT_SECURITY_POLICY
            assert "unsafe" not in CONTENT_SECURITY_POLICY
            assert " style=" not in await response.text()
