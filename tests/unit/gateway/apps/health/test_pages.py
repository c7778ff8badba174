from __future__ import annotations

from typing import Any, Final

import pytest

from bridge.errors import Code, Denied, Outcome, Unavailable
from gateway.apps.health.chat.context import SILENCE_MAX_S
from gateway.settings import GatewaySettings, Limits
from gateway.web.session import name_for_cookie
from tests.gateway_door import Door, open_door

CHAT = "/api/v1/chat"
QUESTION = "Show my headaches in May 2026"
DANGER = "I have crushing chest pain right now"


async def test_page_shows_the_chat_when_signed_in(door: Door) -> None:
    response = await door.client.get("/", headers=door.with_page())

    page = await response.text()
    assert response.status == 200
    assert 'role="log"' in page
    assert "Not medical advice." in page
    assert 'href="tel:112"' in page
    assert "<style" not in page
    assert " onclick" not in page


async def test_page_sends_to_sign_in_when_nobody_is(door: Door) -> None:
    response = await door.client.get("/", headers={"Accept": "text/html"}, allow_redirects=False)

    assert response.status == 303
    assert response.headers["Location"] == "/sign-in?next=/"


async def test_page_sends_to_renewal_when_the_session_has_expired(door: Door) -> None:
    headers = {"Accept": "text/html", "Cookie": f"__Host-session={door.token(lives_s=-60)}"}

    response = await door.client.get("/", headers=headers, allow_redirects=False)

    assert response.headers["Location"] == "/auth/refresh?next=/"


async def test_answer_is_the_chats_when_asked(door: Door) -> None:
    response = await door.client.post(CHAT, json={"message": QUESTION}, headers=door.bearer())

    body = await response.json()
    assert response.status == 200
    assert set(body) == {
        "answer", "conversation", "frame", "result", "chart", "suggestions", "as_of", "asks_back", "request_id",
    }  # fmt: skip
    assert body["result"]["rows"][0]["symptom"] == "Headache"
    assert body["as_of"] is None
    assert body["request_id"] == response.headers["X-Request-Id"]
    assert body["conversation"]


async def test_answer_follows_up_when_the_conversation_is_sent_back(door: Door) -> None:
    first = await (await door.client.post(CHAT, json={"message": QUESTION}, headers=door.bearer())).json()

    body = {"message": "how many?", "conversation": first["conversation"]}
    second = await (await door.client.post(CHAT, json=body, headers=door.bearer())).json()

    assert second["frame"]["symptom"] == first["frame"]["symptom"]


async def talk(door: Door, *messages: str, user_id: str | None = None) -> dict[str, Any]:
    """Say ``messages`` one after the other, each with the conversation that came back; return the last answer."""
    answer: dict[str, Any] = {"conversation": None}
    headers = door.bearer() if user_id is None else door.bearer(sub=user_id)
    for message in messages:
        body = {"message": message, "conversation": answer["conversation"], "time_zone": "Europe/Berlin"}
        response = await door.client.post(CHAT, json=body, headers=headers)
        assert response.status == 200, await response.text()
        answer = await response.json()
    return answer


MAY: Final = {"start": "2026-05-01", "end": "2026-05-29"}  # so far
APRIL: Final = {"start": "2026-04-01", "end": "2026-05-01"}
HEADACHE: Final = {"symptom": ["headache"]}
LATEST: Final = "When did I last have a headache?"


@pytest.mark.parametrize(
    ("messages", "frame"),
    [
        ([QUESTION, "what about migraines?"], {"intent": "list", "symptom": ["migraine"], **MAY}),
        ([QUESTION, "and in April?"], {"intent": "list", **HEADACHE, **APRIL}),
        ([QUESTION, "only the severe ones"], {"intent": "list", **HEADACHE, **MAY, "min_severity": 7}),
        ([QUESTION, "only the severe ones", "drop the severity filter"], {**HEADACHE, **MAY, "min_severity": None}),
        ([QUESTION, "how many is that?"], {"intent": "count", **HEADACHE, **MAY}),
        ([QUESTION, "how bad was it?"], {"intent": "average_severity", **HEADACHE, **MAY}),
        ([QUESTION, "and the month before?"], {"intent": "list", **HEADACHE, **APRIL}),
        ([QUESTION, "the same month in 2025"], {**HEADACHE, "start": "2025-05-01", "end": "2025-06-01"}),
        ([QUESTION, "how often overall?"], {"intent": "count", **HEADACHE, "start": None, "end": None}),
        ([QUESTION, "no, I meant April"], {"intent": "list", **HEADACHE, **APRIL}),
        ([QUESTION, "not headaches, migraines"], {"intent": "list", "symptom": ["migraine"], **MAY}),
        ([QUESTION, "is that more than in April?"],
         {"intent": "compare", **HEADACHE, **MAY, "compare_start": "2026-04-01", "compare_end": "2026-05-01"}),
        ([QUESTION, "When did I last have a migraine?"],
         {"intent": "latest", "symptom": ["migraine"], "start": None, "end": None}),
        ([QUESTION, "thanks", "how many?"], {"intent": "count", **HEADACHE, **MAY}),
        ([QUESTION, "what can I ask?", "how many?"], {"intent": "count", **HEADACHE, **MAY}),
        ([QUESTION, "should I worry?", "how many?"], {"intent": "count", **HEADACHE, **MAY}),
        ([QUESTION, "I can't breathe", "how many?"], {"intent": "count", **HEADACHE, **MAY}),
        ([LATEST, "what else did I have that day?"],
         {"intent": "list", "symptom": None, "start": "2026-05-20", "end": "2026-05-21"}),
        ([LATEST, "how many migraines since then?"],
         {"intent": "count", "symptom": ["migraine"], "start": "2026-05-20"}),
        (["which symptom do I have most often?", "when did I last have it?"],
         {"intent": "latest", "symptom": ["Headache"]}),  # as the records call it
    ],
)  # fmt: skip
async def test_follow_up_is_understood_when_its_conversation_comes_back(
    door: Door, messages: list[str], frame: dict[str, object]
) -> None:
    said = (await talk(door, *messages))["frame"]

    assert {name: said[name] for name in frame} == frame


async def test_question_is_refused_when_the_conversation_is_somebody_elses(door: Door) -> None:
    theirs = await talk(door, QUESTION, user_id="7e0c5a4e-0000-4000-8000-000000000002")

    body = {"message": "how many is that?", "conversation": theirs["conversation"]}
    response = await door.client.post(CHAT, json=body, headers=door.bearer())

    assert response.status == 400
    assert (await response.json())["code"] == "invalid_conversation"


async def test_conversation_starts_afresh_and_says_so_when_it_is_over(door: Door) -> None:
    first = await talk(door, QUESTION)
    door.clock.advance(SILENCE_MAX_S + 1)

    body = {"message": "how many coughs?", "conversation": first["conversation"]}
    answer = await (await door.client.post(CHAT, json=body, headers=door.bearer())).json()

    assert answer["answer"].startswith("Our earlier conversation has ended")
    assert answer["frame"]["start"] is None


async def test_answer_says_as_of_when_records_are_stale(door: Door) -> None:
    door.bridge.outcome = Outcome.STALE

    body = await (await door.client.post(CHAT, json={"message": QUESTION}, headers=door.bearer())).json()

    assert body["as_of"] == "2026-05-28T20:10:00Z"
    assert door.log[-1]["outcome"] == "stale"


async def test_answer_uses_the_browsers_time_zone_when_it_says_one(door: Door) -> None:
    body = {"message": QUESTION, "time_zone": "Asia/Tokyo"}

    answer = await (await door.client.post(CHAT, json=body, headers=door.bearer())).json()

    assert answer["result"]["rows"][0]["recorded_at"] == "2026-05-20T17:00+09:00"


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"message": ""}, "message"),
        ({"message": "x" * 1001}, "message"),
        ({}, "message"),
        ({"message": "x", "mood": "fine"}, "mood"),
        ({"message": "x", "time_zone": "Mars"}, "time_zone"),
        ({"message": 7}, "message"),
    ],
)
async def test_question_is_refused_by_field_when_it_is_wrong(door: Door, body: dict[str, object], name: str) -> None:
    response = await door.client.post(CHAT, json=body, headers=door.bearer())

    assert response.status == 400
    assert [field["name"] for field in (await response.json())["fields"]] == [name]


async def test_question_is_refused_when_the_conversation_was_altered(door: Door) -> None:
    response = await door.client.post(CHAT, json={"message": "hi", "conversation": "abc"}, headers=door.bearer())

    assert response.status == 400
    assert (await response.json())["code"] == "invalid_conversation"


async def test_danger_is_answered_when_over_the_limit_and_signed_out_and_the_agent_away() -> None:
    settings = GatewaySettings(limits=Limits(address_per_minute=1))
    async with open_door(settings) as door:
        door.bridge.answers.clear()
        await door.client.post(CHAT, json={"message": "hello"})

        calm = await door.client.post(CHAT, json={"message": "hello"}, headers={})
        urgent = await door.client.post(CHAT, json={"message": DANGER})

        assert calm.status == 429  # who is over the limit is told that first
        assert urgent.status == 200
        assert "112" in (await urgent.json())["answer"]


async def test_question_is_limited_when_nobody_is_in_danger() -> None:
    async with open_door(GatewaySettings(limits=Limits(account_per_minute=1))) as door:
        await door.client.post(CHAT, json={"message": "hello"}, headers=door.bearer())

        response = await door.client.post(CHAT, json={"message": "hello"}, headers=door.bearer())

        assert response.status == 429
        assert (await response.json())["code"] == "rate_limited"


async def test_form_answers_with_the_page_when_there_is_no_script(door: Door) -> None:
    response = await door.client.post("/chat", data={"message": QUESTION}, headers=door.with_page())

    page = await response.text()
    assert response.status == 200
    assert QUESTION in page
    assert "20 May 2026, 08:00" in page
    assert "&lt;b&gt;after&lt;/b&gt; work" in page


async def test_form_is_refused_by_a_page_that_names_the_field_when_it_is_wrong(door: Door) -> None:
    response = await door.client.post("/chat", data={"message": "x" * 1001}, headers=door.with_page())

    assert response.status == 400
    assert "<strong>message</strong>" in await response.text()


async def test_form_keeps_the_question_when_the_records_are_out_of_reach(door: Door) -> None:
    door.bridge.answers["health.symptoms.names"] = Unavailable(Code.UNREACHABLE)

    response = await door.client.post("/chat", data={"message": QUESTION}, headers=door.with_page())

    page = await response.text()
    assert response.status == 503
    assert f">{QUESTION}</textarea>" in page
    assert "The records are out of reach." in page


async def test_form_drops_the_conversation_when_it_is_no_good(door: Door) -> None:
    data = {"message": "hi", "conversation": "spoilt-token"}

    response = await door.client.post("/chat", data=data, headers=door.with_page())

    assert response.status == 400
    assert "spoilt-token" not in await response.text()


async def test_form_sends_to_renewal_when_the_agent_ended_the_session(door: Door) -> None:
    door.bridge.answers["health.symptoms.names"] = Denied(Code.SESSION_ENDED)

    response = await door.client.post(
        "/chat", data={"message": QUESTION}, headers=door.with_page(), allow_redirects=False
    )

    assert response.status == 303
    assert response.headers["Location"] == "/auth/refresh?next=/"


async def test_form_shows_the_number_when_somebody_is_in_danger(door: Door) -> None:
    response = await door.client.post("/chat", data={"message": DANGER}, headers={"Accept": "text/html"})

    assert "Call 112</a>" in await response.text()


async def test_page_says_as_of_when_the_form_gets_stale_records(door: Door) -> None:
    door.bridge.outcome = Outcome.STALE

    response = await door.client.post("/chat", data={"message": QUESTION}, headers=door.with_page())

    assert "28 May 2026, 20:10" in await response.text()


async def test_manifest_names_icons_that_are_there(door: Door) -> None:
    manifest = await (await door.client.get("/manifest.webmanifest")).json()

    for named in manifest["icons"]:
        icon = await door.client.get(named["src"])
        assert icon.status == 200
        assert icon.content_type == named["type"]
        if named["sizes"] != "any":  # the width in the PNG's header
            width = int.from_bytes((await icon.read())[16:20], "big")
            assert named["sizes"] == f"{width}x{width}"
    assert {(icon["sizes"], icon["purpose"]) for icon in manifest["icons"]} == {
        ("any", "any"), ("192x192", "any"), ("512x512", "any"), ("512x512", "maskable"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "shown"),
    [("Ann M\u00fcller", "Symptom records of Ann M\u00fcller<"), ("<b>", "of &lt;b&gt;<"), ("", "records<")],
)
async def test_printed_report_says_whose_it_is_when_the_browser_was_told(door: Door, name: str, shown: str) -> None:
    headers = {"Accept": "text/html", "Cookie": f"__Host-session={door.token()}; __Host-name={name_for_cookie(name)}"}

    assert shown in await (await door.client.get("/", headers=headers)).text()
