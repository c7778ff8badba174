from __future__ import annotations

import json

import pytest

from tests.gateway_door import Door

REPORT = {"csp-report": {"effective-directive": "style-src-elem", "document-uri": "https://x/?planted-secret"}}


async def test_violation_is_logged_without_its_addresses_when_reported(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    headers = {"Content-Type": "application/csp-report"}

    response = await door.client.post("/csp-reports", data=json.dumps(REPORT), headers=headers)

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
