"""Real words that stand for another one by mistake or by dialect, told by the words beside them.

No repair finds these, since each is spelt right: "last weak", "the moth before", "more then 6", "ma back".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

_ENDS: Final = (
    r"(?=$| [?!,;:-]| (?:before|after|ago|prior|earlier|later|only|please|and|or|so|than|then|that|which|in|on|at|from"
    r"|to|with|for|was|were|did|is|are|how|i|my|compared|versus|instead|but|what|when|show|does|do|have|had)\b)"
)
"""What may stand behind a time, and not between an adjective and its noun."""
_MANY: Final = r"\d+|two|three|four|five|six|seven|eight|nine|ten|few|couple|couple of|several"
_NOUNS: Final = r"weeks?|months?|days?|nights?|years?|hours?"
_NAMED: Final = (
    r"(?:the )?\d|january|february|march|april|may|june|july|august|september|october|november|december|jan|feb|apr"
    r"|jun|jul|aug|sept?|oct|nov|dec|monday|tuesday|wednesday|thursday|friday|saturday|sunday|last\b|yesterday"
)
_BODY: Final = (
    r"legs?|arms?|hands?|knees?|wrists?|ankles?|muscles?|grip|back|thighs?|calves|feet|fingers|neck|voice|body|limbs"
)
_MAS_VERBS: Final = (
    r"is|has|have|had|was|fell|can|could|will|would|does|did|do|just|keeps?|kept|looks?|says?|said|feels?|felt|got|gets"
    r"|went|goes|hit|took|ate|drank|needs?|wants?|and|not|still|might|may|must|isnt|now|unconscious|unresponsive"
    r"|breathless|blue|grey|limp|floppy|out|on|in|\w+(?:ed|ing)|chokin|bleedin|faintin|fittin"
)
_NO_THAN: Final = (
    r"(?:and|i|it|he|she|they|we|there|c[ao]me|went|go|got|gets?|start\w*|stop\w*|return\w*|worse\w*|better|flar\w+|list"
    r"|show|plot|how|what|when|by|after|once|again|suddenly|all|the worst|nothing|gone)\b"
)
"""What goes on behind "then": "it got better then came back"."""
_FEASTS: Final = r"(?:christmas|xmas|easter|new year|halloween)\b"
_MONTH_NAMES: Final = "january|february|march|april|may|june|july|august|september|october|november|december"
_TODAY: Final = (
    r"(?:(?:a |the )?(?:mon|tues|wednes|thurs|fri|satur|sun)day|the \d+(?:st|nd|rd|th)(?: of \w+)?)(?: today)? ?,? "
)
"""What day it is, which nobody asks for: "this being Sunday, did I cough this weekend?"."""
_A_TIME: Final = (
    rf"(?:(?:{_MONTH_NAMES})(?: 20\d\d)?|(?:last |this |the |previous )(?:week|month|year|weekend)(?: before| after)?"
    r"(?: that)?|20\d\d|(?:last |this |the )?(?:spring|summer|autumn|winter)(?: before)?"
    r"|(?:mon|tues|wednes|thurs|fri|satur|sun)day)"
)
_IN_ITS_PLACE: Final = (
    (("change", "swap", "switch", "turn", "replace"), "(?:to|into|for|out for|with|by)"),
    (("make",), "(?:into )?"),
)
_OF_NO_EAR: Final = r"^(?!.*\b(?:ears?|lugs?|heads?|tinnitus)\b)(.*?)"
_WHOM_TO_CALL: Final = (
    r"(?=(?:me|us|him|her|back|up|round|today|tomorrow|later|soon|again|first thing|in the morning|next (?:week|month)"
    r"|(?:the|my|a|our) (?:gp|doctors?|nurse|surgery|hospital|clinic|dentist)"
    r"|on (?:mon|tues|wednes|thurs|fri|satur|sun)day)\b)"
)
"""What stands behind "ring" where no ear does: "the insurance people ring tomorrow"."""
_COULD_NOT: Final = (
    r"^((?:(?:and|so|but|ok) )*)could (?:i not|not i) (?=(?:sleep|get to sleep|eat|swallow|breathe|stop|keep)\b)"
    r"(?=.*\b(?:last|yesterday|this|in|on|at|during|over|since|ever)\b)"
)
"""What somebody was unable to do, and when: "could I not sleep last week"."""
_OOPS: Final = r"(?:(?:no|oh|oops|actually|wait|ah|well|hang on|sorry|,) )*"
_CHANGES: Final = (
    "make", "change", "set", "switch", "stretch", "extend", "widen", "lengthen", "shorten", "broaden", "expand",
    "shrink", "narrow", "cut", "trim", "reduce", "increase",
)  # fmt: skip
_AMOUNT: Final = (
    r"(?:\d+|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|eighteen|twenty|thirty|forty|sixty"
    r"|ninety|a|an|half a|(?:a )?couple(?: of)?|(?:a )?few|several|(?:a )?dozen)"
    r" (?:days|nights|weeks?|months?|years?|fortnight|hours)"
)
_POLITELY: Final = r"(?:(?:and|now|then|ok|okay|please|can you|could you) )*"
_LEADS_TO_AMOUNT: Final = (
    r"(?:(?:ok|okay|say|and|so|no|then|try|or|maybe|perhaps|what|how|about|rather|sorry|oops|actually|just|i meant?"
    r"|i said|,) )*"
)
_WISHES: Final = (
    r"(?:(?:i would|could (?:i|you|we)|can (?:i|you|we)|let us|let me) (?:rather |prefer |like )?(?:to )?"
    r"(?:have|see|say|try|do|go for|make it)? ?|give me |i (?:prefer|want|need) )?"
)
_BEHIND_AMOUNT: Final = (
    r"(?: (?:then|please|instead|now|rather|sorry|i meant?"
    r"|(?:would|might|will|is|was) (?:(?:be|do|work|suit|make|me|it|much|probably|even|a bit) )*"
    r"(?:better|best|nicer|clearer|plenty|enough|what i meant|(?:more )?(?:useful|helpful))))*(?: [?!.])?"
)
_AMOUNT_ALONE: Final = re.compile(rf"^({_LEADS_TO_AMOUNT}){_WISHES}({_AMOUNT}{_BEHIND_AMOUNT})$")
"""What is said in answer to too long or too short a time: "6 months then", "3 months would be better"."""
_COUNT: Final = r"(?:\d+|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|sixty|ninety)"
_COUNTED: Final = r"days|nights|weeks?|months?|years?"
_NOT_SO_MANY: Final = re.compile(
    rf"^{_LEADS_TO_AMOUNT}(?:not {_COUNT}(?: (?P<unit>{_COUNTED}))?(?: ,| -)? (?:but )?{_LEADS_TO_AMOUNT}"
    rf"{_WISHES}(?P<meant>{_COUNT})(?: (?P<of>{_COUNTED}))?"
    rf"|(?P<first>{_COUNT})(?: (?P<of_first>{_COUNTED}))?(?: ,| -)? (?:and )?(?:not|instead of|rather than) {_COUNT}"
    rf"(?: (?P<other>{_COUNTED}))?){_BEHIND_AMOUNT}$"
)
"""One amount in place of another, of which at least one says of what: "not six, four weeks"."""
_FEW: Final = 12
_UNITS_SAID: Final = frozenset({"days", "week", "weeks", "month", "months", "year", "years", "fortnight"})
_NO_SIDES: Final = (
    r"^(?!.*\b(?:am|is|are|was|were|have|had|do|does|did|get|getting|feel|that|it|they|this)\b.*\b(?:more|less) than)"
    r"(.*?)"
)
"""Before a span of time; "is that more than a month ago?" sets one time beside another."""
_RANGE: Final = (
    r"(?:it|that|this|them|the (?:range|window|period|time|span|timeframe|chart|graph|plot))(?: (?:out|down|back|up))?"
    r"(?: to)?(?: cover| span)? (?:the )?(?:last |past )?"
    rf"(?={_AMOUNT}(?: please| instead| now| then)*(?: [?!.])?$)"
)
"""What is made longer or shorter, and how long it is to be: "now stretch it to twelve months"."""
_MEANT: Final = tuple(
    (word, re.compile(written), instead)
    for word, written, instead in (
        *((word, rf"^({_OOPS}{_POLITELY}){word} {_RANGE}", r"\1make it the past ") for word in _CHANGES),
        *((word, rf"^({_OOPS}){word} (?:that|it)\b(?=$| [,!-]| [a-z])",
           r"\1 sorry ,") for word in ("scratch", "scrap", "strike", "nix")),
        ("scratch", r"(?<=, )scratch that\b", "sorry"),
        *((word, rf"^({_OOPS}){word} that (?:,|-) (?!please\b|now\b)",
           r"\1 sorry , ") for word in ("cancel", "undo", "disregard")),
        ("w/e", r"\bw/e(?= (?:the )?\d)", "week ending"),
        ("w/e", r"\bw/e\b", "weekend"),
        ("wc", r"\bwc(?= (?:the )?\d)", "week commencing"),
        ("com", r"\bweek com(?= (?:the )?\d)", "week commencing"),
        ("halfway", rf"\bhalfway through (?={_MONTH_NAMES})", "mid "),
        ("half", rf"\bhalf way through (?={_MONTH_NAMES})", "mid "),
        ("hundred", r"\b(?:(?:one|a) )?hundred (?=days|weeks)", "100 "),
        ("up", r"\b(?:leading|running|building) up to (?=(?:it|that|then|this)\b)", "before "),
        ("going", rf"\bgoing back (?={_AMOUNT})", "in the past "),
        *((word, rf"\b{word} (?={_NAMED}|{_FEASTS})", f"{meant} ")
          for word, meant in (("post", "after"), ("pre", "before"))),
        ("but", r"\b(?:up )?(?:to|until|till) but (?:not including|excluding)\b", "before"),
        ("rain", r"\b(?:as )?right as rain\b", "well"),
        ("daze", r"\bmany daze\b", "many days"),
        ("daze", rf"\b({_MANY}) daze\b(?= ago|{_ENDS})", r"\1 days"),
        ("1", r"\bthe 1 (?=(?:before|after)\b)", "the one "),
        ("weaks", r"\bweaks\b", "weeks"),
        ("weak", rf"^(?!.*\bwhen\b.*\b(?:i|{_BODY}) last weak\b)(.*\blast) weak{_ENDS}", r"\1 week"),
        ("weak", (rf"(?<!\bi )(?<!\bwe )(?<!\bam )(?<!\bare )(?<!\bwas )(?<!\bbeen )(?<!\bfeel )(?<!\bfelt )"
                 rf"(?<!\bfeeling )(?<!\bever )(?<!\bbe )\b(this|that) weak{_ENDS}"), r"\1 week"),
        ("weak", rf"\b(past|previous|each|every|per|same|whole|the|(?:{_MANY})) weak{_ENDS}", r"\1 week"),
        ("weak", r"\b(a|one) weak (ago|before|later|earlier|back)\b", r"\1 week \2"),
        ("weak", r"\b(times?|once|twice|days?|nights?) a weak\b", r"\1 a week"),
        ("moths", r"\bmoths\b", "months"),
        ("moth", r"\b(dry|sore|my|his|her|bad) moth\b|\bmoth(?= (?:ulcers?|sores?|hurts?|pain))", r"\1 mouth"),
        ("moth", r"\bmoth\b", "month"),
        ("mouth", rf"\b(last|this|past|previous|each|every|per) mouth{_ENDS}", r"\1 month"),
        ("mouth", r"\bthe mouth (?=(?:before|after|prior)\b)", "the month "),
        ("knight", r"\b(last|every|each|at|per|that) knight\b", r"\1 night"),
        ("too", rf"\b(last|past|previous) too (?={_NOUNS})", r"\1 two "),
        ("to", rf"\b(last|past|previous) to (?={_NOUNS})", r"\1 two "),
        ("to", r"(?<!\bday )(?<!\bnight )\bto (day|night)\b(?! to\b)", r"to\1"),
        ("yester", r"\byester day\b", "yesterday"),
        ("fort", r"\bfort night\b", "fortnight"),
        ("end", rf"\b(last|this|at the|over the|every|each) week end{_ENDS}", r"\1 weekend"),
        ("passed", rf"\b(the|this) passed (?=(?:(?:{_MANY}) )?(?:{_NOUNS})\b)", r"\1 past "),
        ("form", rf"\bform (?={_NAMED})", "from "),
        ("sins", rf"\bsins (?={_NAMED}|my\b|the\b)", "since "),
        ("hole", r"\bhole (?=(?:of\b|week|month|year|time|day))", "whole "),
        ("witch", r"\bwitch\b", "which"),
        ("weather", r"\bweather (?=(?:i|my|there|it was)\b)", "whether "),
        ("no", r"\b(to|you|let me) no (?=(?:how|when|if|what|which|whether)\b)", r"\1 know "),
        ("then", (r"\b(more|less|fewer|greater|higher|lower|worse|better|over|stronger|milder|other|rather|severer)"
                 rf"((?: often| frequent| frequently| severe| painful| \w+s)?) then (?!{_NO_THAN})(?=\w)"),
                 r"\1\2 than "),
        ("then", (r"\b(more|less|fewer|worse|better)\b((?: (?!then\b)\w+){1,6}) then "
                 rf"(?=(?:in |on |during |the |this )*(?:{_NAMED}))"), r"\1\2 than "),
        ("then", (r"\b(more|less|fewer|worse|better|\w+er)((?: \w+){0,2}) then "
                  r"(?=(?:i|it|they|he|she|we) (?:used|usually|normally)\b)"),
         r"\1\2 than "),
        ("too", r"\bused too(?= |$)", "used to"),
        ("em", (r"\b(list|show|plot|chart|graph|of|all|read|see|had|have|get|got|about|with|sort|give|compare|rank"
                r"|pull|draw|count) em\b"), r"\1 them"),
        ("an", r"\ban (?=(?:the|in|on|my|last|this|that|for|then|what|how|was|did|yesterday|which|when|with)\b)",
         "and "),
        ("an", rf"(?:^|(?<= [,;] ))an (?={_NAMED})", "and "),
        ("bowls", r"\bbowls\b(?! (?:club|match|green|team|of)\b)", "bowels"),
        *((word, rf"\b(my|both|sore|painful) {word}\b", rf"\1 {meant}") for word, meant in (
            ("heals", "heels"), ("feat", "feet"), ("tows", "toes"), ("tow", "toe"), ("hart", "heart"))),
        ("pane", r"\b(chest|back|neck|knee|joint|stomach|tummy|head|period|hip|shoulder|jaw|rib) pane\b", r"\1 pain"),
        *((word, rf"\b({_A_TIME}) {behind}(?= please| then|(?: [?!,])*$)", r"\1 only")
          for word, behind in (("alone", "alone"), ("own", "on its own"), ("itself", "by itself"))),
        ("both", (rf"^(?:(?:and|with|plus|also|take|ok|have|do|,) )*(?:in )?({_A_TIME})(?: in| too| as well| also)*"
                  r"(?: ,)? "
                  r"(?:for |so |over |,)?both(?: the)? (?:of them|together|months|weeks|weekends|years|days|seasons)"
                  r"(?: please| together)*(?: [?!.])?$"), r"include \1"),
        *((word, rf"^({_OOPS}{_POLITELY}){word} ({_A_TIME}) {link} ?({_A_TIME})(?= ?$| [?!.,]| please)",
           r"\1not \2 , \3") for words, link in _IN_ITS_PLACE for word in words),
        ("should", rf"^({_OOPS})({_A_TIME}) should (?:be|have been|say|read) ({_A_TIME})(?= ?$| [?!.,])",
         r"\1not \2 , \3"),
        ("back", r"\b(?:the )?back half\b(?= ?$| [?!.,]| only| of| please)", "the second half"),
        *((word, rf"{_OF_NO_EAR}\b{word} {_WHOM_TO_CALL}", rf"\1{meant} ")
          for word, meant in (("ring", "call"), ("rings", "calls"), ("ringing", "calling"))),
        ("its", r"\bits (?=(?:nearly|almost|not|only|just|over|now|very|really|getting)\b)", "it is "),
        ("could", _COULD_NOT, r"\1did i not "),
        ("run", r"\b(?:in |during |over )?the run up to\b", "up to"),
        ("rite", r"\brite(?= (?:down|in|it|that|about|up)\b)", "write"),
        ("rite", r"\brite\b", "right"),
        ("bin", r"\b(have|has|had|is|i|it|they|we) bin\b(?! (?:day|collection|lorry|men|man|bag)s?\b)", r"\1 been"),
        ("ad", r"\b(i|we|have) ad\b", r"\1 had"),
        ("ave", r"\b(i|we|did|you|not|to) ave\b", r"\1 have"),
        ("day", (r"(?<!\bof )(?<!\bin )(?<!\bfor )(?<!\bon )(?<!\bduring )(?<!\bthrough )(?<!\bis )(?<!\bwas )"
                 r"(?<!\bwhat )(?<!\bper )\bthe day(?= [?!]|$)"), "today"),
        ("o", r"\bo (?=(?:the|last|this|my|it|them)\b)", "of "),
        ("dey", r"\bno dey (?=\w)", "is not "),
        ("dey", r"\bdey (?!to\b)(?=\w)", "is "),
        ("e", r"(?:^|(?<= ))e (?=(?:is|don|be|no|still|never|dey)\b)", "it "),
        ("don", r"\bdon (?=(?:turn|start|stop|worse|vomit|faint|collapse|die|swell)\b)", "has "),
        ("no", r"\bi no(?= (?:i|it|that|he|she|they|you)\b|$| ,)", "i know"),
        ("na", r"^na (?=\w)", "it is "),
        ("pass", r"\b(better|worse|more|strong\w*|plenty) pass (?=before|last|the|that)", r"\1 than "),
        ("because", r" because(?= ?[?!]?$)", ""),
        *((verb, rf"\b{verb} (?=(?:those|that|the ones?|my|last|this|the (?:week|month|year)|{_MONTH_NAMES})\b)",
           "more than ")
          for verb in ("exceed", "exceeded", "surpass", "surpassed", "outstrip", "outstripped", "outdo", "outdid")),
        ("itching", r"\bitching to (?=(?:know|see|hear|find|learn)\b)", "keen to "),
        ("being", rf"^(?:and )?(?:with )?(?:this|today|it) being (?:a )?{_TODAY}", ""),
        ("is", rf"^(?:since|(?:seeing )?as|(?:seeing|given) that|because) (?:today|it) is (?:a )?{_TODAY}", ""),
        ("ago", rf"{_NO_SIDES}\b(?:less|no more|not more) than ({_AMOUNT}) ago\b", r"\1in the past \2"),
        ("ago", rf"{_NO_SIDES}\b(?:more than|over|longer than|upwards of) (?={_AMOUNT} ago\b)", r"\1before "),
        ("as", r"(?: ,)? as of (?:today|now)\b", ""),
        *((word, rf"(?: ,)? {word} (?:back )?(?:from|up to) (?:today|now)\b(?! back)", "")
          for word in ("counting", "counted", "reckoned", "measured")),
        *((word, rf" (?:(?:counting|counted|reckoned|starting) )?from (?:today|now) {word}\b", "")
          for word in ("backwards", "backward", "back")),
        ("ah", r"\b(was|did|have|had|am|do|when|could|should) ah\b", r"\1 i"),
        ("ma", rf"(?<!\bmy )(?<!\byour )(?<!\bhis )(?<!\bher )(?<!\bour )(?<!\bthe )\bma (?!(?:{_MAS_VERBS})\b)(?=\w)",
         "my "),
    )
)  # fmt: skip
_SAID: Final = ("said", "typed", "wrote", "put", "asked")
_SAID_ELSE: Final = re.compile(
    rf"^{_OOPS}i (?:said|typed|wrote|put|asked (?:for|about)) (?P<said>(?:(?!but\b|when\b)\w+ ){{1,4}}),? ?"
    r"(?:but|when) (?:(?:i|what i) (?:want|wanted|meant|mean)(?: is| was)?|it should (?:be|have been)"
    r"|it (?:is|was)(?= .* i (?:want|meant)))"
    r" (?P<meant>.*?)(?: (?:that )?i (?:want|wanted|meant|mean))?$"
)
"""Who names the wrong word and the right one: "I said neck but it's the back that I want"."""
_TRIGGERS: Final = frozenset(word for word, _, _ in _MEANT)


_FOR_ITS_LENGTH: Final = re.compile(
    r"^(?:(?:no|ok|okay|so|and|hm|,) )*(?:(?:that|it|this) (?:is|was) )?"
    r"(?:(?:a bit|a little|far|way|much|still|make it) )*(?:too )?"
    r"(?:long|longer|short|shorter|wide|wider|narrow|narrower|much|little|far back|further back)(?: ,| -) "
    rf"(?=(?:\w+ ){{0,5}}{_AMOUNT}\b)"
)
"""Why another length is wanted: "too short, make it a year"."""


def meant(words: Sequence[str]) -> list[str]:
    """Return ``words`` with those replaced that cannot be meant where they stand."""
    if words[:1] and words[0] in {"i", "oops", "sorry", "no", "ah", "oh"} and not set(_SAID).isdisjoint(words):
        words = _SAID_ELSE.sub(r"not \g<said>, \g<meant>", " ".join(words)).split()
    if len(words) <= _FEW and not _UNITS_SAID.isdisjoint(words):
        text = _NOT_SO_MANY.sub(_as_many, _FOR_ITS_LENGTH.sub("", " ".join(words)))
        words = _AMOUNT_ALONE.sub(r"\1 the past \2", text).split()
    said = _TRIGGERS.intersection(words)
    if not said:
        return list(words)
    text = " ".join(words)
    for word, written, instead in _MEANT:
        if word in said:
            text = written.sub(instead, text)
    return text.split()


def _as_many(said: re.Match[str]) -> str:
    """Return the amount that is meant where another is taken back, with its unit; without one, it may be a severity."""
    unit = said["of"] or said["of_first"] or said["unit"] or said["other"]
    return f"{said['meant'] or said['first']} {unit}" if unit else said[0]
