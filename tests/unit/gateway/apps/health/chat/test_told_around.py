"""Whole dialogs of people who tell much around their question, and name what they mean otherwise. 17 June 2026."""

from __future__ import annotations

import pytest

from tests.understanding.asked import asked, slots_of

LAST_WEEK = ("2026-06-08", "2026-06-15")
MONDAY = ("2026-06-15", "2026-06-16")
FORTNIGHT = ("2026-06-04", "2026-06-18")
MAY = ("2026-05-01", "2026-06-01")
LAST_YEAR = ("2025-01-01", "2026-01-01")
ALWAYS = (None, None)


@pytest.mark.parametrize(
    ("text", "slots"),
    [
        ("this hip will be the death of me! joint pain in May, let's have it", ("list", ["joint pain"], MAY)),
        ("took the dog to the vet, cost a fortune. headaches last week please", ("list", ["headache"], LAST_WEEK)),
        ("the gym was heaving. sore knees in May", ("list", ["knee pain"], MAY)),
        ("my knees after the pool, Monday I think. sore knees on Monday?", ("list", ["knee pain"], MONDAY)),
        ("is my nose any better? i.e. runny nose trend in May", ("trend", ["runny nose"], MAY)),
        ("how often did I cough so hard it hurt in May? just count the coughs", ("count", ["cough"], MAY)),
        ("was the chest pain back in May? I'm right as rain, only want the dates", ("list", ["chest pain"], MAY)),
        ("he took me for a curry, whole other story. reflux in May - is it in there", ("list", ["heartburn"], MAY)),
        ("I was ill at the wedding. cough last week, is it down?", ("list", ["cough"], LAST_WEEK)),
        ("my lad has exams so nobody's sleeping. all my rough nights in May please", ("list", ["insomnia"], MAY)),
        ("I had the dentist in between, anyway, toothache last week?", ("list", ["toothache"], LAST_WEEK)),
        ("I was going to ask about my knees but really show me my back pain in May", ("list", ["back pain"], MAY)),
        ("I meant to ask about the rash but instead how often was I itchy in May", ("count", ["itching"], MAY)),
        (
            "I was going to ask when the cough began, but really what I want is how many I had last week",
            ("count", ["cough"], LAST_WEEK),
        ),
        ("my back's gone, never mind that — it's the knees I want, all of May", ("list", ["knee pain"], MAY)),
        ("it was the rash I wanted, not the itching", ("list", ["rash"], ALWAYS)),
        ("the form says 'predominant symptom, in May'. Which would that be?", ("most_frequent", None, MAY)),
        ("did I have a fever in May, or was that only Mick telling tales", ("list", ["fever"], MAY)),
        ("was I dizzy last week or did I dream it?", ("list", ["dizziness"], LAST_WEEK)),
        ("I keep telling Derek it's over. my headaches in May please", ("list", ["headache"], MAY)),
        ("Peter says I wheeze. how often last week?", ("count", ["wheezing"], LAST_WEEK)),
        ("Erin and Trevor are here. when did I last cough?", ("latest", ["cough"], ALWAYS)),
        ("gut cramps worse or what?", ("trend", ["abdominal pain"], ALWAYS)),
        ("times I've been bunged up on the loo front last week?", ("count", ["constipation"], LAST_WEEK)),
        ("was my cough wrose in May than last week", ("compare", ["cough"], LAST_WEEK)),
    ],
)
def test_question_is_read_when_much_is_told_around_it(text: str, slots: tuple[object, ...]) -> None:
    assert slots_of(text) == slots


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("I have a headache. Since Monday.", "out_of_scope"),
        ("should I take something? headache since Monday", "out_of_scope"),
        ("will it go? my cough from May", "out_of_scope"),
        ("can you book a doctor. headaches in May", "out_of_scope"),
        ("it's the migraine I want rid of", "out_of_scope"),
        ("it is the headaches I hate", "out_of_scope"),
        ("scrub out all the anxiety stuff from May, I don't want himself reading it", "out_of_scope"),
        ("can you wipe that headache from yesterday", "out_of_scope"),
        ("show me Dave's symptoms", "out_of_scope"),
        ("what are Jane's entries for June", "out_of_scope"),
        ("how does this yoke work at all", "help"),
        ("how does the app work", "help"),
        ("how does this thing work on my headache", "out_of_scope"),
        ("right so, I'm away to my bed, night night pet", "greeting"),
        ("I'm heading home with a headache", "out_of_scope"),
        ("I am away to the hospital with chest pain", "emergency"),
    ],
)
def test_message_is_no_question_about_records_when_it_is_none(text: str, intent: str) -> None:
    assert asked(text)["intent"] == intent


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("headaches over the whole winter, December to January I mean", ("2025-12-01", "2026-02-01")),
        ("headaches last week, I mean in May", MAY),
        ("coughs last week I mean, in May", MAY),
        ("coughs before 2026 I mean, ignore this year", (None, "2026-01-01")),
        ("tinnitus yesterday or Tuesday? no wait that's the same day.. ok Monday then", ("2026-06-15", "2026-06-16")),
        ("when did the cough start last year?", LAST_YEAR),
        ("did the rash begin in May?", MAY),
        ("headaches at the start of last year", ("2025-01-01", "2025-02-01")),
        ("how many headaches in the fortnight just gone", FORTNIGHT),
        ("coughs in the two weeks just gone", FORTNIGHT),
        ("coughs in the month just gone", MAY),
        ("did I cough in July 2025, the summer of the mozzies", ("2025-07-01", "2025-08-01")),
        ("coughs in the summer of 2025", ("2025-06-01", "2025-09-01")),
    ],
)
def test_period_is_read_when_it_is_put_twice_or_otherwise(text: str, period: tuple[str | None, str | None]) -> None:
    assert slots_of(text)[2] == period


@pytest.mark.parametrize(
    ("before", "then", "slots"),
    [
        ("coughs in May 2025", "same month this year then?", ("list", ["cough"], MAY)),
        ("coughs in May", "the same month last year?", ("list", ["cough"], ("2025-05-01", "2025-06-01"))),
        ("how many headaches in May", "same for the gas trouble, that bloating", ("count", ["bloating"], MAY)),
        ("coughs in May", "I'd the physio before that, so, last week?", ("list", ["cough"], LAST_WEEK)),
        ("when did I last cough in May", "and in May, did my head hurt as well?", ("list", ["headache"], MAY)),
        ("how many naff nights awake in May", "and last week?", ("count", ["insomnia"], LAST_WEEK)),
        ("coughs in May", "and Dave's symptoms?", ("out_of_scope", None, ALWAYS)),
    ],
)
def test_follow_up_is_read_when_it_is_chatty(before: str, then: str, slots: tuple[object, ...]) -> None:
    assert slots_of(before, then) == slots


@pytest.mark.parametrize(
    ("text", "symptom"),
    [
        ("chucking sessions last week", "vomiting"),
        ("the last morning I woke up with a headful of cotton wool", "brain fog"),
        ("a graph of the sore jaw teeth", "toothache"),
        ("did I conk out cold last week", "fainting"),
        ("nights awake last week", "insomnia"),
        ("zero kip nights in May", "insomnia"),
        ("pufed out climbing satirs in May", "shortness of breath"),
    ],
)
def test_symptom_is_read_when_named_by_a_word_for_it(text: str, symptom: str) -> None:
    assert slots_of(text)[1] == [symptom]


@pytest.mark.parametrize(
    ("text", "slots"),
    [
        ("I was poorly on holiday, 1 to 8 June. What did I log?", ("list", None, ("2026-06-01", "2026-06-09"))),
        ("We were in Spain in May. What did I put down?", ("list", None, MAY)),
        ("My feet went numb quite a bit in May. How many entries?", ("count", ["tingling"], MAY)),
        ("I had a rotten cough in May. How many records is that?", ("count", ["cough"], MAY)),
        ("I had a rotten cough last year. How many entries do I have in May?", ("count", None, MAY)),
        ("how long ago, counting from today, was my last hot flush?", ("duration_since", ["hot flushes"], ALWAYS)),
        ("how many days since my last migraine as of today", ("duration_since", ["migraine"], ALWAYS)),
        ("which was worse in May, knees or hips and other joints?", ("compare", ["joint pain", "knee pain"], MAY)),
        ("did the kid cough last week", ("list", ["cough"], LAST_WEEK)),
        ("did the child have a fever in May", ("list", ["fever"], MAY)),
        ("headaches more than a month ago", ("list", ["headache"], (None, "2026-05-01"))),
        ("headaches less than 3 days ago", ("list", ["headache"], ("2026-06-15", "2026-06-18"))),
        ("worst cough, last week or any other", ("max_severity", ["cough"], ALWAYS)),
    ],
)
def test_slots_are_found_when_they_stand_beside_the_question(text: str, slots: tuple[object, ...]) -> None:
    assert slots_of(text) == slots


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("what did I have for supper last night", "out_of_scope"),
        ("was my temperature over 39 in May, what did the thermometer say exactly?", "out_of_scope"),
        ("what's the date of Easter next year?", "out_of_scope"),
        ("what day is Christmas this year", "out_of_scope"),
        ("when's bin day this week", "out_of_scope"),
        ("set the toothache on the 20th to 21st instead", "out_of_scope"),
        ("did my son cough last night", "out_of_scope"),
        ("did the kid next door cough last night", "out_of_scope"),
        ("make it a 6", "out_of_scope"),
        ("that's all for tonight, sleep well", "greeting"),
        ("that will be all for this evening. good night!", "greeting"),
        ("what was the date of my last rash", "latest"),
        ("set my headaches in May against those in June", "compare"),
        ("rash after supper last week", "list"),
        ("am I coughing more than a month ago", "compare"),
        ("did I have a temperature in May", "list"),
    ],
)
def test_message_is_taken_for_what_it_is_when_a_near_one_means_otherwise(text: str, intent: str) -> None:
    assert asked(text)["intent"] == intent


@pytest.mark.parametrize(
    ("text", "least"),
    [
        ("show the bad back days in May", 7),
        ("how many bad stomach days last week", 7),
        ("my bad back in May", None),
        ("headaches past 5 in May", 6),
        ("any headaches the past 5 days", None),
    ],
)
def test_severity_is_read_when_a_word_of_it_may_belong_elsewhere(text: str, least: int | None) -> None:
    assert asked(text)["min_severity"] == least


@pytest.mark.parametrize(
    ("text", "slots"),
    [
        ("my jab was on 12 May, how long since my last rash", ("duration_since", None, ["rash"])),
        ("the bank called yesterday, when did my cough start", ("first", None, ["cough"])),
        ("hip op on 4 May, they need to know when the hip pain started", ("first", None, ["joint pain"])),
        ("having the knee replaced in March, surgeon asks when the knee pain began", ("first", None, ["knee pain"])),
        ("Dad visited in March, when did I last have a cough", ("latest", None, ["cough"])),
        ("in March, when did the cough start", ("first", "2026-03-01", ["cough"])),
        ("my cough in March, when did it start", ("first", "2026-03-01", ["cough"])),
        ("I was on holiday in March, how many coughs", ("count", "2026-03-01", ["cough"])),
    ],
)
def test_time_of_an_event_is_not_asked_for_when_all_time_is(text: str, slots: tuple[object, ...]) -> None:
    said = asked(text)
    assert (said["intent"], said["start"], said["symptom"]) == slots


@pytest.mark.parametrize(
    ("text", "slots"),
    [
        ("Scan on Friday and they'll ask when the cough first started. When was it?", ("first", None, ["cough"])),
        ("GP on Friday will ask how often I was dizzy. How often was it?", ("count", None, ["dizziness"])),
        ("She rings on Friday to ask how often I was sick in March. How often was it?",
         ("count", "2026-03-01", ["vomiting"])),
        ("My wife asked how often I was sick in March. How often was it?", ("count", "2026-03-01", ["vomiting"])),
        ("When did my back hurt in March? The insurance people ring tomorrow", ("list", "2026-03-01", ["back pain"])),
        ("How many coughs in March? The nurse is coming on Thursday", ("count", "2026-03-01", ["cough"])),
        ("how often did my ears ring in March", ("count", "2026-03-01", ["tinnitus"])),
        ("how many coughs in March, its nearly over", ("count", "2026-03-01", ["cough"])),
    ],
)  # fmt: skip
def test_question_keeps_its_own_time_when_somebody_asks_or_comes(text: str, slots: tuple[object, ...]) -> None:
    said = asked(text)
    assert (said["intent"], said["start"], said["symptom"]) == slots


@pytest.mark.parametrize(
    ("turns", "slots"),
    [
        (["could I not sleep in March", "thanks", "and in February?"], ("list", "2026-02-01", ["insomnia"])),
        (["couldn't I eat in March", "and in February?"], ("list", "2026-02-01", ["loss of appetite"])),
        (["coughs in March", "sorry, rashes. how many times"], ("count", "2026-03-01", ["rash"])),
        (["how many coughs in March", "only while we were there, so 3 to 9 March"], ("count", "2026-03-03", ["cough"])),
        (["do I get dizzy more than I get sick"], ("compare", None, ["dizziness", "vomiting"])),
        (["could I not eat before the blood test?"], ("out_of_scope", None, None)),
    ],
)
def test_question_goes_on_when_it_was_put_plainly(turns: list[str], slots: tuple[object, ...]) -> None:
    said = asked(*turns)
    assert (said["intent"], said["start"], said["symptom"]) == slots


@pytest.mark.parametrize(
    ("text", "slots"),
    [
        ("am I right that my hip hurt on Monday after a long drive", ("list", ["joint pain"], MONDAY)),
        ("was I wrong to think I had a fever in May", ("list", ["fever"], MAY)),
        ("average in May, the whole lot lumped together", ("average_severity", None, MAY)),
        ("my mum says I coughed on Monday. did I? can't remember a thing", ("list", ["cough"], MONDAY)),
        ("what was I whinging about in May", ("list", None, MAY)),
        ("is my headache in the book for Monday", ("list", ["headache"], MONDAY)),
        ("sore throat on Monday. is it in the book?", ("list", ["sore throat"], MONDAY)),
        ("my nurse wants a number: migraines, May", ("count", ["migraine"], MAY)),
        ("pizza every Friday. what is my usual heartburn score?", ("average_severity", ["heartburn"], ALWAYS)),
        ("on how many days in May was I so weary I could weep", ("count", ["fatigue"], MAY)),
        ("when did my cough start, she asked, and I was gawping", ("first", ["cough"], ALWAYS)),
    ],
)
def test_question_is_read_when_it_is_put_in_peoples_own_words(text: str, slots: tuple[object, ...]) -> None:
    assert slots_of(text) == slots


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("am I right in the head", "out_of_scope"),
        ("am I right that headaches are caused by stress", "out_of_scope"),
        ("book me in on Monday", "out_of_scope"),
        ("put my cough in the book", "out_of_scope"),
        ("my mum wants a number for a plumber", "out_of_scope"),
    ],
)
def test_nothing_is_asked_of_the_records_when_a_near_question_would(text: str, intent: str) -> None:
    assert asked(text)["intent"] == intent


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("we were in Spain from 1 to 8 June. was I sick?", ("2026-06-01", "2026-06-09")),
        ("I ran a 10k on Monday. did my knee hurt?", MONDAY),
        ("fever in May? I mean did I have chills", MAY),
        ("we were at the beach on Monday. was I dizzy in May?", MAY),
        ("I saw the doctor on Monday. did I have a rash?", ALWAYS),
        ("I had a curry on Monday. did I ever have heartburn?", ALWAYS),
        ("we moved house in May. how often did I have cramps?", ALWAYS),
    ],
)
def test_time_of_what_is_told_is_meant_when_it_is_asked_whether(text: str, period: tuple[str | None, str]) -> None:
    assert slots_of(text)[-1] == period


@pytest.mark.parametrize(
    ("before", "then", "slots"),
    [
        ("last time I vomited?", "so how many days has that been", ("duration_since", ["vomiting"])),
        ("latest migraine", "how many weeks is that now?", ("duration_since", ["migraine"])),
        ("how many coughs in May", "how many days was that", ("count", ["cough"])),
        ("chart my headaches in May", "same kind of chart but migraine instead", ("trend", ["migraine"])),
        ("how many coughs this month", "no last month, daft me", ("count", ["cough"])),
        ("how many coughs in May", "sorry fever not coughs, I muddle them since my fall", ("count", ["fever"])),
    ],
)
def test_question_before_goes_on_when_it_is_taken_up_in_passing(
    before: str, then: str, slots: tuple[object, ...]
) -> None:
    said = asked(before, then)
    assert (said["intent"], said["symptom"]) == slots


@pytest.mark.parametrize(
    ("text", "symptoms"),
    [
        ("was I bunged up i.e. couldn't poo in May", ["constipation"]),
        ("how often was I giddy, ie dizzy", ["dizziness"]),
        ("any queasy days, meaning nausea, in May", ["nausea"]),
        ("did I have a cough that is wheezing in May", ["cough", "wheezing"]),
    ],
)
def test_symptom_is_the_second_one_when_it_says_what_the_first_means(text: str, symptoms: list[str]) -> None:
    assert asked(text)["symptom"] == symptoms


@pytest.mark.parametrize(
    ("text", "slots"),
    [
        ("would I be right in saying my back was bad in May", ("list", ["back pain"], MAY)),
        ("isn't it true I coughed all last week", ("list", ["cough"], LAST_WEEK)),
        ("hand on heart, how bad was my cough in May", ("average_severity", ["cough"], MAY)),
        ("my boss wants a figure for my migraines in May", ("count", ["migraine"], MAY)),
        ("just the figure: coughs in May", ("count", ["cough"], MAY)),
        ("took the kids to the zoo on Monday. any headaches?", ("list", ["headache"], MONDAY)),
        ("phone the dentist and get me in for Monday", ("out_of_scope", None, ALWAYS)),
        ("it was Halloween, on Monday we had friends in. did I wheeze", ("list", ["wheezing"], ALWAYS)),
    ],
)
def test_question_is_read_when_talk_leads_up_to_it(text: str, slots: tuple[object, ...]) -> None:
    assert slots_of(text) == slots


@pytest.mark.parametrize(
    "then",
    [
        "my bad, wheezing",
        "not coughs, wheezes, my head is all over the place",
        "oops wheezing",
        "did I say coughs? I meant wheezing",
    ],
)
def test_symptom_is_corrected_when_the_reason_or_the_blame_stands_beside_it(then: str) -> None:
    said = asked("how many coughs in May", then)
    assert (said["intent"], said["symptom"], said["start"]) == ("count", ["wheezing"], MAY[0])


@pytest.mark.parametrize(
    ("text", "slots"),
    [
        ("I flew home on 3 June, did I have a rash in March?", ("list", "2026-03-01", ["rash"])),
        ("my boiler broke on Monday, how often did I cough in March", ("count", "2026-03-01", ["cough"])),
        ("my birthday is on 2 July, how many coughs in March", ("count", "2026-03-01", ["cough"])),
        ("I had a rash in May, how many in March?", ("count", "2026-03-01", ["rash"])),
        (
            "operation booked for 5 August, how bad has my knee been on average",
            ("average_severity", None, ["knee pain"]),
        ),
        ("I'm on holiday this week, how many coughs", ("count", "2026-06-15", ["cough"])),
        ("I got back on 3 March, how many coughs up to 10 March", ("count", "2026-03-03", ["cough"])),
        ("I was ill in March, how many coughs from the 3rd to the 9th", ("count", "2026-03-03", ["cough"])),
        ("I was ill in March, did I cough on the 5th", ("list", "2026-03-05", ["cough"])),
        ("I was in Spain in 2024, how many coughs in March", ("count", "2024-03-01", ["cough"])),
        ("I was in Spain in 2024, how many coughs in March 2025", ("count", "2025-03-01", ["cough"])),
        ("I moved here in 2019, how many coughs in March", ("count", "2026-03-01", ["cough"])),
    ],
)
def test_time_that_is_told_is_kept_apart_when_another_is_asked_for(text: str, slots: tuple[object, ...]) -> None:
    said = asked(text)
    assert (said["intent"], said["start"], said["symptom"]) == slots
