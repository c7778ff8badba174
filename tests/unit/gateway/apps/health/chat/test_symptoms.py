from __future__ import annotations

import re
import tomllib
from collections import Counter

import pytest

from gateway.apps.health.chat.intent import ordinary_words
from gateway.apps.health.chat.normalise import stem, words_of
from gateway.apps.health.chat.reading import Repairs
from gateway.apps.health.chat.symptoms import LEXICON, Lexicon, base_lexicon, roots_of, spelt_out, usual_symptoms


def concepts(text: str, lexicon: Lexicon | None = None) -> list[str]:
    return [mention.concept for mention in (lexicon or base_lexicon()).find(words_of(text))]


@pytest.mark.story("health/US-BE-02.4")
@pytest.mark.parametrize(
    ("text", "concept"),
    [
        ("my knee hurts", "knee pain"),
        ("my stomach has been really sore", "abdominal pain"),
        ("pain in my lower back", "lower back pain"),
        ("itchiness", "itching"),
        ("threw up", "vomiting"),
        ("I could not sleep", "insomnia"),
        ("pins and needles", "tingling"),
        ("short of breath", "shortness of breath"),
        ("my nose is blocked", "nasal congestion"),
        ("runny noses", "runny nose"),
        ("nose bleeds", "nosebleed"),
        ("period cramps", "period pain"),
        ("leg cramps", "muscle cramps"),
        ("my heart was racing", "palpitations"),
        ("stiff neck", "neck pain"),
        ("burning when I pee", "painful urination"),
        ("hot flashes", "hot flushes"),
        ("light-headed", "dizziness"),
        ("feeling down", "low mood"),
        ("knackered", "fatigue"),
    ],
)
def test_concept_is_found_when_said_in_everyday_words(text: str, concept: str) -> None:
    assert concepts(text) == [concept]


def test_several_concepts_are_found_in_order_when_several_are_named() -> None:
    assert concepts("compare heartburn and bloating") == ["heartburn", "bloating"]


def test_longer_phrase_wins_when_phrases_overlap() -> None:
    assert concepts("swollen belly") == ["bloating"]


@pytest.mark.parametrize(
    ("text", "concept"),
    [
        ("my teeth were all chattering", "chills"),
        ("my stomach was really turning", "nausea"),
        ("my energy has been so low", "fatigue"),
        ("my chest was whistling", "wheezing"),
    ],
)
def test_phrase_is_found_when_small_words_stand_within(text: str, concept: str) -> None:
    assert concepts(text) == [concept]


def test_longer_phrase_wins_when_it_begins_within_another() -> None:
    assert concepts("felt sick to my stomach") == concepts("sick to my stomach") == ["nausea"]
    assert concepts("upset tummy and the runs") == ["diarrhea"]


def test_words_are_no_loose_phrase_when_they_are_of_a_question() -> None:
    assert concepts("how bad is my period cramp") == ["period pain"]


@pytest.mark.parametrize(
    "text", ["did I have a sore back in March", "twinges in my back in May", "my lower back at work"]
)
def test_back_is_the_body_when_it_is_somebodys_or_hurts(text: str) -> None:
    assert [base_lexicon().broadest(concept) for concept in concepts(text)] == ["back pain"]


def test_heavy_chest_is_no_vomiting() -> None:
    assert [base_lexicon().broadest(concept) for concept in concepts("chest heaviness")] == ["chest pain"]


def test_body_part_counts_only_when_nothing_else_is_named() -> None:
    assert concepts("only neck") == ["neck pain"]
    assert concepts("a rash on my neck") == ["rash"]


def test_record_names_are_found_by_concept_when_the_records_use_other_words() -> None:
    lexicon = base_lexicon().joined(["Cephalalgia", "Lower back pain", "Back pain", "Zyxitis"])
    assert lexicon.names_of(concepts("headaches", lexicon)[0]) == ("Cephalalgia",)
    assert lexicon.names_of(concepts("back pain", lexicon)[0]) == ("Lower back pain", "Back pain")
    assert lexicon.names_of(concepts("lower back pain", lexicon)[0]) == ("Lower back pain",)
    assert lexicon.names_of(concepts("zyxitis", lexicon)[0]) == ("Zyxitis",)
    assert lexicon.names_of("cough") == ()


def test_one_persons_names_stay_unknown_when_the_lexicon_is_joined_for_another() -> None:
    base_lexicon().joined(["Zyxitis"])
    assert concepts("zyxitis") == []


def test_lexicon_knows_at_least_150_concepts_each_by_several_phrases() -> None:
    lexicon = base_lexicon()
    said = Counter(lexicon.phrases.values())
    assert len(said) >= 150
    assert [concept for concept, count in said.items() if count < 3] == []


def test_kind_of_a_symptom_is_meant_alone_when_the_records_tell_it_apart() -> None:
    lexicon = base_lexicon().joined(["Shoulder pain", "Hip pain", "Joint pain"])
    assert lexicon.names_of(lexicon.nearest(*concepts("my shoulder hurts", lexicon))) == ("Shoulder pain",)
    assert lexicon.names_of(*concepts("achy joints", lexicon)) == ("Shoulder pain", "Hip pain", "Joint pain")


def test_broader_symptom_is_meant_when_the_records_have_no_such_kind() -> None:
    lexicon = base_lexicon().joined(["Joint pain", "Cough"])
    assert lexicon.nearest(*concepts("my shoulder hurts", lexicon)) == "joint pain"
    assert lexicon.nearest(*concepts("my heel hurts", lexicon)) == "heel pain"
    assert lexicon.broadest("shoulder pain") == "joint pain"
    assert lexicon.broadest("cough") == "cough"


def test_every_broader_concept_is_one_of_the_lexicon() -> None:
    lexicon = base_lexicon()
    assert set(lexicon.within.values()) <= set(lexicon.phrases.values())


def test_every_name_of_the_scorer_is_a_concept_of_its_own() -> None:
    lexicon = base_lexicon()

    assert {lexicon.broadest(name) for name in usual_symptoms()} == usual_symptoms()
    assert usual_symptoms() <= set(lexicon.phrases.values())


def test_no_phrase_means_two_things() -> None:
    entries = tomllib.loads(LEXICON.read_text("utf-8"))
    said = [
        (roots_of(words), concept["name"])
        for concept in entries["concept"]
        for short in (*concept["phrases"], concept["name"])
        for words in spelt_out(short)
    ]
    meant: dict[tuple[str, ...], str] = {}

    clashes = [(phrase, name) for phrase, name in said if meant.setdefault(phrase, name) != name]

    assert not clashes


@pytest.mark.parametrize("text", ["how far back do my records go", "I am tired of this", "keep an eye on March"])
def test_words_of_a_body_are_no_symptom_when_they_mean_none(text: str) -> None:
    assert base_lexicon().find(words_of(text)) == []


@pytest.mark.parametrize(
    ("text", "concept"),
    [
        ("my vision has gone a bit hazy", "blurred vision"),
        ("my back is knackered", "back pain"),
        ("tummy swelled up", "bloating"),
        ("tension in my neck", "neck pain"),
        ("wheezy breathing", "wheezing"),
        ("lack of hunger", "loss of appetite"),
    ],
)
def test_two_words_close_together_say_more_when_one_of_them_is_a_symptom_alone(text: str, concept: str) -> None:
    assert concepts(text) == [concept]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("woke dripping with sweat", ["night sweats"]),
        ("sweating and night sweats", ["sweating", "night sweats"]),
        ("a migraine not a headache", ["migraine", "headache"]),
    ],
)
def test_symptom_is_part_of_another_when_it_only_says_more_of_it(text: str, named: list[str]) -> None:
    assert concepts(text) == named


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("knackered and my back hurts", ["fatigue", "back pain"]),
        ("my head was hurting and I was dizzy", ["headache", "dizziness"]),
        ("foggy after my eye hurt", ["brain fog", "eye irritation"]),
    ],
)
def test_two_symptoms_stay_two_when_a_word_parts_them(text: str, named: list[str]) -> None:
    assert concepts(text) == named


@pytest.mark.parametrize(
    ("text", "concept"),
    [
        ("sair heid", "headache"),
        ("conk blocked", "nasal congestion"),
        ("wame blown up", "bloating"),
        ("red een", "eye irritation"),
    ],
)
def test_words_of_a_dialect_mean_the_same_when_they_stand_in_any_phrase(text: str, concept: str) -> None:
    assert concepts(text) == [concept]


@pytest.mark.parametrize(("text", "concept"), [("chestpain", "chest pain"), ("brainfog", "brain fog")])
def test_concept_is_found_when_two_words_are_typed_as_one(text: str, concept: str) -> None:
    assert concepts(text) == [concept]


def test_every_phrase_is_written_out_when_one_is_short_for_several() -> None:
    written = [" ".join(words) for words in spelt_out("(sore|raw) throat (at night|)")]
    assert written == ["sore throat at night", "sore throat", "raw throat at night", "raw throat"]


def test_alternatives_are_whole_words_when_a_phrase_is_short_for_several() -> None:
    assert re.findall(r"\w\(|\w\)\w", LEXICON.read_text("utf-8")) == []


@pytest.mark.parametrize("text", ["neck and back niggles", "my knees and my neck hurt", "sore neck or back"])
def test_two_body_parts_share_one_ailment_when_they_are_joined(text: str) -> None:
    assert len(base_lexicon().find(words_of(text))) == 2


def test_no_symptom_is_an_everyday_word_that_questions_are_made_of() -> None:
    everyday = {stem(word): word for word in ordinary_words()}
    said = {everyday[phrase[0]] for phrase in base_lexicon().phrases if len(phrase) == 1 and phrase[0] in everyday}
    assert said <= {"joint", "joints", "sleep", "sleeping"}


@pytest.mark.parametrize(
    ("text", "concept"),
    [("bad stomach pain", "abdominal pain"), ("bad knee", "knee pain"), ("my bad back is a problem", "back pain")],
)
def test_body_part_goes_with_its_clearest_word_when_there_are_two(text: str, concept: str) -> None:
    assert concepts(text) == [concept]


def test_symptom_is_not_covered_by_itself_when_another_stands_beside_it() -> None:
    assert concepts("feeling cold and a headache") == ["feeling cold", "headache"]


@pytest.mark.parametrize(
    ("text", "concept"),
    [
        ("the wobbly room", "dizziness"),
        ("the wobblies", "tremor"),
        ("in a cold shiver", "chills"),
        ("the runs", "diarrhea"),
    ],
)
def test_longer_name_is_meant_when_an_article_stands_before_it(text: str, concept: str) -> None:
    assert concepts(text) == [concept]


@pytest.mark.parametrize(
    ("text", "concept"),
    [
        ("down with temperature", "fever"),
        ("bunged up on the bog", "constipation"),
        ("stung to spend a penny", "painful urination"),
        ("praying to the porcelain god", "vomiting"),
        ("water brash", "heartburn"),
        ("jaggy throat in the gullet", "sore throat"),
        ("cramp in my hand", "muscle cramps"),
        ("ticker twinges", "chest pain"),
        ("woke up sopping", "night sweats"),
        ("wedding ring too tight", "swelling"),
        ("ticker going ninety to the dozen", "palpitations"),
        ("swelled out with wind", "bloating"),
        ("did words escape me", "brain fog"),
        ("my dinner came back up", "vomiting"),
    ],
)
def test_concept_is_found_when_its_name_is_rare(text: str, concept: str) -> None:
    assert concepts(text) == [concept]


@pytest.mark.parametrize(
    "word", ["steroids", "donkey", "coworker", "decorator", "japan", "bureau", "deferred", "seascape"]
)
def test_no_word_is_taken_for_a_rare_name_when_it_is_near_one(word: str) -> None:
    assert concepts(" ".join(Repairs().repaired([word], base_lexicon()))) == []
