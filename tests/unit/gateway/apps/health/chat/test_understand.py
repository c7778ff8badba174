"""Whole dialogs through the reader, as anybody who scores it sees them. Tuesday 14 April 2026."""

from __future__ import annotations

import io
import json

import pytest
from pydantic import ValidationError

from bridge.process.clock import SystemClock
from gateway.apps.health.chat.understand import run

NONE = {
    "symptom": None,
    "excluded": None,
    "start": None,
    "end": None,
    "min_severity": None,
    "compare_start": None,
    "compare_end": None,
    "ask_back": False,
}


def understood(*turns: str, returned: object = ()) -> dict[str, object]:
    line = json.dumps({"id": "1", "now": "2026-04-14T11:15", "turns": turns, "returned": returned, "expected": {}})
    out = io.StringIO()
    run(io.StringIO(f"{line}\n\n"), out, SystemClock())
    answer: dict[str, object] = json.loads(out.getvalue())
    del answer["id"], answer["ms"]
    return answer


MARCH = {"start": "2026-03-01", "end": "2026-04-01"}
FEBRUARY = {"start": "2026-02-01", "end": "2026-03-01"}
VERSUS_FEBRUARY = {"compare_start": "2026-02-01", "compare_end": "2026-03-01"}


@pytest.mark.story("health/US-BE-03.2")
@pytest.mark.parametrize(
    ("turns", "frame"),
    [
        (["coughs in March?", "and dizziness?"], {"intent": "list", "symptom": ["dizziness"], **MARCH}),
        (["how many coughs in March?", "and in February?"], {"intent": "count", "symptom": ["cough"], **FEBRUARY}),
        (["coughs in March?", "only the severe ones"],
         {"intent": "list", "symptom": ["cough"], **MARCH, "min_severity": 7}),
        (["coughs in March?", "how many is that?"], {"intent": "count", "symptom": ["cough"], **MARCH}),
        (["coughs in March?", "and the month before?"], {"intent": "list", "symptom": ["cough"], **FEBRUARY}),
        (["coughs in March?", "is that more than in February?"],
         {"intent": "compare", "symptom": ["cough"], **MARCH, **VERSUS_FEBRUARY}),
        (["compare coughs in February and March", "what about rashes"],
         {"intent": "compare", "symptom": ["rash"], **MARCH, **VERSUS_FEBRUARY}),
        (["coughs last month?", "and this one?"],
         {"intent": "list", "symptom": ["cough"], "start": "2026-04-01", "end": "2026-04-15"}),
        (["coughs this month?", "and the one before?"], {"intent": "list", "symptom": ["cough"], **MARCH}),
        (["coughs on Sunday?", "and the one after?"],
         {"intent": "list", "symptom": ["cough"], "start": "2026-04-13", "end": "2026-04-14"}),
        (["coughs in the past 3 days?", "and the one before that?"],
         {"intent": "list", "symptom": ["cough"], "start": "2026-04-09", "end": "2026-04-12"}),
        (["coughs in the past 3 days?", "and this one?"],
         {"intent": "list", "symptom": ["cough"], "start": "2026-04-12", "end": "2026-04-15"}),
        (["everything in March", "hide the coughs"], {"intent": "list", "excluded": ["cough"], **MARCH}),
        (["coughs in March?", "how often overall?"], {"intent": "count", "symptom": ["cough"]}),
        (["coughs in March?", "When did I last have a migraine?"], {"intent": "latest", "symptom": ["migraine"]}),
        (["severe coughs in March?", "drop the severity filter"], {"intent": "list", "symptom": ["cough"], **MARCH}),
        (["everything in March", "leave out the coughs"], {"intent": "list", "excluded": ["cough"], **MARCH}),
        (["everything but coughs in March", "how many?"], {"intent": "count", "excluded": ["cough"], **MARCH}),
        (["everything but coughs in March", "and rashes?"], {"intent": "list", "symptom": ["rash"], **MARCH}),
        (["coughs in March?", "swap coughs for rashes"], {"intent": "list", "symptom": ["rash"], **MARCH}),
        (["coughs in March?", "thanks", "how many?"], {"intent": "count", "symptom": ["cough"], **MARCH}),
        (["coughs in March?", "should I worry?", "how many?"], {"intent": "count", "symptom": ["cough"], **MARCH}),
        (["coughs in March?", "no, I meant February"], {"intent": "list", "symptom": ["cough"], **FEBRUARY}),
        (["coughs in March?", "which symptom was most frequent then?"], {"intent": "most_frequent", **MARCH}),
        (["coughs in March?", "I can't breathe"], {"intent": "emergency"}),
        (["compare my headaches with last month"],
         {"intent": "compare", "symptom": ["headache"], "start": "2026-04-01", "end": "2026-04-15",
          "compare_start": "2026-03-01", "compare_end": "2026-04-01"}),
        (["compare rash and cough in March", "not rash"],
         {"intent": "compare", "symptom": ["cough"], **MARCH, "ask_back": True}),
        (["how often did I cough in March?", "compare that with headaches"],
         {"intent": "compare", "symptom": ["cough", "headache"], **MARCH}),
        (["cough or headache, which was worse in February", "and in March?"],
         {"intent": "compare", "symptom": ["cough", "headache"], **MARCH}),
        (["coughs: the last 7 days compared to the previous 7 days"],
         {"intent": "compare", "symptom": ["cough"], "start": "2026-04-08", "end": "2026-04-15",
          "compare_start": "2026-04-01", "compare_end": "2026-04-08"}),
        (["coughs spring vs summer 2023"],
         {"intent": "compare", "symptom": ["cough"], "start": "2023-06-01", "end": "2023-09-01",
          "compare_start": "2023-03-01", "compare_end": "2023-06-01"}),
        (["compare coughs in March and April 2022"],
         {"intent": "compare", "symptom": ["cough"], "start": "2022-04-01", "end": "2022-05-01",
          "compare_start": "2022-03-01", "compare_end": "2022-04-01"}),
        (["how many coughs in winter?", "spring?"],
         {"intent": "count", "symptom": ["cough"], "start": "2026-03-01", "end": "2026-04-15"}),
        (["did headaches outnumber migraines in March"],
         {"intent": "compare", "symptom": ["headache", "migraine"], **MARCH}),
        (["between 1 March and 31 March did I have rashes more often than coughs?"],
         {"intent": "compare", "symptom": ["cough", "rash"], **MARCH}),
        (["coughs, rashes and nosebleeds in March", "leave the rashes out"],
         {"intent": "list", "symptom": ["cough", "nosebleed"], **MARCH}),
        (["coughs mid to late March"],
         {"intent": "list", "symptom": ["cough"], "start": "2026-03-11", "end": "2026-04-01"}),
        (["last time I couldn't stop coughing"], {"intent": "latest", "symptom": ["cough"]}),
        (["headaches in February and March"],
         {"intent": "list", "symptom": ["headache"], "start": "2026-02-01", "end": "2026-04-01"}),
    ],
)  # fmt: skip
def test_follow_up_fills_replaces_or_clears_slots_when_it_is_understood(
    turns: list[str], frame: dict[str, object]
) -> None:
    assert understood(*turns) == NONE | frame


@pytest.mark.story("health/US-BE-03.4")
def test_follow_up_refers_to_what_came_back_when_records_were_returned() -> None:
    rows = [{"turn": 0, "rows": [{"symptom": "migraine", "date": "2026-03-20", "severity": 8}]}]
    day = {"start": "2026-03-20", "end": "2026-03-21"}
    latest = "when was my last migraine?"
    assert understood(latest, "what else did I have that day?", returned=rows) == NONE | {"intent": "list", **day}
    since = understood(latest, "how many coughs since then?", returned=rows)
    assert since == NONE | {"intent": "count", "symptom": ["cough"], "start": "2026-03-20", "end": "2026-04-15"}


def test_follow_up_means_the_returned_symptom_when_one_was_most_frequent() -> None:
    returned = [{"turn": 0, "symptom": "rash", "count": 9}]
    assert understood("what is my top symptom?", "when did I last have it?", returned=returned) == NONE | {
        "intent": "latest",
        "symptom": ["rash"],
    }


@pytest.mark.parametrize(
    ("question", "intent"),
    [
        ("how often did I have zyzzyva in May?", "out_of_scope"),
        ("compare my coughs", "compare"),
    ],
)
def test_reader_says_that_the_chat_would_ask_back_when_it_is_unsure(question: str, intent: str) -> None:
    answer = understood(question)
    assert (answer["intent"], answer["ask_back"]) == (intent, True)


@pytest.mark.parametrize("question", ["what did I eat last week?", "how tall is the Eiffel tower", "coughs in May"])
def test_reader_does_not_ask_back_when_nothing_is_in_doubt(question: str) -> None:
    assert understood(question)["ask_back"] is False


def test_reader_stops_when_a_dialog_has_no_turn() -> None:
    with pytest.raises(ValueError, match="needs a turn"):
        understood()


def test_reader_keeps_the_names_that_the_scorer_knows_when_another_stands_beside_them() -> None:
    assert understood("hiccups and a cough in March?")["symptom"] == ["cough"]
    assert understood("hiccups in March?")["intent"] == "out_of_scope"


@pytest.mark.parametrize(
    ("message", "says"), [("x" * 1001, "at most 1000 characters"), (" ", "at least 1 character")], ids=["long", "empty"]
)
def test_reader_goes_on_and_says_what_the_api_would_when_a_message_has_a_wrong_length(message: str, says: str) -> None:
    lines = [json.dumps({"id": name, "now": "2026-04-14T11:15", "turns": [said]}) for name, said in
             (("1", message), ("2", "coughs?"))]  # fmt: skip
    out = io.StringIO()
    run(io.StringIO("\n".join(lines)), out, SystemClock())

    refused, read = map(json.loads, out.getvalue().splitlines())
    assert (refused["id"], refused["error"]["code"]) == ("1", "invalid_request")
    assert refused["error"]["fields"][0]["name"] == "message"
    assert says in refused["error"]["fields"][0]["message"]
    assert "xxx" not in json.dumps(refused)
    assert read["symptom"] == ["cough"]


def test_reader_stops_when_a_line_is_no_dialog() -> None:
    with pytest.raises(ValidationError):
        run(io.StringIO('{"id": "1"}\n'), io.StringIO(), SystemClock())
