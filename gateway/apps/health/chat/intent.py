"""What is wanted, told by ordered cues over what times, severities and symptoms have left of a text.

The text arrives as a skeleton: ``how many <symptom> <time> ?``. The cues are in cues.toml; the first that fits decides.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from typing import Final

from bridge.contracts.operation import Model
from gateway.apps.health.chat.frame import Intent
from gateway.apps.health.chat.normalise import stem
from gateway.apps.health.chat.patterns import FOLDER, any_of, recognised

_POLITE: Final = r"^((please|ok|okay|so|and|now|hi|hello|hey|well|oh|um|oops|sorry|then|also|just|thanks|,|!) )*"
_ASKED: Final = (
    rf"{_POLITE}((can|could|will|would) (you|i) (please )?(just )?|i (want|need|would like|d like) (you )?to "
    r"|help me (to )?|let me |let us )?"
)


class _Greeting(Model):
    warm: tuple[str, ...]
    starts: tuple[str, ...]
    parts: tuple[str, ...]


class _Framing(Model):
    before: tuple[str, ...]
    behind: tuple[str, ...]


class _Cues(Model):
    out_of_scope: dict[str, tuple[str, ...]]
    intent: dict[Intent, tuple[str, ...]]
    greeting: _Greeting
    framing: _Framing


_CUES: Final = _Cues.model_validate(tomllib.loads((FOLDER / "cues.toml").read_text("utf-8")))
_OUT_OF_SCOPE: Final = {
    topic: any_of(cue.replace("<asked>", _ASKED) for cue in cues) for topic, cues in _CUES.out_of_scope.items()
}
_TOPICS: Final = frozenset({"medication", "measurements", "food, drink and habits", "care", "the world"})
"""What is out of scope by its subject, and may stand in an aside: "headaches after I stopped coffee"."""
_ASIDE: Final = recognised(
    r"\b(after|before|during|while|when|since|because|at|in|with|from|despite|without|following|around|like"
    r"|for my|for the|about which) "
    r"(?!(i|did|was|my|the|a)? ?<)((?!how|when|what|which|did|was|were|<)\w+ ){1,5}?(?=<|[?,;]|and\b|$)"
    r"|(?<=<symptom> )(after|before|during|following) (?!how|when|what|which)(\w+ ){0,2}\w+$"
    r"|(?<!\bhow long )\b(since|after|before|while|because) (i|we) (?!last\b|had\b|have\b|first\b)(\w+ ){0,3}\w+"
    r"( [?])?$"
)
CARERS: Final = (
    r"(doctors?|gp|dr|surgeon|nurse|consultant|physio\w*|dentist|optician|specialist|therapist|counsellor|hospital|clinic|surgery"
    r"|insurance|insurers?|employer|boss|hr|occupational health|pharmacist|midwife|osteopath|chiropractor|\w+ologist"
    r"|wife|husband|partner|mum|mom|dad|daughter|son|sister|brother|friend|form|letter|report"
    r"|grand(?:son|daughter|ma|pa|mother|father|ad|child)|gran|nan|granny|nursery|school|teacher|podiatrist|chiropodist"
    r"|\w+iatrist|paediatrician|dieti[ct]ian|health visitor|matron|hubby|missus|mother|father|auntie?|uncle|niece"
    r"|nephew|neighbou?r|carer|mother in law|cousin|lad|lass|man|lady)"
)
_LINK: Final = r"(?: ?[,:;?!.-]| (?:so|and|but|that|then)\b)*"
_FRAME_BEFORE: Final = recognised(
    rf"{_POLITE}(?:(?:{'|'.join(cue.replace('<carer>', CARERS) for cue in _CUES.framing.before)})(?!\w){_LINK} ?)+"
)
_FRAME_BEHIND: Final = recognised(
    r"(?=[ ,:;?!.-])"  # where a link or a word may begin: no other place is tried
    rf"(?:{_LINK} (?:{'|'.join(cue.replace('<carer>', CARERS) for cue in _CUES.framing.behind)})(?!\w))+{_LINK}$"
)
_ENDS_WITH_IF: Final = recognised(r"\b(if|whether|(right|correct|wrong|mistaken|true)( (in|to) \w+)?( that)?) ?$")
"""Then a statement is what is asked: "can you tell me if I had a headache", "am I right that I had one"."""
_ASKED_FOR: Final = recognised(
    rf"\b(my |the |a |our )?{CARERS}( people| company| lady| man| appointment| form)? "
    r"(just |also |has |have |is |are )*(wants?|needs?|asks?|asked|asking|wanted|needed|keeps asking|would like|likes)"
    r"( me)?( to (know|see|have)| for| about)?"
    rf"|\b(tell|telling|show|let|update|inform|remind|help) (my |the |a |our )?{CARERS}( know)?"
    r"|^(so |ok |hi |and )*(for|before|ahead of|at|in time for) (i (see|go to|meet|visit|speak to|talk to) )?"
    rf"(my |the |a )?(\w+ )?{CARERS}( appointment| visit| meeting| review| form| check up| tomorrow| <time>)* ?[,:-]"
    r"|^(so |ok |hi |and )*(i am |am |we are )?(seeing|meeting|visiting|off to|going to( see)?|i have|i have got|got) "
    rf"(my |the |a |an )?{CARERS}( appointment| visit| meeting| review)?( about \w+)?"
    r"( (tomorrow|later|soon|today|<time>|next \w+))* ?(,|so\b|and\b|-)"
)
"""Who wants to know, and what for, which is no part of the question."""
_ANCHOR: Final = recognised(r"<symptom>|\b(symptoms?|entr(y|ies)|records?|diary|logged|recorded)\b")
_HELP: Final = any_of(_CUES.intent[Intent.HELP])
_OF_ASKING: Final = recognised(
    r"\b(ask|use|phrase|word|type|query|filter|understand|handle|cope|accept|recogni[sz]e|read|able|write|search|say)\b"
)
_RULES: Final = tuple((intent, any_of(cues)) for intent, cues in _CUES.intent.items() if intent is not Intent.HELP)
_SMALL: Final = r"((oh|well|ok|okay|all right|alright|right|ah|um|and|aw|ha|,|!) )*"
_WARM: Final = recognised(
    rf"{_SMALL}(?:{'|'.join(_CUES.greeting.warm)}|(?:{'|'.join(_CUES.greeting.starts)}) ?(?:[,!.]|$))(?!\w)"
)
_STARTS_GREETING: Final = recognised(rf"{_SMALL}(?:{'|'.join((*_CUES.greeting.warm, *_CUES.greeting.starts))})(?!\w)")
_GREETS: Final = recognised(rf"(?:{'|'.join((*_CUES.greeting.warm, *_CUES.greeting.parts))}|[!,?.:;&-])(?: |$)")
_WAS_WANTED: Final = recognised(r"\b(that is )?(exactly |just )?what i (wanted|needed|was after|was looking for)\b")
_AFTER_WARM_MAX: Final = 9
"""Words that may follow a greeting and say nothing."""
_WORTH_READING: Final = 3
_NO_GREETING: Final = recognised(
    r"[?]|<symptom>|<least>|\b(how|what|when|which|show|list|give|tell|can|could|count|compare|plot|chart|graph"
    r"|draw|total|average|worst|last|first|latest|trend|more|less|versus|overall|ever|did|was there"
    r"|any|i (have|had|feel|felt"
    r"|am|do|did|want|got|can|could|just|keep)|my \w+ (is|are|has|was|hurts?)|it (is|was|hurts?)|but|actually|only)\b"
)
_UNTIL_THEN: Final = recognised(
    r"\b(?:speak|talk|chat|see (?:you|u|ya)|catch (?:you|u|ya)|until|till|back|more) (?:again |to you |with you )?"
    r"(?:tomorrow|next (?:week|time|month))\b"
    r"|\b(?:i |we )?will (?:see (?:you|u|ya)|be (?:back|off|in touch)|ask (?:you )?(?:more|again)|come back|speak|talk"
    r"|chat|check in|pop back|let you go|leave you)\b"
    r"(?: (?:later|soon|again|then|tomorrow|to you|with you|(?:on )?<time>|to it|in peace|alone))*"
)
"""When somebody who takes leave will be back, which predicts nothing."""
_TAKES_A_TIME: Final = recognised(
    rf"{_SMALL}(see|have|enjoy|chat|happy|merry|until|till|talk|speak|bye|good|i hope|hope)\b"
)

_I_WANT: Final = r"i (want|need|wanted|am after|am looking for)( ?[,.?!]| <time>| please| really|$)"
"""What stands before is asked for: "it's the knees I want"."""
_STATES: Final = recognised(
    rf"{_POLITE}((i|we) (?!(want|need|wonder|wish|would|wanna|mean|meant|d|was (wondering|curious)"
    r"|am (wondering|curious|looking|after|interested|trying|asking))\b)(\w|<symptom>)"
    r"|my (<symptom>|\w+) (is|are|was|were|has|feels|hurts)\b"
    r"|<symptom> (is|are|was|were|has been) (back|bad|gone|really|so|very|\w+ly|horrible|awful|terrible|the worst"
    r"|a pain"
    rf"|such|no fun|hell)|it (hurts|was|is)\b(?!.*<symptom> (that )?{_I_WANT})"
    r"|there is|(this|that) (is|was|has)\b)(?!.*([?]|\bhow (long|many|often"
    r"|bad)\b|\b(wants?|needs?|asks?|asking|asked|requires?) (me )?(for |to know )?(the |my |any )?(dates?|number"
    r"|count|list|details|records?|entries)\b"
    r"|\b(did|have|had|was|were|am|do|has|is) (not )?(i|it|they|there|we)( [?])?$))"
)
_TELLS_IN_SHORT: Final = recognised(
    rf"{_POLITE}(woke|woken|got|had(?! i)|having|feeling|feel|felt|been|still (have|got|feel)|just had|started with) "
    r"(up )?(\w+ ){0,2}<symptom>(?!.*[?])"
)
"""The same without its subject: "woke up with a sore throat"."""
_DID: Final = recognised(
    rf"{_POLITE}(just )?(cut|hit|banged|bumped|knocked|broke|burn(t|ed)|fell|slipped|tripped|took|taking|went|going|saw"
    r"|seeing|ate|eating|drank|drove|ran|walked|slept|worked|stayed|came|left|lost|saved|made|bought|thinking of"
    r"|trying to|giving up|gave up|cutting out|watched|read|heard) "
    r"(?!me\b|through\b|over\b|out\b|up\b|any\b|all\b|last\b|<)\w+"
)
"""What somebody did, without its subject: "cut my knee at football last week"."""
_LETS_KNOW: Final = recognised(
    rf"{_POLITE}(just )?(letting|let|telling|informing) (you|u|ye) (to )?know\b(?! (what|when|how|if|about|the|your)\b)"
    r"(?!.*[?])"
)
"""What is told, and no more: "just letting you know my throat is sore"."""
_IS_FREE: Final = recognised(
    rf"{_POLITE}(still |thankfully |luckily )?no (more )?<symptom> (<time>|at all|so far|yet|thank\w*|touch wood)"
    r"(?!.*[?])"
    rf"|{_POLITE}<symptom> (back )?again( [!.])?$"
    rf"|{_POLITE}(can|could) (<symptom>|not (for the life of me )?(remember|recall|tell you|say|be (sure|certain)))"
    r"( (at all|a thing|anything|which|exactly|now|myself|for sure|lately|these days|any ?more))*( [!.])?$"
)
"""Somebody glad or not: "no chest pain today", "bloated again", "can't remember a thing" with the "not" in the mark."""
_TELLS: Final = recognised(
    rf"{_POLITE}((my|the|this|these|his|her) (\w+ ){{1,3}}|it |that |there |he |she |they )"
    r"(hurts?|aches?|ached|is|are|was|were|has|have|had|feels?|felt|keeps?|kept|went|got|gets|came|comes|started"
    r"|stopped"
    r"|returned|asked|asks|says|said|wants|wanted|thinks|trembled|started|made|makes|needs)\b"
)
"""A subject and its verb, in plain words."""
_ASKED_WITH: Final = recognised(
    r"[?]|\b(did|have|had|was|were|am|do|has|is) (not )?(i|it|they|there|we)$"
    r"|\b(yes or no|or not|(was|did|were|is|have|has|do) not (i|it|there|that)|how|when|what|which|whats|show"
    r"|list|count|compare|plot|chart|graph|draw|average|versus|vs|total|tot|add|number of|last|first|latest|worst"
    rf"|most|any|did|ever|often)\b|\b{_I_WANT}"
)
_HAS_RECORDS: Final = recognised(r" (?:records|entries|symptoms?|diary|log|history)(?!\w)")
_OF_SOMEBODY: Final = re.compile(
    r"(?<!\bhi )(?<!\bhello )(?<!\bhey )(?<!\bthanks )(?<!\bok )\b(\w+)"
    r"(?: (?:whole|full|latest|last|recent|old|entire))?"
    rf"{_HAS_RECORDS.pattern}"
)
"""What belongs to somebody who is called by name: "Dave's symptoms"."""
_NAMES_DISEASE: Final = recognised(
    r"^(is|are|was|were) (my|this|the|it|that|these) ?<symptom> (an? |the )?[a-z]+ ?[?]?$"
)
_REMINDS_TO: Final = recognised(
    r"^((please|and|so|ok|now|then|(can|could|will|would) you|,) )*remind me( (please|at|on|again|<time>|\d+))* to "
)
"""What is to be done, and not seen: "remind me on Friday to fill in the diary"."""
_DELETES: Final = recognised(
    rf"{_ASKED}(delete|erase|wipe|scrub|rub|expunge|purge|shred|obliterate)( out| off| away)? "
    r"(all|every\w*|the|my|any|that|those|this|these|it|them|<symptom>|<time>)"
)
"""No records are deleted here, and no question begins so."""
_RINGS_FOR_ONE: Final = recognised(
    rf"{_ASKED}(ring|call|phone|text|email|message|contact) (up )?(my |the |our |a )?{CARERS}(?!\w)(?!.*<symptom>)"
)
"""A call that somebody else is to make: "phone the dentist and get me in for Friday"."""
_OF_THE_CALENDAR: Final = recognised(
    rf"{_POLITE}(what|which) ((week)?day|date) (is|was|does|did|will) (the )?<time>( <time>)?"
    r"( (be|fall|land|come|this|next|<time>|year|on|in))*( [?])?$"
    rf"|{_POLITE}what is the (date|day|weekday) (of |on |for )?(the )?<time>( (this|next|<time>|year|on|in))*( [?])?$"
    rf"|{_POLITE}when (is|does|will) (the )?<time>( (be|fall|start|begin))?( (this|next) year)?( [?])?$"
)
"""What a calendar tells: "what's the date of Easter next year?"."""
_READ_OFF: Final = recognised(
    r"\bwhat (exactly )?(did|does|was|is) (on )?(the|my) (thermometer|(bathroom )?scales|monitor|cuff|meter|oximeter)\b"
)
"""What an instrument shows: "what did the thermometer say"."""
_HOW_ROUGHLY: Final = recognised(
    r"(?:(?<=\bhow bad)|(?<=\bhow (?:long|many|much))|(?<=\bhow often)) "
    r"(?:now|exactly|actually|roughly|precisely|about|approximately|then"
    r"|ish|on earth)\b"
)
"""What adds nothing to what is asked: "how long now since"."""
_WANTED: Final = (
    r"(?:the |my )?(?:first|last|latest|earliest|worst|average|total|count|number|dates?|list"
    r"|how (?:many|often|bad|long))(?: (?:one|time|bit|part))?"
)
_DENIED: Final = recognised(
    rf"\bnot {_WANTED}(?: ?[,;-]| but| i mean(?:t)?)+ (?=[\w<])|(?<=\w)(?: ?,)?(?: and)? not {_WANTED}(?: [?!])?$"
)
"""What is not wanted: "not the first, the last one", "the last, not the first"."""
_SUM: Final = recognised(r"(what is |how much is )?\d+( (x|times|plus|minus|divided by) \d+)+( [?])?$")
_MARK: Final = recognised(r"<\w+>")
_DOUBTED: Final = recognised(
    r" ?,? or (did|was|am|have) i (just |only )?(dream\w*|imagin\w*|mak\w*|misremember\w*|go\w* (mad|daft)|mistaken"
    r"|wrong)( it| that| things| up)*(?= ?[?]?$)"
)
"""Behind what is told, it asks whether that is so: "I was sick on Monday, or did I dream it?"."""
_NAMES_SELF: Final = recognised(r"(?<=\bmeet you) ?,? (i am|my name is|this is|it is) \w+( here)?(?= [!.]|$)")
_WISHES: Final = recognised(
    r"[?]|\b(can|could|should|would|will|must|may|might|please|need|want|put|log|record|note|set|book|call|ring|give|get"
    r"|order|buy|remind|change|delete|remove|add|send)\b|^(is|are|do|does|was|were|am)\b"
)
_BEHIND_A_QUESTION: Final = recognised(
    r" ,? ?(because|as|since|so|for|only|and)? ?(?:i|my|it) (?:have|has|am|is|was|feel|felt|keep)\b"
)
_OF_WHAT_WAS: Final = recognised(
    r"((and|so|just|please|can you|could you|will you) )*(list|show|count|plot|chart|graph|draw|compare)( me)?"
    r" (them|it|those|that|these)( all| out)?( please)?( [?])?"
)
"""What is asked of what was asked before: "list them"."""


def unframed(skeleton: str) -> str:
    """Return the text without what politeness, doubt and reasons put around a question; as it is if that is all."""
    bare = _FRAME_BEHIND.sub("", skeleton)
    bare = _DOUBTED.sub("", bare) if " or " in bare else bare
    led = _FRAME_BEFORE.match(bare)
    if led is not None:
        bare = ("did " if _ENDS_WITH_IF.search(led[0]) else "") + bare[led.end() :]
    if not _MARK.search(bare) and not _OF_WHAT_WAS.fullmatch(bare):
        return skeleton
    return f"{bare} ?" if skeleton.endswith("?") and not bare.endswith("?") else bare


def cue_of(skeleton: str) -> Intent | None:
    """Return the intent that the words say, or None where they say none."""
    skeleton = _HOW_ROUGHLY.sub("", skeleton) if "how " in skeleton else skeleton
    skeleton = _DENIED.sub(" ", skeleton) if "not " in skeleton else skeleton
    for intent, pattern in _RULES:
        if pattern.search(skeleton):
            return intent
    return None


def denies(skeleton: str) -> bool:
    """Tell a text that says what is not wanted, and what is."""
    return "not " in skeleton and _DENIED.search(skeleton) is not None


def is_help(skeleton: str) -> bool:
    """Tell a question about the chat itself; one that names a time is, if it is about asking."""
    if "<symptom>" in skeleton or ("<time>" in skeleton and not _OF_ASKING.search(skeleton)):
        return False
    return _HELP.search(skeleton) is not None


def is_greeting(skeleton: str) -> bool:
    """Tell a text of pleasantries and nothing else."""
    if not _STARTS_GREETING.match(skeleton):
        return False
    skeleton = _NAMES_SELF.sub("", skeleton)
    warm = _WARM.match(skeleton)
    if warm is not None:
        rest = _UNTIL_THEN.sub("", _WAS_WANTED.sub("", skeleton[warm.end() :]))
        if (
            "<time>" in rest
            and not _TAKES_A_TIME.match(skeleton)
            and re.search(r"\b(all|it|enough|everything)( for)? <time>( ?[,!.].*)?$", skeleton) is None
        ):
            return False
        if (
            len(rest.split()) <= _AFTER_WARM_MAX
            and not _NO_GREETING.search(rest)
            and (len(rest.split()) < _WORTH_READING or not is_out_of_scope(rest.strip()))
        ):
            return True
    at = 0
    while at < len(skeleton):
        found = _GREETS.match(skeleton, at)
        if found is None:
            return False
        at = found.end()
    return True


def is_out_of_scope(skeleton: str) -> bool:
    """Tell what these records cannot answer: writes, advice, causes, predictions, medication and the world."""
    if _ANCHOR.search(skeleton):
        skeleton = _ASKED_FOR.sub(" ", skeleton).strip()
        plain = _ASIDE.sub(" ", skeleton)
    else:
        plain = skeleton
    if _is_of_somebody(skeleton):
        return True
    if any(pattern.search(plain if topic in _TOPICS else skeleton) for topic, pattern in _OUT_OF_SCOPE.items()):
        return True
    return _NAMES_DISEASE.match(skeleton) is not None and cue_of(skeleton) is None


def is_only_named(skeleton: str) -> bool:
    """Tell words that only name what is out of scope, and ask nothing: "menopause clinic, you see"."""
    if _WISHES.search(skeleton) or _ASKED_WITH.search(skeleton):
        return False
    return not any(pattern.search(skeleton) for topic, pattern in _OUT_OF_SCOPE.items() if topic not in _TOPICS)


def is_measured(skeleton: str) -> bool:
    """Tell a question about what is measured, such as weight, or first of all medication; and no records; or a sum.

    What stands in an aside behind it does not count: "did I weigh more, I have been bloated".
    """
    skeleton = _BEHIND_A_QUESTION.split(skeleton, maxsplit=1)[0]
    if _ANCHOR.search(skeleton) is not None:
        return False
    is_first = _OUT_OF_SCOPE["medication"].match(skeleton) is not None
    return is_first or _OUT_OF_SCOPE["measurements"].search(skeleton) is not None or _SUM.match(skeleton) is not None


def is_plainly_refused(skeleton: str) -> bool:
    """Tell a wish that records be gone ("scrub out all the headaches"), and one for those of somebody else.

    Also what a calendar or an instrument tells, a call that is to be made, and a wish to be reminded to do something.
    """
    plainly = (_OF_THE_CALENDAR, _RINGS_FOR_ONE, _REMINDS_TO, _DELETES)
    is_plain = any(each.match(skeleton) is not None for each in plainly) or _READ_OFF.search(skeleton) is not None
    return is_plain or _is_of_somebody(skeleton)


def _is_of_somebody(skeleton: str) -> bool:
    if _HAS_RECORDS.search(skeleton) is None:
        return False
    return any(found[1] in _people() for found in _OF_SOMEBODY.finditer(skeleton))


def is_statement(skeleton: str) -> bool:
    """Tell something said without asking."""
    if any(each.match(skeleton) is not None for each in (_STATES, _IS_FREE, _LETS_KNOW)):
        return True
    if _ASKED_WITH.search(skeleton) is not None:
        return False
    return _DID.match(skeleton) is not None or (
        _TELLS_IN_SHORT.match(skeleton) is not None and "<time>" not in skeleton
    )


def tells(text: str) -> bool:
    """Tell plain words that say how things are: "the chills came back last night"."""
    return _TELLS.match(text) is not None and _ASKED_WITH.search(text) is None


def unexplained(skeleton: str) -> list[str]:
    """Return the words that no step knows, in order."""
    words = _MARK.sub(" ", skeleton).split()
    known = _explained_stems()
    return [word for word in words if len(word) > 1 and word.isalpha() and stem(word) not in known]


@cache
def ordinary_words() -> frozenset[str]:
    """Return the everyday words and the words of questions, which mean themselves and are never misspelt symptoms."""
    return frozenset((FOLDER / "words.txt").read_text("utf-8").split("# protected")[0].split())


@cache
def _people() -> frozenset[str]:
    """Return first names, without those that are words as well."""
    return frozenset((FOLDER / "words.txt").read_text("utf-8").split("# people")[1].split())


@cache
def cue_words() -> frozenset[str]:
    """Return the words that the cues look for, which are right as they are."""
    return frozenset(re.findall(r"[a-z]{2,}", (FOLDER / "cues.toml").read_text("utf-8")))


@cache
def _asking_words() -> frozenset[str]:
    """Return the stems of the words that cues for intents look for."""
    return frozenset(
        stem(word) for cues in _CUES.intent.values() for cue in cues for word in re.findall(r"[a-z]{3,}", cue)
    )


@cache
def _pleasant_words() -> frozenset[str]:
    pleasantries = (*_CUES.greeting.warm, *_CUES.greeting.starts)
    return frozenset(stem(word) for cue in pleasantries for word in re.findall(r"[a-z]{3,}", cue))


@cache
def protected_words() -> frozenset[str]:
    """Return words that are correct but say nothing about records: left alone by the repair, explained by nobody."""
    named = (FOLDER / "words.txt").read_text("utf-8").split("# protected")[1].replace("# people", "")
    common = (line for line in (FOLDER / "english.txt").read_text("utf-8").splitlines() if not line.startswith("#"))
    return frozenset(" ".join((named, *common)).split())


@cache
def _explained_stems() -> frozenset[str]:
    return frozenset(map(stem, ordinary_words())) | _asking_words() | _pleasant_words()
