"""The fixed list: what can be asked for, by whom, on which host. Console and helper both parse by it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from rescue.settings import Host
from rescue.units import CONTROLLED, LOGGED
from rescue.words import Address, Choice, Kind, Matching, Number, Refused

YES: Final = "--yes"


class Role(StrEnum):
    """Who holds a key of the rescue sshd: its ``command="…"`` in rescue_keys, the owner's having none."""

    OWNER = "owner"
    KEEP = "keep"
    SELFTEST = "selftest"


_PEOPLE: Final = frozenset({Role.OWNER, Role.KEEP})
_MACHINE: Final = frozenset({Role.KEEP})
_BOTH: Final = (Host.DOOR, Host.KEEP)


@dataclass(frozen=True, slots=True)
class Argument:
    """One word after the verb. Without a ``default`` it must be there; of two kinds, each host has its own."""

    name: str
    kinds: tuple[Kind, Kind]
    default: str | None = None

    def kind_at(self, host: Host) -> Kind:
        return self.kinds[_BOTH.index(host)]

    @property
    def usage(self) -> str:
        return self.name.upper() if self.default is None else f"[{self.name.upper()}]"


@dataclass(frozen=True, slots=True)
class Verb:
    """``changes``: asks for confirmation, goes on when its caller leaves, and never runs beside another such verb.

    ``is_local``: the console itself does it. ``takes_input``: what is on standard input belongs to it.
    """

    words: tuple[str, ...]
    help: str
    arguments: tuple[Argument, ...] = ()
    hosts: tuple[Host, ...] = _BOTH
    roles: frozenset[Role] = _PEOPLE
    changes: bool = False
    is_local: bool = False
    takes_input: bool = False
    timeout_s: float = 60.0

    @property
    def name(self) -> str:
        return " ".join(self.words)

    @property
    def usage(self) -> str:
        return " ".join([self.name, *(argument.usage for argument in self.arguments)])


@dataclass(frozen=True, slots=True)
class Request:
    """A verb of ``host``, its arguments whole and checked."""

    host: Host
    verb: Verb
    arguments: tuple[str, ...] = ()
    is_confirmed: bool = False

    @property
    def line(self) -> str:
        return " ".join([*self.verb.words, *self.arguments])


def _same(kind: Kind) -> tuple[Kind, Kind]:
    return kind, kind


def _units(of: dict[Host, tuple[str, ...]]) -> Argument:
    return Argument("unit", (Choice(of[Host.DOOR]), Choice(of[Host.KEEP])))


_UNIT: Final = _units(dict(CONTROLLED))
_LINES: Final = Argument("lines", _same(Number(1, 2000)), default="50")
_ADDRESS: Final = Argument("address", _same(Address()))
_MINUTES: Final = Argument("minutes", _same(Number(1, 30 * 24 * 60)), default="60")
_TRACE: Final = Argument("id", _same(Matching(r"[0-9a-f]{32}", "5a9c0aefd33a65b3988a1597b1058d44")))

_DOOR: Final = (Host.DOOR,)
_KEEP: Final = (Host.KEEP,)

VERBS: Final = (
    Verb(("status",), "how this host is; on the keep, the door too"),
    Verb(("status", "--all"), "what the status page shows, as the door's services last wrote it"),
    Verb(("logs",), "the last lines of a unit's log", (_units(dict(LOGGED)), _LINES)),
    Verb(("logs", "--request-id"), "a request's way through nginx, gateway and agent", (_TRACE,)),
    Verb(("request",), "the same", (_TRACE,)),
    Verb(("request", "--json"), "the same, a JSON object a line", (_TRACE,)),
    Verb(("restart",), "restart a unit", (_UNIT,), changes=True, timeout_s=120),
    Verb(("stop",), "stop a unit", (_UNIT,), changes=True, timeout_s=120),
    Verb(("start",), "start a unit", (_UNIT,), changes=True, timeout_s=120),
    Verb(("network",), "addresses, routes, listeners, the firewall's counters, the way to the other host"),
    Verb(("bans", "list"), "who is banned"),
    Verb(("bans", "add"), "ban an address", (_ADDRESS, _MINUTES), changes=True),
    Verb(("bans", "remove"), "lift a ban", (_ADDRESS,), changes=True),
    Verb(("keys", "list"), "the message keys' ids and ages"),
    Verb(("certificates", "list"), "the certificates, and until when they are good"),
    Verb(("certificates", "renew"), "renew them now: the agent's here, the website's at the door", changes=True,
         timeout_s=300),
    Verb(("backup", "now"), "back the store up", hosts=_KEEP, changes=True, timeout_s=3600),
    Verb(("backup", "list"), "the last backups and drills", hosts=_KEEP),
    Verb(("releases", "list"), "the installed releases"),
    Verb(("releases", "rollback"), "run the release before this one; return by itself if it is not well", changes=True,
         timeout_s=300),
    Verb(("reboot",), "reboot this host", changes=True),
    Verb(("lock-door",), "end every session, and refuse the door's keys and certificates, at once", hosts=_KEEP,
         roles=frozenset({Role.OWNER}), changes=True, timeout_s=300),
    Verb(("readmit-door",), "give the real door new keys and a new certificate", hosts=_KEEP,
         roles=frozenset({Role.OWNER}), changes=True, timeout_s=300),
    Verb(("rotate-keys",), "replace the message keys without a lost call", hosts=_KEEP, roles=frozenset({Role.OWNER}),
         changes=True, timeout_s=300),
    Verb(("selftest",), "whether this way in works", roles=frozenset(Role)),
    Verb(("help",), "this list, or one verb's line", (Argument("verb", _same(Matching(r"[a-z-]+", "status")), "all"),),
         roles=frozenset(Role), is_local=True),
    Verb(("exit",), "end", is_local=True),
    # what the keep has the door do
    Verb(("keys", "take"), "accept the generation on standard input", hosts=_DOOR, roles=_MACHINE, changes=True,
         takes_input=True),
    Verb(("keys", "promote"), "sign with the staged generation", hosts=_DOOR, roles=_MACHINE, changes=True),
    Verb(("keys", "retire"), "forget the generation before", hosts=_DOOR, roles=_MACHINE, changes=True),
    Verb(("keys", "json"), "the key ids, for the keep", hosts=_DOOR, roles=_MACHINE),
    Verb(("admit",), "take the identity and keys on standard input in place of the old ones", hosts=_DOOR,
         roles=_MACHINE, changes=True, takes_input=True, timeout_s=120),
)  # fmt: skip


def verbs_of(host: Host, role: Role) -> tuple[Verb, ...]:
    return tuple(verb for verb in VERBS if host in verb.hosts and role in verb.roles)


def parse(words: Sequence[str], host: Host, role: Role) -> Request:
    """Return what ``words`` ask of ``host``, or of the door where the keep is told ``door …``.

    ``--yes`` at the end says that a change is meant. Raises :class:`Refused`.
    """
    if host is Host.KEEP and role is Role.OWNER and words[:1] == ["door"]:
        return parse(words[1:], Host.DOOR, role)
    is_confirmed = list(words[-1:]) == [YES]
    rest = tuple(words[:-1] if is_confirmed else words)
    verb = _find(rest, host, role)
    texts = rest[len(verb.words) :]
    if len(texts) > len(verb.arguments):
        msg = f"too many words: {verb.usage}"
        raise Refused(msg)
    arguments: list[str] = []
    for position, argument in enumerate(verb.arguments):
        text = texts[position] if position < len(texts) else argument.default
        if text is None:
            msg = f"{argument.name} is missing: {verb.usage}"
            raise Refused(msg)
        try:
            arguments.append(argument.kind_at(host).read(text))
        except Refused as refused:
            msg = f"{argument.name} {refused}"
            raise Refused(msg) from None
    return Request(host, verb, tuple(arguments), is_confirmed)


def _find(words: tuple[str, ...], host: Host, role: Role) -> Verb:
    known = verbs_of(host, role)
    for verb in sorted(known, key=lambda one: -len(one.words)):
        if words[: len(verb.words)] == verb.words:
            return verb
    first = [verb.name for verb in known if words and verb.words[0] == words[0]]
    msg = f"one of: {', '.join(first)}" if first else "no such verb here: see help"
    raise Refused(msg)
