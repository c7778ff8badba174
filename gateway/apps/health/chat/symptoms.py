"""Which symptoms a text names: a hand-written lexicon, joined with the names of the person's own records."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import chain, product
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter

from bridge.contracts.operation import Model
from gateway.apps.health.chat.normalise import stem, words_of
from gateway.apps.health.chat.spelling import Targets

LEXICON: Final = Path(__file__).with_name("lexicon.toml")
SYMPTOM: Final = "<symptom>"
INNOCENT: Final = ""
"""The concept of words that only look like a symptom."""
_GAP_MAX: Final = 5
_BETWEEN_TWO: Final = frozenset(map(stem, (",", "?", ";", "versus", "which", "but")))
"""What two words that go together do not stretch over."""
_CLOSE_MAX: Final = 4
"""Words up to which two are close together: "my vision has gone a bit hazy"; small ones count."""
_APART: Final = frozenset(
    map(
        stem,
        (
            ",",
            "?",
            ";",
            "+",
            "&",
            "-",
            "and",
            "or",
            "versus",
            "which",
            "but",
            "with",
            "then",
            "from",
            "after",
            "because",
            "when",
            "as",
            "before",
            "than",
            "also",
            "plus",
            "while",
            "so",
            "if",
            "not",
            "no",
        ),
    )
)
"""What parts two words that are close together."""
_PARTING: Final = frozenset(
    map(stem, (",", "?", ";", "+", "&", "and", "or", "versus", "than", "but", "then", "not", "no", "when", "after"))
)
"""What makes two symptoms of words beside each other."""
_LEADING: Final = frozenset(map(stem, ("in", "on", "of", "at", "around", "behind", "across", "under", "to", "my")))
"""What leads from an ailment to where it is: "tension in my neck"."""
_WEAK: Final = frozenset(map(stem, ("bad", "trouble", "problem", "issue", "bother")))
"""Words that say an ailment only where nothing clearer stands beside the same body part."""
_PHRASE_WORDS_MAX: Final = 8
_JOINED: Final = 2
"""Words of a phrase that may be typed as one."""
_VOWELS: Final = frozenset("aeiouy")
"""A word without any is short for several, and nothing that a misspelt one may have been."""
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

_NEGATIVE: Final = frozenset({"not", "no", "never"})
_FEEL: Final = stem("feel")

Phrase = tuple[str, ...]


class _Concept(Model):
    name: str
    within: str = ""
    covers: tuple[str, ...] = ()
    phrases: tuple[str, ...]


class _Pair(Model):
    concept: str
    one: tuple[str, ...]
    other: tuple[str, ...] | str
    alone: bool = False


class _File(Model):
    same: dict[str, tuple[str, ...]]
    joined: tuple[str, ...]
    rare: tuple[str, ...]
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

    ``loose`` are those of several words, without the small ones in them, and ``openers`` the first words of what may
    have small ones within; ``words`` is every word in them, ``targets`` those that a misspelt one may have been.

    ``covers`` has for a concept those that are a part of it where they stand beside it.

    ``within`` has the broader concept of one that is a kind of it: shoulder pain is joint pain. ``names`` are the
    record names of each concept that this person's records hold, those of its kinds included; ``named`` are the
    concepts that a record is called by itself. What the names add is ``own``, so that all else is everybody's:
    ``own_roots`` are those of the names that mean something else here than without them.
    """

    phrases: Mapping[Phrase, str]
    loose: Mapping[Phrase, str]
    openers: frozenset[str]
    pairs: Mapping[tuple[str, str], str]
    alone: Mapping[str, str]
    targets: Targets
    words: frozenset[str]
    stems: frozenset[str]
    within: Mapping[str, str]
    covers: Mapping[str, frozenset[str]] = field(default_factory=dict)
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    named: frozenset[str] = frozenset()
    own: Mapping[Phrase, str] = field(default_factory=dict)
    own_targets: Targets | None = None
    own_stems: frozenset[str] = frozenset()
    own_roots: frozenset[str] = frozenset()

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
        changed: set[str] = set()
        for concept, names in members.items():
            for name in names:
                roots = roots_of(words_by_name[name])
                is_whole_concept = len(names) == 1 or roots == roots_of(words_of(concept))
                if not roots:
                    continue
                own[roots] = concept if is_whole_concept else name
                if self.phrases.get(roots) != own[roots]:
                    changed.update(roots)
        added = {word for words in words_by_name.values() for word in words if word.isalpha()}
        return replace(
            self,
            names={concept: tuple(names) for concept, names in names_of.items()},
            named=frozenset(members),
            own=own,
            own_targets=Targets(added),
            own_stems=frozenset(map(stem, added)),
            own_roots=frozenset(changed),
        )

    def knows(self, word: str) -> bool:
        """Tell whether ``word`` is one of a phrase, as it is."""
        return word in self.words or (self.own_targets is not None and word in self.own_targets.words)

    def knows_stem(self, root: str) -> bool:
        return root in self.stems or root in self.own_stems

    def is_target(self, word: str) -> bool:
        """Tell whether a misspelt word may have been ``word``."""
        return word in self.targets.words or (self.own_targets is not None and word in self.own_targets.words)

    def _meant(self, phrase: Phrase) -> str | None:
        """Return the concept that a whole phrase, by its roots, has for this person."""
        return self.own.get(phrase) or self.phrases.get(phrase)

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
        """Return the symptoms in the order of their mention.

        The longest phrase goes first, then words that go together; close together, they say more than one of them
        alone: "my back is knackered".
        """
        stems = roots_of(words)
        found = list(self._phrases_in(stems))
        single = {each.start for each in found if _is_one_word(each, stems) and each.concept != INNOCENT}
        taken = {i for mention in found for i in range(mention.start, mention.end) if i not in single}
        closest = list(self._close_pairs_in(stems, taken, single))
        told = {i for mention in closest for i in (mention.start, mention.end - 1)}
        found = [each for each in found if each.start not in told] + closest
        taken = {i for mention in found for i in range(mention.start, mention.end)}
        of_phrases = set(taken)
        for is_weak in (False, True):  # "bad stomach pain" is a pain that is bad
            for mention in self._pairs_in(stems, taken, is_weak=is_weak):
                found.append(mention)
                taken.update(range(mention.start, mention.end))
        named = any(mention.concept != INNOCENT for mention in found)
        innocent = {i for each in found if each.concept == INNOCENT for i in range(each.start, each.end)}
        alone = [(i, self.alone[word]) for i, word in enumerate(stems) if word in self.alone and i not in innocent]
        concepts = {mention.concept for mention in found}
        edges = {i for mention in found for i in (mention.start, mention.end - 1)}
        said: dict[int, str] = {} if named else dict(alone)
        might_be_joined = (
            [each for each in alone if each[0] not in edges and each[0] not in of_phrases] if named else []
        )
        for i, concept in (*might_be_joined, *reversed(might_be_joined)):  # "knees or hips and other joints"
            if (
                i not in said
                and _is_joined(stems, i, (edges if i in taken else taken) | said.keys())
                and not any(self.pairs.get((stems[i], stems[edge])) in concepts for edge in edges)
            ):
                said[i] = concept
        found += [Mention(concept, i, i + 1) for i, concept in said.items()]
        found = sorted((each for each in found if each.concept != INNOCENT), key=lambda mention: mention.start)
        found = self._sharing_a_body_part(stems, found)
        covering = [(each, self.covers.get(self.broadest(each.concept), frozenset())) for each in found]
        return [
            each
            for each in found
            if not any(
                each.concept in covers and other is not each and _is_beside(each, other, stems)
                for other, covers in covering
            )
        ]

    def _sharing_a_body_part(self, stems: Sequence[str], found: list[Mention]) -> list[Mention]:
        """Return ``found`` with what is joined to an ailment of a body part: "eyes red and weepy"."""
        for mention in found:
            joined = _joined_behind(stems, mention.end)
            if joined is None:
                continue
            said = (self.pairs.get((stems[i], stems[joined])) for i in range(mention.start, mention.end))
            concept = next(filter(None, said), None)
            other = next((each for each in found if each.start <= joined < each.end), None)
            if concept is None or (other is not None and other.end - other.start > 1):
                continue
            found = [each for each in found if each is not other]
            if concept != mention.concept:
                found = sorted((*found, Mention(concept, joined, joined + 1)), key=lambda each: each.start)
        return found

    def _phrases_in(self, stems: Sequence[str]) -> Iterator[Mention]:
        i = 0
        while i < len(stems):
            found = self._longest_at(stems, i)
            if found is not None:  # "sick to my stomach" within "felt sick to my stomach"
                within = (self._longest_at(stems, k) for k in range(i + 1, found.end))
                longer = [other for other in within if other is not None and _is_meant_within(other, found, stems)]
                found = longer[0] if longer else found
                yield found
                i = found.end
            else:
                i += 1

    def _longest_at(self, stems: Sequence[str], i: int) -> Mention | None:
        """Return the longest phrase that begins at ``i``, as it is or with small words within."""
        as_it_is, found = 0, None
        for length in range(min(_PHRASE_WORDS_MAX, len(stems) - i), 0, -1):
            concept = self._meant(tuple(stems[i : i + length]))
            if concept is not None and (concept != INNOCENT or not _is_bodily(stems, i, length)):
                as_it_is, found = length, Mention(concept, i, i + length)
                break
        if stems[i] not in self.openers:
            return found
        held = [stems[i]]
        for end in range(i + 2, min(i + 1 + _PHRASE_WORDS_MAX, len(stems) + 1)):
            if stems[end - 1] in _SMALL:
                continue
            held.append(stems[end - 1])
            concept = self.loose.get(tuple(held)) or (self._meant(tuple(held)) if len(held) > 1 else None)
            if concept and end - i > as_it_is:
                as_it_is, found = end - i, Mention(concept, i, end)
        return found

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

    def _close_pairs_in(
        self, stems: Sequence[str], taken: AbstractSet[int], single: AbstractSet[int]
    ) -> Iterator[Mention]:
        """Yield what two words close together say where one is a phrase by itself, at ``single``, and means less."""
        used = set(taken)
        for i in range(len(stems)):
            for k in range(i + 1, min(i + 1 + _CLOSE_MAX, len(stems))):
                if i in used or k in used or stems[k] in _APART:
                    break
                concept = self.pairs.get((stems[i], stems[k]))
                if concept is None and (k == i + 1 or stems[i + 1] in _LEADING):
                    concept = self.pairs.get((stems[k], stems[i]))
                if concept is None:
                    continue
                if i in single or k in single:
                    used.update((i, k))
                    yield Mention(concept, i, k + 1)
                break


def _is_one_word(mention: Mention, stems: Sequence[str]) -> bool:
    """Tell a word that is a symptom by itself, or with no more than an "up" behind it: "my hips last seized up"."""
    length = mention.end - mention.start
    return length == 1 or (length == _JOINED and stems[mention.end - 1] == _UP and stems[mention.start] in _pain())


def _is_beside(mention: Mention, other: Mention, stems: Sequence[str]) -> bool:
    """Tell a symptom that only says more of ``other``, which covers it: the sweating of "sheets soaked with sweat"."""
    between = stems[min(mention.end, other.end) : max(mention.start, other.start)]
    if _COMPARE in stems and not _SETS_BESIDE.isdisjoint(between):
        return False
    if len(between) > _CLOSE_MAX or not _PARTING.isdisjoint(between):
        return False
    is_apart = not (_SMALL | _LEADING).issuperset(between)  # "did headaches outnumber migraines"
    return not (is_apart and all(_is_by_name(each, stems) for each in (mention, other)))


def _is_by_name(mention: Mention, stems: Sequence[str]) -> bool:
    return tuple(stems[mention.start : mention.end]) == roots_of(words_of(mention.concept))


def _is_meant_within(other: Mention, found: Mention, stems: Sequence[str]) -> bool:
    """Tell that ``other`` is what is meant: it says more, or it is only led, as by "bad" in "bad back pain".

    "the wobblies" ends like "the wobbly room" begins.
    """
    if _is_longer(other, found):
        return True
    is_led = other.start == found.start + 1 and other.end > found.end
    is_bad = stems[found.start] == _BAD and other.concept == found.concept
    is_ones_own = stems[found.start] == _MY and found.concept == INNOCENT != other.concept
    return is_led and (is_bad or is_ones_own or stems[found.start] in _ARTICLES)


def _is_longer(other: Mention, found: Mention) -> bool:
    """Tell that ``other``, which begins within ``found``, says more and goes on behind it."""
    return other.end > found.end and other.end - other.start > found.end - found.start


def _is_bodily(stems: Sequence[str], i: int, length: int) -> bool:
    """Tell innocent words that are the body's after all: "my back in May", "a sore back in May"."""
    is_led = i > 0 and (stems[i - 1] in _OWN or stems[i - 1] in _pain())
    return is_led and length > 1 and stems[i] in _BODY and stems[i + 1] in _BEHIND_A_BODY


def _joined_behind(stems: Sequence[str], i: int) -> int | None:
    """Return where the word is that "and" or "or" joins to what ends at ``i``, small ones passed, or None."""
    if i >= len(stems) or stems[i] not in _JOINS:
        return None
    i += 1
    while i < len(stems) and (stems[i] in _SMALL or stems[i] in _ITS):
        i += 1
    return i if i < len(stems) else None


def _is_joined(stems: Sequence[str], i: int, taken: AbstractSet[int]) -> bool:
    """Tell a word that "and" or "or" joins to what is spoken for: the neck of "neck and back pain"."""
    before, behind = i - 1, i + 1
    while before >= 0 and stems[before] in _DETERMINERS:
        before -= 1
    while behind + 1 < len(stems) and stems[behind + 1] in _DETERMINERS:
        behind += 1
    joins = _JOINS | _SETS_BESIDE if _COMPARE in stems else _JOINS
    led = before > 0 and stems[before] in joins and before - 1 in taken
    led = led or (before > 0 and stems[before] == "," and before - 1 in taken and _NOT in stems[:before])
    return led or (behind + 1 < len(stems) and stems[i + 1] in joins and behind + 1 in taken)


_BEHIND_A_BODY: Final = frozenset(map(stem, ("in", "to", "at", "from", "then", "when", "again", "up", "over", "of")))
"""What an innocent phrase has behind a part of the body that may be one after all: "back in"."""
_OWN: Final = frozenset(map(stem, ("my", "the", "lower", "upper", "bad", "your")))
_BODY: Final = frozenset(map(stem, ("back", "head", "hand", "face", "neck", "foot", "eye", "heart", "nose", "ear")))
_JOINS: Final = frozenset(map(stem, ("and", "or", "versus", "+", "&")))
_ITS: Final = frozenset(map(stem, ("it", "they", "them", "then", "also")))
_SETS_BESIDE: Final = frozenset(map(stem, ("with", "to", "against")))
_BAD: Final = stem("bad")
_NOT: Final = stem("not")
_MY: Final = stem("my")
_ARTICLES: Final = frozenset(map(stem, ("the", "a", "an")))
_UP: Final = stem("up")
_COMPARE: Final = stem("compare")
"""The word beside which "with" joins two symptoms: "compare my knees with my other joints"."""
_DETERMINERS: Final = frozenset(map(stem, ("my", "me", "the", "a", "an", "any", "other")))


@cache
def _entries() -> _File:
    return TypeAdapter(_File).validate_python(tomllib.loads(LEXICON.read_text("utf-8")))


@cache
def _same() -> dict[str, str]:
    """Return for the stem of a word that means another, as those of dialects do, the stem of that."""
    return {stem(word): stem(meant) for meant, words in _entries().same.items() for word in words}


def roots_of(words: Iterable[str]) -> Phrase:
    """Return what phrases are compared by: stems, one for all words that mean the same."""
    same = _same()
    return tuple([same.get(root, root) for root in map(stem, words)])


def _pooled(phrases: Mapping[Phrase, str]) -> dict[Phrase, str]:
    """Return ``phrases`` with each root held once, however many of them it stands in: half the memory."""
    pool: dict[str, str] = {}
    return {tuple([pool.setdefault(root, root) for root in phrase]): name for phrase, name in phrases.items()}


def spelt_out(phrase: str) -> Iterator[tuple[str, ...]]:
    """Yield the words of each phrase that ``phrase`` is short for: "(sore|raw) throat" is two."""
    parts = ([words_of(text) for text in part.split("|")] for part in re.split(r"[()]", phrase) if part.strip())
    for chosen in product(*parts):
        yield tuple(chain.from_iterable(chosen))


@cache
def _pain() -> frozenset[str]:
    return frozenset(roots_of(_entries().pain))


@cache
def usual_symptoms() -> frozenset[str]:
    """Return the names by which dialogs are scored."""
    return frozenset(_entries().usual)


@cache
def base_lexicon() -> Lexicon:
    """Return the lexicon of the file, without anybody's records."""
    entries = _entries()
    said = [
        (words, concept.name)
        for concept in entries.concept
        for short in (*concept.phrases, concept.name)
        for words in spelt_out(short)
    ]
    joined = [
        (("".join(words),), concept) for words, concept in said if len(words) == _JOINED and words[1] in entries.joined
    ]
    said += joined
    innocent = chain.from_iterable(map(spelt_out, entries.innocent))
    phrases = _pooled(
        {**{roots_of(words): INNOCENT for words in innocent}, **{roots_of(words): name for words, name in said}}
    )
    loose: dict[Phrase, str] = {}
    openers: set[str] = set()
    for phrase, concept in phrases.items():
        held = tuple(word for word in phrase if word not in _SMALL)
        if len(held) == 1 or concept == INNOCENT or phrase[0] in _SMALL or phrase[0] in _pain():
            continue
        openers.add(phrase[0])
        if (
            held != phrase and phrase[-1] not in _SMALL and (phrase[0] not in _NEGATIVE or _FEEL not in phrase)
        ):  # "not feel my hands"
            loose.setdefault(held, concept)
    pairs: dict[tuple[str, str], str] = {}
    alone: dict[str, str] = {}
    for pair in entries.pair:
        others = entries.pain if isinstance(pair.other, str) else pair.other
        for one in roots_of(pair.one):
            if pair.alone:
                alone.setdefault(one, pair.concept)
            for other in roots_of(others):
                pairs.setdefault((one, other), pair.concept)
    spoken = [
        *chain.from_iterable(words for words, _ in said),
        *(word for pair in entries.pair for word in pair.one),
        *(word for pair in entries.pair if isinstance(pair.other, tuple) for word in pair.other),
        *entries.pain,
        *entries.same,
    ]
    words = frozenset(word for text in set(spoken) for word in words_of(text) if word.isalpha())
    no_targets = {*entries.rare, *(word for (word,), name in joined if name not in entries.usual)}
    targets = Targets(word for word in words - no_targets if not _VOWELS.isdisjoint(word))
    words |= set(chain.from_iterable(entries.same.values()))
    covers = {concept.name: frozenset(concept.covers) for concept in entries.concept if concept.covers}
    within = {concept.name: concept.within for concept in entries.concept if concept.within}
    stems = frozenset(map(stem, words))
    return Lexicon(phrases, loose, frozenset(openers), pairs, alone, targets, words, stems, within, covers)
