"""What the export makes of the pages that the agent gives."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest
from pydantic import BaseModel

from bridge.contracts.health import ListSymptoms
from bridge.errors import Code, Denied, Unavailable
from tests.gateway_door import PAGE, Door

ACCOUNT: dict[str, Any] = {"profile": {"name": "Ann"}}


def pages_of(door: Door, *pages: list[int]) -> None:
    """Let the agent give these records' ids, a page each, and fail where a page is empty and not the only one."""

    def page(params: BaseModel) -> dict[str, Any]:
        assert isinstance(params, ListSymptoms)
        number = int(params.cursor or 0)
        if len(pages) > 1 and not pages[number]:
            raise Unavailable(Code.UNREACHABLE)
        door.bridge.next_cursor = str(number + 1) if number + 1 < len(pages) else ""
        return PAGE | {"items": [{"id": record} for record in pages[number]]}

    def account(_params: BaseModel) -> dict[str, Any]:
        door.bridge.next_cursor = ""
        return ACCOUNT

    door.bridge.answers |= {"users.export": account, "health.symptoms.list": page}


@pytest.mark.parametrize("pages", [([],), ([1, 2],), ([1, 2], [3], [4, 5])])
async def test_export_is_one_document_whatever_the_pages_are(door: Door, pages: tuple[list[int], ...]) -> None:
    pages_of(door, *pages)

    response = await door.client.get("/users/export", headers=door.bearer())

    assert response.status == 200
    records = [{"id": record} for page in pages for record in page]
    assert await response.json() == {"account": ACCOUNT, "records": {"health": records}}


async def test_export_is_cut_when_a_page_is_missing(door: Door) -> None:
    pages_of(door, [1, 2], [])
    with pytest.raises(aiohttp.ClientPayloadError):
        await (await door.client.get("/users/export", headers=door.bearer())).read()
    assert door.log[-1]["error_code"] == "unreachable"


@pytest.mark.parametrize(
    ("error", "records"),
    [(Unavailable(Code.APP_DISABLED), None), (Denied(Code.NOT_LINKED), [])],
    ids=["switched off", "not linked"],
)
async def test_export_says_that_there_are_no_records_when_the_agent_does(
    door: Door, error: Exception, records: list[int] | None
) -> None:
    door.bridge.answers |= {"users.export": ACCOUNT, "health.symptoms.list": error}  # type: ignore[dict-item]
    response = await door.client.get("/users/export", headers=door.bearer())
    assert await response.json() == {"account": ACCOUNT, "records": {"health": records}}


async def test_export_is_refused_as_any_other_call_when_the_agent_cannot_be_asked(door: Door) -> None:
    for answers in (
        {"users.export": Unavailable(Code.UNREACHABLE)},
        {"users.export": ACCOUNT, "health.symptoms.list": Unavailable(Code.UNREACHABLE)},
    ):
        door.bridge.answers |= answers  # type: ignore[arg-type]
        response = await door.client.get("/users/export", headers=door.bearer())
        assert (response.status, (await response.json())["code"]) == (503, "unreachable")
    assert (await door.client.get("/users/export")).status == 401


async def test_page_says_what_deleting_leaves_before_anybody_does_it(door: Door) -> None:
    door.bridge.answers |= {"users.profile.get": {}}
    async with door.client.get("/account/data", headers=door.with_page()) as response:
        text = await response.text()
    before, _, after = text.partition("Sealed backups")
    assert "The health records are not the appliance's: they stay where they are." in before
    assert "until they are too old to keep" in after.partition("<form")[0]
