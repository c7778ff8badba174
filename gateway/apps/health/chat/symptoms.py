"""Which symptoms a text names: a hand-written lexicon, joined with the names of the person's own records."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from itertools import chain
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter

from bridge.contracts.operation import Model
from gateway.apps.health.chat.normalise import stem, words_of
from gateway.apps.health.chat.spelling import Index, index

LEXICON: Final = Path(__file__).with_name("lexicon.toml")
SYMPTOM: Final = "<symptom>"
INNOCENT: Final = ""
"""The concept of words that only look like a symptom."""
_GAP_MAX: Final = 5
_BETWEEN_TWO: Final = frozenset(map(stem, (",", "?", ";", "versus", "which", "but")))
"""What two words that go together do not stretch over."""
_WEAK: Final = frozenset(map(stem, ("bad", "trouble", "problem", "issue", "bother")))
"""Words that say an ailment only where nothing clearer stands beside the same body part."""
_PHRASE_WORDS_MAX: Final = 8
_SMALL: Final = frozenset(
    map(
        stem,
        (
            "is", "was", "were", "are", "be", "been", "being", "has", "have", "had", "the", "my", "a", "bit", "so",
            "very", "really", "all", "just", "got", "went", "gone", "felt", "feels", "quite", "pretty", "rather", "too",
            "properly", "totally", "completely", "keeps", "kept",
        ),
    )
)  # fmt: skip
"""What may stand between the words of a phrase and leaves its meaning: "my teeth were all chattering"."""

Phrase = tuple[str, ...]


class _Concept(Model):
    name: str
    within: str = ""
    phrases: tuple[str, ...]


class _Pair(Model):
    concept: str
    one: tuple[str, ...]
    other: tuple[str, ...] | str
    alone: bool = False


class _File(Model):
    usual: tuple[str, ...]
    pain: tuple[str, ...]
    innocent: tuple[str, ...]
    concept: tuple[_Concept, ...]
    pair: tuple[_Pair, ...]


@dataclass(frozen=True, slots=True)
class Mention:
    """``concept`` stands at words[start:end]."""

    concept: str
    start: int
    end: int


@dataclass(frozen=True)  # without slots: it has a cached property
class Lexicon:
    """Phrases by their stems.

    ``loose`` are those of several words without the small ones; ``vocabulary`` is every word in them, ``by_sound`` how
    they sound.

    ``within`` has the broader concept of one that is a kind of it: shoulder pain is joint pain. ``names`` are the
    record names of each concept that this person's records hold, those of its kinds included; ``named`` are the
    concepts that a record is called by itself; ``own_stems`` those of the records' names that mean something else here
    than without them.
    """

    phrases: Mapping[Phrase, str]
    loose: Mapping[Phrase, str]
    pairs: Mapping[tuple[str, str], str]
    alone: Mapping[str, str]
    vocabulary: tuple[str, ...]
    stems: frozenset[str]
    within: Mapping[str, str]
    by_sound: Index = field(default_factory=dict)
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    named: frozenset[str] = frozenset()
    own_stems: frozenset[str] = frozenset()

    def joined(self, record_names: Iterable[str]) -> Lexicon:
        """Return this lexicon with the names that the records hold.

        A name that holds a known phrase belongs to its concept; one that shares its concept with others can also be
        meant alone ("lower back pain"). Any other name is a concept of its own.
        """
        members: dict[str, list[str]] = {}
        names_of: dict[str, list[str]] = {}
        words_by_name = {name: words_of(name)[:_PHRASE_WORDS_MAX] for name in record_names}
        for name, words in words_by_name.items():
            mentions = self.find(words)
            concept = mentions[0].concept if mentions else name
            members.setdefault(concept, []).append(name)
            for each in self._from(concept):
                names_of.setdefault(each, []).append(name)
        own: dict[Phrase, str] = {}
        for concept, names in members.items():
            for name in names:
                stems = tuple(map(stem, words_by_name[name]))
                is_whole_concept = len(names) == 1 or stems == tuple(map(stem, words_of(concept)))
                if stems:
                    own[stems] = concept if is_whole_concept else name
        changed = [phrase for phrase, concept in own.items() if self.phrases.get(phrase) != concept]
        added = {word for words in words_by_name.values() for word in words if word.isalpha()}
        return replace(
            self,
            phrases={**self.phrases, **own},
            vocabulary=(*self.vocabulary, *sorted(added.difference(self.vocabulary))),
            stems=self.stems.union(map(stem, added)),
            by_sound={**self.by_sound, **index(added.difference(self.vocabulary))},
            names={concept: tuple(names) for concept, names in names_of.items()},
            named=frozenset(members),
            own_stems=frozenset(root for phrase in changed for root in phrase),
        )

    @cached_property
    def words(self) -> frozenset[str]:
        return frozenset(self.vocabulary)

    def broadest(self, concept: str) -> str:
        """Return the concept that ``concept`` is a kind of, or itself."""
        return list(self._from(concept))[-1]

    def nearest(self, concept: str) -> str:
        """Return ``concept``, or where this person's records do not tell it apart the broader one that they name."""
        if self.names_of(concept):
            return concept
        return next((each for each in self._from(concept) if each in self.named), concept)

    def _from(self, concept: str) -> Iterator[str]:
        """Yield ``concept``, then what it is a kind of, and so on."""
        while concept:
            yield concept
            concept = self.within.get(concept, "")

    def names_of(self, concept: str) -> tuple[str, ...]:
        """Return the record names that ``concept`` means; none where this person has no such records."""
        names = self.names.get(concept)
        if names is not None:
            return names
        return (concept,) if any(concept in names for names in self.names.values()) else ()

    def names_without(self, concepts: Iterable[str]) -> tuple[str, ...]:
        """Return the record names of this person that none of ``concepts`` means."""
        left_out = {name for concept in concepts for name in self.names_of(concept)}
        return tuple(name for name in dict.fromkeys(chain(*self.names.values())) if name not in left_out)

    def find(self, words: Sequence[str]) -> list[Mention]:
        """Return the symptoms in the order of their mention; the longest phrase first, then words that go together."""
        stems = [stem(word) for word in words]
        found = list(self._phrases_in(stems))
        taken = {i for mention in found for i in range(mention.start, mention.end)}
        of_phrases = set(taken)
        for is_weak in (False, True):  # "bad stomach pain" is a pain that is bad
            for mention in self._pairs_in(stems, taken, is_weak=is_weak):
                found.append(mention)
                taken.update(range(mention.start, mention.end))
        named = any(mention.concept != INNOCENT for mention in found)
        innocent = {i for each in found if each.concept == INNOCENT for i in range(each.start, each.end)}
        alone = [(i, self.alone[word]) for i, word in enumerate(stems) if word in self.alone and i not in innocent]
        edges = {i for mention in found for i in (mention.start, mention.end - 1)}
        found += [
            Mention(concept, i, i + 1)
            for i, concept in alone
            if not named
            or (i not in edges and i not in of_phrases and _is_joined(stems, i, edges if i in taken else taken))
        ]
        return sorted((each for each in found if each.concept != INNOCENT), key=lambda mention: mention.start)

    def _phrases_in(self, stems: Sequence[str]) -> Iterator[Mention]:
        i = 0
        while i < len(stems):
            found = self._longest_at(stems, i)
            if found is not None:  # "sick to my stomach" within "felt sick to my stomach"
                within = (self._longest_at(stems, k) for k in range(i + 1, found.end))
                longer = [other for other in within if other is not None and _is_longer(other, found)]
                found = longer[0] if longer else found
                yield found
                i = found.end
            else:
                i += 1

    def _longest_at(self, stems: Sequence[str], i: int) -> Mention | None:
        """Return the longest phrase that begins at ``i``, as it is or with small words within."""
        as_it_is = 0
        for length in range(min(_PHRASE_WORDS_MAX, len(stems) - i), 0, -1):
            concept = self.phrases.get(tuple(stems[i : i + length]))
            if concept is not None and (concept != INNOCENT or not _is_bodily(stems, i, length)):
                as_it_is = length
                break
        found = Mention(self.phrases[tuple(stems[i : i + as_it_is])], i, i + as_it_is) if as_it_is else None
        if stems[i] not in self._first_of_loose:
            return found
        held = [stems[i]]
        for end in range(i + 2, min(i + 1 + _PHRASE_WORDS_MAX, len(stems) + 1)):
            if stems[end - 1] in _SMALL:
                continue
            held.append(stems[end - 1])
            concept = self.loose.get(tuple(held))
            if concept is not None and end - i > as_it_is:
                as_it_is, found = end - i, Mention(concept, i, end)
        return found

    @cached_property
    def _first_of_loose(self) -> frozenset[str]:
        return frozenset(phrase[0] for phrase in self.loose)

    def _pairs_in(self, stems: Sequence[str], taken: AbstractSet[int], *, is_weak: bool) -> Iterator[Mention]:
        """Yield what two words near each other say. ``taken`` are those spoken for; the caller keeps it up to date."""
        for i, one in enumerate(stems):
            for k in range(i + 1, min(i + 1 + _GAP_MAX, len(stems))):
                if stems[k] in _BETWEEN_TWO:
                    break
                concept = self.pairs.get((one, stems[k])) or self.pairs.get((stems[k], one))
                if concept is None or i in taken or k in taken:
                    continue
                if is_weak or _WEAK.isdisjoint((one, stems[k])):
                    yield Mention(concept, i, k + 1)
                    break


def _is_longer(other: Mention, found: Mention) -> bool:
    """Tell that ``other``, which begins within ``found``, says more and goes on behind it."""
    return other.end > found.end and other.end - other.start > found.end - found.start


def _is_bodily(stems: Sequence[str], i: int, length: int) -> bool:
    """Tell innocent words that are the body's after all: "my back in May", "a sore back in May"."""
    is_led = i > 0 and (stems[i - 1] in _OWN or stems[i - 1] in _pain())
    return is_led and length > 1 and stems[i] in _BODY and stems[i + 1] in _BEHIND_A_BODY


def _is_joined(stems: Sequence[str], i: int, taken: AbstractSet[int]) -> bool:
    """Tell a word that "and" or "or" joins to what is spoken for: the neck of "neck and back pain"."""
    before, behind = i - 1, i + 1
    while before >= 0 and stems[before] in _DETERMINERS:
        before -= 1
    while behind + 1 < len(stems) and stems[behind + 1] in _DETERMINERS:
        behind += 1
    led = before > 0 and stems[before] in _JOINS and before - 1 in taken
    return led or (behind + 1 < len(stems) and stems[i + 1] in _JOINS and behind + 1 in taken)


_BEHIND_A_BODY: Final = frozenset(map(stem, ("in", "to", "at", "from", "then", "when", "again", "up", "over", "of")))
"""What an innocent phrase has behind a part of the body that may be one after all: "back in"."""
_OWN: Final = frozenset(map(stem, ("my", "the", "lower", "upper", "bad", "your")))
_BODY: Final = frozenset(map(stem, ("back", "head", "hand", "face", "neck", "foot", "eye", "heart", "nose", "ear")))
_JOINS: Final = frozenset(map(stem, ("and", "or", "versus", "+", "&")))
_DETERMINERS: Final = frozenset(map(stem, ("my", "me", "the", "a", "an", "any")))


@cache
def _entries() -> _File:
    return TypeAdapter(_File).validate_python(tomllib.loads(LEXICON.read_text("utf-8")))


@cache
def _pain() -> frozenset[str]:
    return frozenset(map(stem, _entries().pain))


@cache
def usual_symptoms() -> frozenset[str]:
    """Return the names by which dialogs are scored."""
    return frozenset(_entries().usual)


@cache
def base_lexicon() -> Lexicon:
    """Return the lexicon of the file, without anybody's records."""
    entries = _entries()
    phrases = {
        tuple(map(stem, words_of(phrase))): concept.name
        for concept in entries.concept
        for phrase in (*concept.phrases, concept.name)
    }
    phrases = {**{tuple(map(stem, words_of(phrase))): INNOCENT for phrase in entries.innocent}, **phrases}
    loose: dict[Phrase, str] = {}
    for phrase, concept in phrases.items():
        held = tuple(word for word in phrase if word not in _SMALL)
        if len(held) > 1 and phrase[0] not in _SMALL and phrase[0] not in _pain() and concept != INNOCENT:
            loose.setdefault(held, concept)
    pairs: dict[tuple[str, str], str] = {}
    alone: dict[str, str] = {}
    for pair in entries.pair:
        others = entries.pain if isinstance(pair.other, str) else pair.other
        for one in pair.one:
            if pair.alone:
                alone.setdefault(stem(one), pair.concept)
            for other in others:
                pairs.setdefault((stem(one), stem(other)), pair.concept)
    spoken = [
        *(phrase for concept in entries.concept for phrase in (*concept.phrases, concept.name)),
        *(word for pair in entries.pair for word in pair.one),
        *(word for pair in entries.pair if isinstance(pair.other, tuple) for word in pair.other),
        *entries.pain,
    ]
    vocabulary = {word for phrase in spoken for word in words_of(phrase) if word.isalpha()}
    within = {concept.name: concept.within for concept in entries.concept if concept.within}
    words = tuple(sorted(vocabulary))
    return Lexicon(phrases, loose, pairs, alone, words, frozenset(map(stem, words)), within, index(words))
