"""Reading one message: what it says by itself, before what was said earlier is looked at."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from itertools import chain, islice
from typing import Final

from gateway.apps.health.chat.clauses import asides, commas, openings, sentences, turning
from gateway.apps.health.chat.context import Conversation
from gateway.apps.health.chat.followup import frame_of
from gateway.apps.health.chat.frame import Intent
from gateway.apps.health.chat.heard import Heard
from gateway.apps.health.chat.intent import unframed
from gateway.apps.health.chat.joining import ASKING, ASKS, asked_of, joined
from gateway.apps.health.chat.normalise import words_of
from gateway.apps.health.chat.question import question_words
from gateway.apps.health.chat.reading import Clause, Kind, Repairs, Turn, read_clause, social
from gateway.apps.health.chat.safety import (
    is_done_with,
    is_made_up,
    passages,
    says_certain_danger,
    says_danger,
    says_self_harm,
    says_well,
    tells_of_now,
)
from gateway.apps.health.chat.symptoms import Lexicon, base_lexicon, roots_of
from gateway.apps.health.chat.time_expressions import TIME
from gateway.apps.health.chat.weighing import NEAR, features, likeliest, weigh

_CODE: Final = re.compile(r"<\s*/?\s*[a-z!]|://|\bon(error|load|click)\s*=|;\s*--|--\s*$", re.IGNORECASE)
"""Markup and code, which nobody asks about records with."""
_SENTENCES_MAX: Final = 6
_WORDS_MAX: Final = 120
"""Of more sentences, and of more words of one, the last ones are read, where the question stands."""
_END_WORDS_MAX: Final = 120
"""Words at either end of a message in which danger is looked for; English of a thousand letters has no more."""
_PASSAGE_WORDS_MAX: Final = 60
"""Of these, what stands around a sign of danger is weighed by itself."""
_DANGER_SENTENCES_MAX: Final = 32
"""Of more sentences, those before the last ones are taken together."""
_PARTINGS_MAX: Final = 6
"""Ways to part sentences into what is told and what is asked that are tried, from the end on."""
_PART_WORDS_MAX: Final = 60
"""Words of what is told, the last ones, and of what is then asked, the first ones, that are read."""
_LONG: Final = 40
"""Words from which the rest of a message may outweigh the danger that it begins or ends with."""
_RIVALS_MAX: Final = 2
_SEEN_AHEAD: Final = -0.75
_ASKED_AHEAD: Final = 0.75
_TOLD_AHEAD: Final = 0.3
"""Log-odds that an emergency has ahead, if the rules see it, and if not, where something is asked, and where not."""
_WELL_AHEAD: Final = -3.0
"""The same of one who tells of being well."""
_TAKEN_BACK_AHEAD: Final = -7.0
"""The same, besides, of what is made up, of no person, denied or over."""
_SEEN_BESIDE: Final = 1.0
_TOLD_BESIDE: Final = 5.0
"""Log-odds by which an emergency must be ahead in what is told beside a question, if the rules see it, and if not."""
_SAYS_ITS_RECORD: Final = re.compile(
    r"\b(put|write|wrote|note|noted|log|logged|record|recorded|jot|jotted|enter|entered|mark|marked)"
    r" (any ?thing |something )?(in |down )?(about )?(that|it|this|those)\b"
    r"(?! (day|week|month|year|morning|evening|time|spring|summer|autumn|winter)\b)"
)
_OF_ONE: Final = re.compile(r"\b(i|me|he|she|his|her|we|us|now|help|please|right now|still|again)\b")
"""Who is in danger, or that it is now: without, "struggling for breath" may name the record that is asked for."""
_TAKES_BACK: Final = re.compile(
    r"(no ,? )?not (the|my|his|her) (\w+|<symptom>) ?, (but )?(the|my|his|her) <symptom>( [?!.])?"
    r"|((no|sorry|actually|wait|,) )*(w?h?oo+ps\w*|my (bad|mistake)|silly me|i meant)( ,| no| i meant)*"
    r" ((the|my) )?<symptom>( (instead|please))?( [!.])?"
)
"""One word in place of another, no danger that the rules do not see: "not his ear, his throat", "my bad, wheezing"."""
_UNREAD_MAX: Final = 4
"""More words that no step knows say no more."""
_MILD: Final = frozenset(
    {
        "eye irritation", "dry eyes", "watery eyes", "runny nose", "nasal congestion", "sneezing", "hay fever", "cold",
        "sore throat", "cough", "itching", "itchy scalp", "dry skin", "acne", "toothache", "earache", "tinnitus",
        "knee pain", "back pain", "lower back pain", "insomnia", "broken sleep", "fatigue", "bloating", "heartburn",
        "constipation", "period pain", "hiccups", "cold sore", "mouth ulcer", "hoarseness", "flatulence", "burping",
    }
)  # fmt: skip
_SAYS_NO_MORE: Final = re.compile(
    r"((i|we|my|the|a|an|and|but|also|then|so|,|had|have|got|was|were|is|are|felt|feel|been|really|very|bit|of|with|too"
    r"|today|<time>|<symptom>|[.!]) ?)+"
)
_LASTING: Final = re.compile(
    r"\b(since (the|my|i|we|having|last|moving|covid)|these days|lately|nowadays|any ?more|always"
    r"|when i (stand|get up|bend|climb|walk|run|exercise)"
    r"|every (day|night|time)|for (weeks|months|years|ages))\b"
)
"""What goes on for long, and is no danger that has just begun: "I can't remember a thing since the baby"."""
_PLAINLY_ASKED: Final = frozenset({Intent.LIST, Intent.COUNT, Intent.LATEST, Intent.FIRST, Intent.MAX_SEVERITY})
"""Wants that no question of cures sounds like, as "does swimming ease back pain" does like a trend."""
_HAPPENED: Final = re.compile(
    r" (?:after|before|during|despite|following|while on|because of)"
    r" (?:(?:a|an|the|my|our|that|this|all that|those|these) )?(?:\w+(?: |$)){1,4}?"
    r"(?=(?:in|on|last|this|since|from|between|over|yesterday|today|for|at|during|did|how)\b|[?,]|$)"
)
"""What only says on what occasion: "was I wide awake after a night shift in May"."""
_BARE_SLOTS: Final = re.compile(
    r"((and|or|so|ok|my|the|any|what about|how about|likewise|ditto|same|same again|same for|,|in|on|for) )*<\w+>"
    r"( ((and|or|my|the|any|in|on|for|,) )*<\w+>)*( [?])?"
)
"""A symptom, a time, and no verb: "heartburn 3 weeks ago", "and my neck?"."""
_OF_ALL_TIME: Final = frozenset({Intent.FIRST, Intent.LATEST, Intent.DURATION_SINCE})
_EVENT: Final = re.compile(
    r"(?!(?:in|on|at|during|for|since|from|between|over|after|before|within|until|throughout|when|how|what|which)\b).*"
    rf"\b(?:was|is|are|were|had|have|has|am|having|getting|seeing|got|came|went|began|rang|saw|met|left|\w+ed|op|operation"
    rf"|surgery|scan|x ray|mri|appointment|review|consultation|replacement)\b.*{TIME}"
    rf"|(?:i|we|he|she|they) \w+\b.*{TIME}"
)
"""What happened or will happen some time, which says nothing of when a symptom began: "my op was on 12 May"."""
_TO_COME: Final = re.compile(
    r"\b(is|are|am|booked|due|scheduled|planned|having|seeing|meeting|going|off to|flying|will|get|gets|starts?"
    r"|(have|got) (my|a|an|the))\b"
)
_PAST: Final = re.compile(r"\b(was|were|had|did|went|came|(?!booked|scheduled|planned)\w+ed)\b")
_ENDS_A_SPAN: Final = re.compile(rf"\b(?:to|until|till|through|between|before|since) {TIME}")
_OPERATION: Final = re.compile(
    r"<symptom> (?:replaced|operated|done|scanned|looked at|removed|fixed|checked|seen|op|operation|scan|surgery)\b"
)
"""What is done to a part of the body, which does not say that it hurt."""
_BARE_TIME: Final = re.compile(rf"((and|so|ok|okay|now|then|for|in|on|as for|,) )*{TIME}( ,)?")
_GIVEN_UP: Final = re.compile(r"\W*((well|so|ok) )*i (was (going|about)|meant|intended) to ask\b")
"""A question that another takes the place of."""


def prepare() -> None:
    """Load words and weights, which takes some tenths of a second, before somebody waits for it."""
    read_turn("how many heedaches?", datetime(2026, 1, 1), base_lexicon())  # noqa: DTZ001 - any will do


def read_turn(text: str, now: datetime, lexicon: Lexicon, *, follows: bool = False) -> Turn:
    """Return what ``text`` says, as ``Message.turn`` does."""
    return Message(text, now).turn(lexicon, follows=follows)


def hear(text: str, now: datetime, lexicon: Lexicon) -> Heard:
    """Return what the rules take ``text`` for."""
    return _Reading(Message(text, now), lexicon).heard


class Message:
    """What a person said, read once for each lexicon that it is asked for; ``now`` is their local time.

    However long it is, and whatever is in it, reading takes a bounded number of steps, which ``work`` counts.
    """

    def __init__(self, text: str, now: datetime, repairs: Repairs | None = None) -> None:
        self.text = text
        self.now = now
        self.parts = _few(sentences(text))
        self.typed = _ends([words_of(part) for part in self.parts], _END_WORDS_MAX)
        self.work = Work()
        self.repairs = repairs or Repairs()
        self._readings: list[_Reading] = []

    def turn(self, lexicon: Lexicon, *, follows: bool = False) -> Turn:
        """Return what it says; one that ``follows`` a question may be slots alone.

        What is told before and after the question is left out: "I saw Linda on Monday. When did I last have a rash?"
        """
        return self._reading(lexicon).turn(follows=follows)

    def reads_alike(self, lexicon: Lexicon) -> bool:
        """Tell whether it means the same with the records' names in ``lexicon`` and without: no word is theirs."""
        base = base_lexicon()
        own = [self.repaired(words, lexicon) for words in self.typed]
        return own == self._reading(base).repaired and all(
            lexicon.own_roots.isdisjoint(roots_of(words)) or lexicon.find(words) == base.find(words) for words in own
        )

    def rival_turns(self, lexicon: Lexicon) -> list[Turn]:
        """Return how it reads with a symptom that a misspelt word may as well have been."""
        typed = [word for words in self.typed for word in words]
        repaired = self.repaired(typed, lexicon)
        texts = (
            " ".join((*repaired[:k], rival, *repaired[k + 1 :]))
            for k, (word, chosen) in enumerate(zip(typed, repaired, strict=True))
            if word != chosen and lexicon.knows(chosen)
            for rival in self.repairs.rivals(word, chosen, lexicon)
        )
        return [Message(text, self.now, self.repairs).turn(lexicon) for text in islice(texts, _RIVALS_MAX)]

    def repaired(self, words: Sequence[str], lexicon: Lexicon) -> list[str]:
        return self.repairs.repaired(words, lexicon)

    def repair_from_both_ends(self, lexicon: Lexicon) -> list[list[str]]:
        """Return the words of each sentence, repaired; of too many errors those at the ends, where danger is told."""
        words = [word for words in self.typed for word in words]
        self.repaired([word for pair in zip(words, reversed(words), strict=True) for word in pair], lexicon)
        return [self.repaired(words, lexicon) for words in self.typed]

    def _reading(self, lexicon: Lexicon) -> _Reading:
        known = next((each for each in self._readings if each.lexicon is lexicon), None)
        if known is None:
            known = _Reading(self, lexicon)
            self._readings.append(known)
        return known


@dataclass(slots=True)
class Work:
    """How much was done to read a message: clauses that were read, the words in them, and clauses that were weighed."""

    clauses: int = 0
    words: int = 0
    weighed: int = 0


class _Reading:
    """One message, read with one lexicon; each clause is read and weighed once."""

    def __init__(self, message: Message, lexicon: Lexicon) -> None:
        self.lexicon = lexicon
        self._message = message
        self._clauses: dict[tuple[str, ...], Clause] = {}
        self._odds: dict[tuple[Intent | None, int], Mapping[Intent, float]] = {}
        self._partings_left = _PARTINGS_MAX
        self.repaired = message.repair_from_both_ends(lexicon)
        self._spoken = (message.typed,) if message.typed == self.repaired else (message.typed, self.repaired)
        self.heard = self._heard()
        self._decided = self._without_question()

    def turn(self, *, follows: bool) -> Turn:
        """Return what the message says; one that ``follows`` a question may be slots alone."""
        if self._decided is not None:
            return self._decided
        by_rules = self.heard.by_rules
        weighed = self._weighed(by_rules, self.heard.asking)
        if self.heard.is_settled(weighed, follows=follows):
            return by_rules
        agreed = _agreed(self.heard, weighed)
        if agreed.intent is Intent.OUT_OF_SCOPE and by_rules.intent is not None and by_rules.intent.asks_for_data:
            agreed = (
                self._behind_an_aside()
                or self._around_an_aside()
                or self._with_time_behind(self.heard.clauses)
                or agreed
            )
        if follows and agreed.intent is Intent.LIST and _carries_slots(by_rules, self.heard.asking):
            agreed = replace(agreed, intent=None, cue=None)
        is_sure = agreed.intent is by_rules.intent and agreed.rival is None
        return agreed if is_sure or not _is_our_own(self._message, by_rules) else by_rules

    def _heard(self) -> Heard:
        is_danger = any(map(says_danger, self._spoken)) and not self._is_taken_back
        parts, read = self._message.parts[-_SENTENCES_MAX:], self.repaired[-_SENTENCES_MAX:]
        whole = self._clause([*chain.from_iterable(read)])
        sentences_read = [self._clause(words) for words in read]
        parted = [
            self._parted(part, clause) for part, clause in zip(reversed(parts), reversed(sentences_read), strict=True)
        ]
        clauses = [*chain.from_iterable(reversed(parted))]
        asked = asked_of(clauses) if len(clauses) > 1 else None
        is_pleasant = bool(clauses) and asked is None and all(clause.kind is Kind.PLEASANTRY for clause in clauses)
        whole = clauses[-1] if is_pleasant and whole.kind is not Kind.PLEASANTRY else whole
        turn = whole.turn if asked is None else joined(clauses, asked, whole, self._message.now.date())
        if is_danger:
            dangerous = [clause for words, clause in zip(read, sentences_read, strict=True) if says_danger([words])]
            told = [each for each in clauses if each.kind is Kind.TOLD and each not in dangerous]
            told = [each for each in told if says_danger([each.read.spoken])]
            return Heard(social(Intent.EMERGENCY), turn, whole, whole, [*dangerous, *told])
        return Heard(turn, turn, whole, whole if asked is None or turn is whole.turn else clauses[asked], clauses)

    def _without_question(self) -> Turn | None:
        """Return what the message is, whatever it asks: an emergency, or code; else None."""
        if self._says_self_harm() or (any(map(says_certain_danger, self._spoken)) and not self._is_made_up):
            return social(Intent.EMERGENCY)
        if self._is_danger() or says_danger(self._message.typed[:-_SENTENCES_MAX]) or self._tells_danger_in_passing():
            return social(Intent.EMERGENCY)
        return social(Intent.OUT_OF_SCOPE) if _CODE.search(self._message.text) else None

    @cached_property
    def _is_made_up(self) -> bool:
        return any(map(is_made_up, self._spoken))

    @cached_property
    def _is_taken_back(self) -> bool:
        return self._is_made_up or any(map(is_done_with, self._spoken))

    def _says_self_harm(self) -> bool:
        if not any(map(says_self_harm, self._spoken)):
            return False
        return not self._is_taken_back or any(says_self_harm(each, is_over=True) for each in self._spoken)

    def _is_danger(self) -> bool:
        """Tell whether any part of a message weighs for an emergency, also beside a question that outweighs it."""
        heard = self.heard
        likely = likeliest(self._weighed(heard.by_rules, heard.whole))[0]
        if likely is Intent.EMERGENCY:
            return True
        if heard.clauses == [heard.whole] or not self._asks:  # a tale is one as a whole
            return False
        is_seen = heard.by_rules.intent is Intent.EMERGENCY
        voiced = [(heard.by_rules if is_seen else clause.turn, clause) for clause in heard.clauses]
        told = [(turn, clause) for turn, clause in voiced if clause.kind is not Kind.QUESTION]
        if _SAYS_ITS_RECORD.search(" ".join(chain.from_iterable(self.repaired))):  # "fainting - when did I log that?"
            told = [(turn, clause) for turn, clause in told if _OF_ONE.search(" ".join(clause.read.spoken))]
        if any(says_danger([clause.read.spoken]) and self._is_danger_beside(clause) for _, clause in told):
            return not self._is_taken_back
        odds = [self._weighed(turn, clause) for turn, clause in told]
        is_told = any(_danger_ahead(each) >= (_SEEN_BESIDE if is_seen else _TOLD_BESIDE) for each in odds)
        return is_told and not self._is_taken_back

    def _is_danger_beside(self, told: Clause) -> bool:
        """Tell whether what the rules see danger in weighs for it by itself: "how many coughs, I can't breathe"."""
        if _LASTING.search(" ".join(told.read.spoken)):
            return False
        return _danger_ahead(self._weighed(social(Intent.EMERGENCY), told)) >= _SEEN_BESIDE

    def _tells_danger_in_passing(self) -> bool:
        """Tell danger at an end of a long message, or parted by a comma from a question, which may outweigh it."""
        is_long = sum(map(len, self.repaired)) >= _LONG
        if is_long:
            parts = list(passages(_ends(self.repaired, _PASSAGE_WORDS_MAX)))
        else:
            parts = [part for words in self.repaired[-_SENTENCES_MAX:] for part in commas(words) if tells_of_now(part)]
        if not parts or not (is_long or self._asks):
            return False
        found = {tuple(words) for words in parts if says_danger([words])}
        return any(self._is_danger_beside(self._clause(words)) for words in found) and not self._is_taken_back

    @property
    def _asks(self) -> bool:
        """Tell whether the rules see a question about records, were there no danger."""
        heard = self.heard
        likely = likeliest(self._weighed(heard.by_rules, heard.whole))[0]
        return likely.asks_for_data or heard.turn.intent is None or heard.turn.intent.asks_for_data

    def _parted(self, sentence: str, whole: Clause) -> list[Clause]:
        """Return ``whole``, which is how ``sentence`` reads, or what it tells and asks, in either order."""
        if (parted := self._with_aside(whole)) is not None:
            return parted
        if whole.kind not in {Kind.TOLD, Kind.REFUSED}:
            return self._behind_an_event(whole) or [whole]
        for parts in openings(sentence):
            if not self._partings_left:
                break
            self._partings_left -= 1
            before, behind = (self._message.repaired(words_of(part), self.lexicon) for part in parts)
            told, asked = self._clause(before[-_PART_WORDS_MAX:]), self._clause(behind[:_PART_WORDS_MAX])
            is_told = told.kind in {Kind.TOLD, Kind.PLEASANTRY} or (
                told.kind is Kind.REFUSED and ASKING.match(parts[0]) is None
            )
            if asked.kind in ASKS and (is_told or _GIVEN_UP.match(parts[0])):
                return [told, asked]
        return self._with_slots_behind(sentence) or [whole]

    def _behind_an_event(self, whole: Clause) -> list[Clause] | None:
        """Return what is told to have happened when, and what is asked of another time or of all behind it, or None."""
        words, periods = list(whole.read.spoken), whole.read.times.periods
        may_be = whole.turn.intent is not Intent.COMPARE and periods and "," in words
        if not may_be or _EVENT.fullmatch(whole.read.skeleton.partition(" ,")[0]) is None:
            return None
        at = words.index(",")
        told, asked = self._clause(words[:at]), self._clause(words[at + 1 :])
        if _EVENT.fullmatch(told.read.skeleton) is None or asked.read.times.relative is not None:
            return None
        if asked.kind is not Kind.QUESTION:
            return None
        if asked.read.times.periods:  # one time is told, another asked for
            is_apart = bool(asked.mentioned or told.mentioned) and _ENDS_A_SPAN.search(asked.read.skeleton) is None
            is_apart = is_apart and all(each.start is not None and each in periods for each in asked.read.times.periods)
        else:
            is_event = not told.mentioned or _OPERATION.search(told.read.skeleton) is not None
            is_of_all_time = whole.turn.intent in _OF_ALL_TIME or _is_to_come(told, self._message.now.date())
            is_same = asked.turn.intent is whole.turn.intent and bool(asked.turn.symptoms)
            is_apart = is_event and is_of_all_time and is_same
        return [replace(told, kind=Kind.TOLD), asked] if is_apart else None

    def _with_slots_behind(self, sentence: str) -> list[Clause] | None:
        """Return what is told, and the symptom or time alone that is asked for behind it: "…, so, five days ago?"."""
        parts = turning(sentence)
        if parts is None or not self._partings_left:
            return None
        self._partings_left -= 1
        told, asked = (self._clause(self._message.repaired(words_of(part), self.lexicon)) for part in parts)
        is_told = told.kind in {Kind.TOLD, Kind.REFUSED} and ASKING.match(parts[0]) is None
        is_bare = asked.kind is Kind.SLOTS and _BARE_SLOTS.fullmatch(asked.read.skeleton) is not None
        return [told, replace(asked, kind=Kind.QUESTION)] if is_told and is_bare else None

    def _with_aside(self, whole: Clause) -> list[Clause] | None:
        """Return the question that ``whole`` begins with and what is told behind it, or None."""
        words = list(whole.read.spoken)
        mark = words[-1:] if words[-1:] == ["?"] else []
        for at, behind, is_marked in asides(words[: len(words) - len(mark)]):
            asked = self._clause([*words[:at], *mark])
            is_asked = asked.kind is Kind.QUESTION or (asked.kind is Kind.SLOTS and _is_bare(asked))
            if not is_asked or not (is_marked or asked.read.skeleton.endswith(TIME)):
                continue
            told = self._clause(words[behind : len(words) - len(mark)])
            if _is_beside_it(told) and (asked.read.mentions or asked.turn.names_records or not told.mentioned):
                return [replace(asked, kind=Kind.QUESTION), told]
        return None

    def _with_time_behind(self, clauses: Sequence[Clause]) -> Turn | None:
        """Return what is asked when the time that stands alone before it is put behind it: "May: was I sad?"."""
        if len(clauses) != 2 or clauses[1].kind is not Kind.QUESTION:  # noqa: PLR2004 - the time, and the question
            return None
        time, asked = (each.read for each in clauses)
        if asked.times.periods or asked.times.relative or not _BARE_TIME.fullmatch(time.skeleton):
            return None
        words = list(asked.spoken)
        mark = words[-1:] if words[-1:] == ["?"] else []
        whole = self._clause([*words[: len(words) - len(mark)], *time.spoken, *mark])
        is_plain = whole.turn.intent is not None and not whole.turn.unexplained
        return whole.turn if is_plain and likeliest(self._weighed(whole.turn, whole))[0] is whole.turn.intent else None

    def _behind_an_aside(self) -> Turn | None:
        """Return what is asked behind what is told, if by itself it weighs for the records, as the whole does not."""
        for parts in openings(self._message.parts[-1]):
            if not self._partings_left:
                break
            self._partings_left -= 1
            before, behind = (self._message.repaired(words_of(part), self.lexicon) for part in parts)
            told, asked = self._clause(before[-_PART_WORDS_MAX:]), self._clause(behind[:_PART_WORDS_MAX])
            is_told = told.kind in {Kind.TOLD, Kind.PLEASANTRY, Kind.REFUSED} and ASKING.match(parts[0]) is None
            if not is_told or asked.kind is not Kind.QUESTION:
                continue
            turn = joined([told, asked], 1, asked, self._message.now.date())
            if turn.intent is not None and likeliest(self._weighed(turn, asked))[0] is turn.intent:
                return turn
        return None

    def _around_an_aside(self) -> Turn | None:
        """Return what is asked, if without what it only happened after it weighs for the records: "after a shift"."""
        asking, by_rules = self.heard.asking, self.heard.by_rules
        if asking is not self.heard.whole:
            return None
        spoken = " ".join(asking.read.spoken)
        bare = _HAPPENED.sub(" ", spoken).split()
        if len(bare) == len(asking.read.spoken):
            return None
        clause = self._clause(bare)
        is_same = clause.mentioned == asking.mentioned and clause.read.times.periods == asking.read.times.periods
        turn = clause.turn
        if not is_same or turn.intent is not by_rules.intent or not turn.symptoms or turn.unexplained:
            return None
        weighed = self._weighed(by_rules, clause)
        is_settled = replace(self.heard, by_rules=turn, asking=clause).is_settled(weighed, follows=False)
        return by_rules if is_settled or likeliest(weighed)[0] is by_rules.intent else None

    def _clause(self, words: Sequence[str]) -> Clause:
        key = tuple(words[-_WORDS_MAX:])
        if key not in self._clauses:
            self._message.work.clauses += 1
            self._message.work.words += len(key)
            self._clauses[key] = read_clause(key, self._message.now, self.lexicon)
        return self._clauses[key]

    def _weighed(self, by_rules: Turn, clause: Clause) -> Mapping[Intent, float]:
        """Return the log-odds of each intent; an emergency has some ahead."""
        key = by_rules.intent, id(clause)
        if key not in self._odds:
            self._message.work.weighed += 1
            read = clause.read
            odds = weigh((*features(read.skeleton, read.spoken), *voices(by_rules, clause)))
            odds[Intent.EMERGENCY] += _ahead_of_others(by_rules, clause)
            if _danger_ahead(odds) > -NEAR and self._is_taken_back:
                odds[Intent.EMERGENCY] += _TAKEN_BACK_AHEAD
            self._odds[key] = odds
        return self._odds[key]


def _is_bare(slots: Clause) -> bool:
    """Tell slots and little else: a symptom, a time, or what is meant with what is not ("not coughs, wheezes")."""
    is_put_in_place = slots.read.spoken[0] == "not" and bool(slots.turn.excluded and slots.turn.symptoms)
    return slots.corrects or is_put_in_place or _BARE_SLOTS.fullmatch(unframed(slots.read.skeleton)) is not None


def _is_to_come(told: Clause, today: date) -> bool:
    """Tell what is yet to happen, though its date was read as one that is over: "operation booked for 5 May"."""
    end = told.read.times.periods[-1].end if told.read.times.periods else None
    is_over = end is not None and end <= today
    return is_over and _TO_COME.search(told.read.skeleton) is not None and not _PAST.search(told.read.skeleton)


def _is_beside_it(told: Clause) -> bool:
    """Tell what is said and neither asks for more nor says when or how bad."""
    read = told.read
    if read.spoken[:1] and read.spoken[0] in {"asking", "signed"}:
        return told.kind not in ASKS
    is_slot = read.times.periods or read.times.relative or read.min_severity is not None
    is_more = bool(is_slot or told.corrects)
    return told.kind is Kind.TOLD and (not is_more or says_danger([read.spoken]))


def _ahead_of_others(by_rules: Turn, clause: Clause) -> float:
    """Return how far an emergency is ahead: less where the rules see it already, more where it sounds like a question.

    Those who are in danger ask, too ("where do I press, it spurts"), and what asks is mostly learnt to be none.
    """
    if by_rules.intent is Intent.EMERGENCY:
        return _SEEN_AHEAD
    if says_well(clause.read.spoken) or _is_mild(clause) or _TAKES_BACK.fullmatch(clause.read.skeleton):
        return _WELL_AHEAD
    return _ASKED_AHEAD if clause.kind in {Kind.QUESTION, Kind.REFUSED} else _TOLD_AHEAD


def _is_mild(clause: Clause) -> bool:
    """Tell what names mild symptoms and no more: "my eyes were sore and my nose running"."""
    mentioned = clause.mentioned
    return bool(mentioned) and _MILD.issuperset(mentioned) and _SAYS_NO_MORE.fullmatch(clause.read.skeleton) is not None


def voices(by_rules: Turn, clause: Clause) -> Iterator[str]:
    """Yield what the rules say, to be weighed as words are: the intent, the clause's kind and cue, and words unread."""
    yield f"*rules {by_rules.intent or Intent.LIST}"
    yield f"*kind {clause.kind.name.lower()}"
    asked = clause.turn if clause.kind in {Kind.QUESTION, Kind.SLOTS} else clause.read.as_question()
    yield f"*cue {asked.cue}"
    for count in range(1, min(_UNREAD_MAX, len(asked.unexplained)) + 1):
        yield f"*unread {count}"


def _carries_slots(by_rules: Turn, asking: Clause) -> bool:
    """Tell slots alone, told as it seems, which have the intent of the question before: "ta love, and in April?"."""
    is_told = by_rules.intent is Intent.OUT_OF_SCOPE and asking.read.says_slots
    return is_told and asking.read.as_question().cue is None


def _few(parts: Sequence[str]) -> list[str]:
    """Return the sentences, those before the last ones joined where there are too many."""
    early, late = parts[:-_SENTENCES_MAX], parts[-_SENTENCES_MAX:]
    step = -(-len(early) // (_DANGER_SENTENCES_MAX - _SENTENCES_MAX)) or 1
    return [*(" ".join(early[at : at + step]) for at in range(0, len(early), step)), *late]


def _ends(spoken: list[list[str]], words_max: int) -> list[list[str]]:
    """Return the words of each sentence, of all no more than ``words_max`` at either end."""
    middle = sum(map(len, spoken)) - 2 * words_max
    if middle <= 0:
        return spoken
    at, kept = 0, []
    for words in spoken:
        first, last = words_max - at, words_max + middle - at
        kept.append([word for k, word in enumerate(words) if k < first or k >= last])
        at += len(words)
    return kept


def _danger_ahead(weighed: Mapping[Intent, float]) -> float:
    """Return by how much an emergency is ahead of all else."""
    return weighed[Intent.EMERGENCY] - max(odds for intent, odds in weighed.items() if intent is not Intent.EMERGENCY)


def _agreed(heard: Heard, weighed: Mapping[Intent, float]) -> Turn:
    """Return what the rules say, unless the words weigh for another intent; the next likeliest is its rival if near."""
    likely, second = likeliest(weighed)[:2]
    rival = second if weighed[likely] - weighed[second] < NEAR else None
    by_rules = heard.by_rules
    said = by_rules.intent or Intent.LIST
    if likely is said:
        return replace(by_rules, rival=rival)
    is_refused_barely = likely is Intent.OUT_OF_SCOPE and rival is by_rules.intent and heard.asking is heard.whole
    if is_refused_barely and _is_plain(by_rules):
        return by_rules
    if likely.asks_for_data:
        is_read = heard.turn.intent is None or heard.turn.intent.asks_for_data
        turn = heard.turn if is_read else heard.asking.read.as_question()
        is_doubtful = turn.is_doubtful or bool(by_rules.unknown)
        if likely is Intent.DURATION_SINCE and turn.excluded and not turn.symptoms:  # "not coughed for how long"
            turn = replace(turn, symptoms=turn.excluded, excluded=())
        if likely is Intent.LIST and turn.cue is None:  # no word asks for a list, which all questions are that say none
            return replace(turn, intent=None, rival=rival, is_doubtful=is_doubtful)
        return replace(turn, intent=likely, cue=likely, rival=rival, is_doubtful=is_doubtful)
    may_ask = rival is not None and rival.asks_for_data
    cue, told = (rival, heard.asking.mentioned) if may_ask else (by_rules.cue, ())
    return replace(by_rules, intent=likely, symptoms=(), cue=cue, told=told, rival=rival)


def _is_plain(turn: Turn) -> bool:
    """Tell a question about the records of a symptom, of which no word is unknown."""
    return turn.intent in _PLAINLY_ASKED and bool(turn.symptoms) and not turn.unexplained


def _is_our_own(message: Message, turn: Turn) -> bool:
    """Tell a question as the chat itself words it, on its buttons: then it means what it was made of."""
    if turn.intent is not None and not turn.intent.asks_for_data:
        return False
    today = message.now.date()
    question = question_words(frame_of(turn, Conversation(), today), today)
    return words_of(question) == [*chain.from_iterable(message.typed)]
