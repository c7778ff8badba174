"""``python -m bridge keys|pki|admission …``: what the two machines trust each other by."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Final

from bridge import admission
from bridge.keys import (
    FILE_NAME,
    Keyring,
    KeysRefused,
    RotationStep,
    generate,
    generation_text,
    load_generation,
    load_keyring,
    parse_generation,
    rotate_once,
    rotation_under_way,
    save_generation,
    save_keyring,
)
from bridge.pki import DOMAIN, IDENTITY_FILE, USUAL_TERMS, Authority, PKIRefused, Profile, Terms, unit_name
from bridge.process.clock import Clock, SystemClock, utc

WEB: Final = "web"
SETTLE_S: Final = 5.0
"""Several times what a running process takes to see that its files changed."""


class Unconfirmed(ValueError):
    """A command would destroy something, and ``--yes`` was not given."""


@dataclass(frozen=True, slots=True)
class Terminal:
    """What a command says, waits on, reads the time from, and takes in."""

    say: Callable[[str], None] = print
    sleep: Callable[[float], None] = time.sleep
    clock: Clock = field(default_factory=SystemClock)
    read: Callable[[], bytes] = field(default=lambda: sys.stdin.buffer.read(admission.SIZE_MAX_BYTES))

    def now(self) -> datetime:
        return utc(self.clock.time())

    def table(self, rows: Sequence[dict[str, str]], *, as_json: bool) -> None:
        """Show rows that have the same columns."""
        if as_json:
            self.say(json.dumps(rows, indent=2))
            return
        if not rows:
            self.say("none")
            return
        widths = {column: max(len(column), *(len(row[column]) for row in rows)) for column in rows[0]}
        for row in ({column: column for column in rows[0]}, *rows):
            self.say("  ".join(row[column].ljust(width) for column, width in widths.items()).rstrip())


Command = Callable[[argparse.Namespace, Terminal], None]


# ------------------------------------------------------------------------------------------------------------ keys


def keys_create(options: argparse.Namespace, terminal: Terminal) -> None:
    """Share a first secret between the agent and a unit, both folders being on this machine."""
    folders: tuple[Path, Path] = (options.agent, options.gateway)
    keyrings = [_keyring_or_none(folder) for folder in folders]
    for folder, keyring in zip(folders, keyrings, strict=True):
        if options.unit in keyring.rings:
            msg = f"{folder} holds keys for {options.unit} already: rotate them"
            raise KeysRefused(msg)
    generation = generate(options.unit, now=terminal.now())
    for folder, keyring in zip(folders, keyrings, strict=True):
        save_keyring(folder, keyring.stage(generation))
    terminal.say(f"created {generation.key_id}")


def keys_rotate(options: argparse.Namespace, terminal: Terminal) -> None:
    """Replace a unit's secret in both folders without a lost call; go on with a rotation that was interrupted."""
    step: RotationStep | None = None
    while True:
        agent, gateway = load_keyring(options.agent), load_keyring(options.gateway)
        rings = agent.ring(options.unit), gateway.ring(options.unit)
        following = rotation_under_way(*rings)
        if following is None:
            if step is not None:
                break
            following = RotationStep.STAGE_AT_AGENT
        step = following
        if step.needs_settling:
            terminal.say(f"waiting {options.settle_s:g} s for both processes to read their keys")
            terminal.sleep(options.settle_s)
        after = rotate_once(*rings, step=step, now=terminal.now())
        if after[0] != rings[0]:
            save_keyring(options.agent, agent.with_ring(after[0]))
        if after[1] != rings[1]:
            save_keyring(options.gateway, gateway.with_ring(after[1]))
        terminal.say(step.value)
    terminal.say(f"rotated to {rings[0].current.key_id}")


def keys_stage(options: argparse.Namespace, terminal: Terminal) -> None:
    """Accept a new generation: made here for --unit, or --import-ed from the other machine."""
    keyring = _keyring_or_none(options.keys)
    if options.import_file is not None:
        generation = load_generation(options.import_file)
        save_keyring(options.keys, keyring.stage(generation))
        terminal.say(f"staged {generation.key_id}; delete {options.import_file}")
        terminal.say("next: keys promote, here; then keys promote at the agent")
        return
    generation = generate(options.unit, now=terminal.now())
    staged = keyring.stage(generation)
    save_generation(options.export_file, generation)
    save_keyring(options.keys, staged)
    terminal.say(f"staged {generation.key_id}")
    terminal.say(f"next: carry {options.export_file} to the unit's machine; there, keys stage --import; then delete it")


def keys_promote(options: argparse.Namespace, terminal: Terminal) -> None:
    """Sign with the staged generation. First at the unit, when the agent has read its staged key; then at the agent."""
    keyring = load_keyring(options.keys)
    ring = keyring.ring(options.unit).promote()
    save_keyring(options.keys, keyring.with_ring(ring))
    terminal.say(f"promoted {ring.current.key_id}")
    terminal.say("next: keys promote on the other machine; then keys retire, the unit's first")


def keys_retire(options: argparse.Namespace, terminal: Terminal) -> None:
    """Accept the previous generation no longer, once nothing is signed with it."""
    keyring = load_keyring(options.keys)
    ring = keyring.ring(options.unit)
    if ring.previous is None:
        terminal.say(f"{options.unit} has no previous generation")
        return
    _confirm(options, f"{ring.previous.key_id} would be forgotten")
    save_keyring(options.keys, keyring.with_ring(ring.retire()))
    terminal.say(f"retired {ring.previous.key_id}")


def keys_offer(options: argparse.Namespace, terminal: Terminal) -> None:
    """At the agent: stage a new generation unless one is staged, and print it, for keys take on the unit's machine."""
    keyring = load_keyring(options.keys)
    ring = keyring.ring(options.unit)
    if ring.next is None:
        ring = ring.stage(generate(options.unit, now=terminal.now()))
        save_keyring(options.keys, keyring.with_ring(ring))
    terminal.say(generation_text(ring.generations[-1]))


def keys_take(options: argparse.Namespace, terminal: Terminal) -> None:
    """At the unit: stage the generation on standard input, as keys offer prints it."""
    generation = parse_generation(terminal.read())
    save_keyring(options.keys, _keyring_or_none(options.keys).stage(generation))
    terminal.say(f"staged {generation.key_id}")


def keys_forget(options: argparse.Namespace, terminal: Terminal) -> None:
    """At the agent: accept no message of a unit any more, or of any without --unit."""
    rings = _keyring_or_none(options.keys).rings
    forgotten = [unit for unit in rings if options.unit in {None, unit}]
    _confirm(options, f"the keys of {', '.join(forgotten) or 'no unit'} would be forgotten")
    save_keyring(options.keys, Keyring({unit: ring for unit, ring in rings.items() if unit not in forgotten}))
    terminal.say(f"forgot {', '.join(forgotten) or 'nothing'}")


def keys_list(options: argparse.Namespace, terminal: Terminal) -> None:
    """List a folder's key ids, never their secrets."""
    now = terminal.now()
    rows = [
        {
            "unit": unit,
            "generation": place,
            "key_id": generation.key_id,
            "created": generation.created.isoformat(),
            "age_days": str((now - generation.created).days),
        }
        for unit, ring in load_keyring(options.keys).rings.items()
        for place, generation in (("previous", ring.previous), ("current", ring.current), ("next", ring.next))
        if generation is not None
    ]
    terminal.table(rows, as_json=options.json)


def _keyring_or_none(folder: Path) -> Keyring:
    """Return the folder's keys, or an empty keyring where it has none yet."""
    return load_keyring(folder) if (folder / FILE_NAME).exists() else Keyring({})


# ------------------------------------------------------------------------------------------------------------- pki


def pki_init(options: argparse.Namespace, terminal: Terminal) -> None:
    """Make the roots and the intermediate in an empty folder."""
    Authority(options.pki).init(now=terminal.now())
    terminal.say(f"made the PKI in {options.pki}")
    terminal.say(f"next: move {options.pki / 'root.key'} off this machine; pki prolong needs it, in three years")


def pki_issue(options: argparse.Namespace, terminal: Terminal) -> None:
    """Make a key and a certificate for a unit (agent, gateway, monitor, …), or for browsers to meet (web)."""
    if (options.tls / IDENTITY_FILE).exists():
        _confirm(options, f"the key in {options.tls} would be replaced (pki renew keeps the name)")
    authority = Authority(options.pki, _terms(options))
    if options.unit == WEB:
        profile = Profile.of_web_server(options.dns, options.ip)
        leaf = authority.issue_web_server(profile, options.tls, now=terminal.now())
    else:
        leaf = authority.issue_unit(options.unit, options.tls, now=terminal.now())
    terminal.say(f"issued {options.unit} until {leaf.not_valid_after_utc:%Y-%m-%d} in {options.tls}")


def pki_renew(options: argparse.Namespace, terminal: Terminal) -> None:
    """Replace a TLS folder's key and certificate; name and usage stay."""
    terms = _terms(options)
    leaf = Authority(options.pki, terms).renew(options.tls, now=terminal.now(), only_if_due=options.if_due)
    if leaf is None:
        terminal.say(f"not due: more than {terms.due.days} days remain")
    else:
        terminal.say(f"renewed until {leaf.not_valid_after_utc:%Y-%m-%d} in {options.tls}")


def _terms(options: argparse.Namespace) -> Terms:
    said = {name: getattr(options, name, None) for name in ("life", "backdated", "due", "renewable")}
    return Terms(**{name: timedelta(days=days) for name, days in said.items() if days is not None})


def pki_prolong(options: argparse.Namespace, terminal: Terminal) -> None:
    """Certify the intermediate for another three years; root.key must be back in its place for it."""
    certificate = Authority(options.pki).prolong_intermediate(now=terminal.now())
    terminal.say(f"prolonged the intermediate until {certificate.not_valid_after_utc:%Y-%m-%d}; renew the units")


def pki_list(options: argparse.Namespace, terminal: Terminal) -> None:
    """List every certificate that was issued."""
    now = terminal.now()
    rows = [
        {
            "name": one.name,
            "serial": one.serial,
            "not_before": one.not_before.isoformat(),
            "not_after": one.not_after.isoformat(),
            "days_left": str((one.not_after - now).days),
            "state": "revoked" if one.is_revoked else "expired" if one.not_after <= now else "good",
        }
        for one in Authority(options.pki).issued()
    ]
    terminal.table(rows, as_json=options.json)


def pki_revoke(options: argparse.Namespace, terminal: Terminal) -> None:
    """Refuse certificates by serial number; the agent closes their connections within a second."""
    authority = Authority(options.pki)
    issued = {int(one.serial, 16): one for one in authority.issued()}
    if unknown := [f"{serial:x}" for serial in options.serial if serial not in issued]:
        msg = f"{', '.join(unknown)} was not issued here: see pki list"
        raise PKIRefused(msg)
    serials = {*options.serial}
    if options.all_but is not None:
        spared = unit_name(options.all_but)
        serials |= {
            serial
            for serial, one in issued.items()
            if one.name.endswith(f".{DOMAIN}") and one.name != spared and not one.is_revoked
        }
    names = ", ".join(f"{issued[serial].name} {serial:x}" for serial in sorted(serials)) or "nothing"
    _confirm(options, f"{names} would be refused for good")
    authority.revoke(serials, folders=options.tls)
    terminal.say(f"revoked {names}")
    if not options.tls:
        terminal.say(f"next: carry {options.pki / 'revoked.txt'} to the agent's TLS folder")


# ------------------------------------------------------------------------------------------------------- admission


def admission_offer(options: argparse.Namespace, terminal: Terminal) -> None:
    """At the agent: make new keys and a new identity for a unit, in the place of its old keys, and print them."""
    terminal.say(
        admission.offer(options.unit, Authority(options.pki), options.keys, now=terminal.now()).decode().rstrip()
    )


def admission_take(options: argparse.Namespace, terminal: Terminal) -> None:
    """At the unit: put the admission on standard input in the place of what the two folders hold."""
    taken = admission.take(terminal.read(), options.tls, options.keys)
    terminal.say(f"took {taken.generation.key_id}")


def _confirm(options: argparse.Namespace, consequence: str) -> None:
    if not options.yes:
        msg = f"{consequence}: repeat with --yes"
        raise Unconfirmed(msg)


# --------------------------------------------------------------------------------------------------- command line


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bridge", description=__doc__)
    areas = parser.add_subparsers(required=True, metavar="keys|pki|admission")
    keys = areas.add_parser("keys", help="signing keys").add_subparsers(required=True, metavar="COMMAND")
    pki = areas.add_parser("pki", help="certificates").add_subparsers(required=True, metavar="COMMAND")

    for name, command in (("create", keys_create), ("rotate", keys_rotate)):
        both = _add(keys, name, command)
        both.add_argument("--agent", type=Path, required=True, metavar="DIR", help="the agent's key folder")
        both.add_argument("--gateway", type=Path, required=True, metavar="DIR", help="the unit's key folder")
        both.add_argument("--unit", default="gateway", help="whose keys (gateway)")
        if command is keys_rotate:
            both.add_argument("--settle-s", type=float, default=SETTLE_S, metavar="S", help="pause between steps (5)")

    stage = _add(keys, "stage", keys_stage)
    stage.add_argument("--unit", default="gateway", help="whose keys (gateway)")
    direction = stage.add_mutually_exclusive_group(required=True)
    direction.add_argument(
        "--export", dest="export_file", type=Path, metavar="FILE", help="at the agent: write it here"
    )
    direction.add_argument("--import", dest="import_file", type=Path, metavar="FILE", help="at the unit: take this one")
    promote, retire, list_keys, offer, take, forget = (
        _add(keys, "promote", keys_promote),
        _add(keys, "retire", keys_retire),
        _add(keys, "list", keys_list),
        _add(keys, "offer", keys_offer),
        _add(keys, "take", keys_take),
        _add(keys, "forget", keys_forget),
    )
    for one in (promote, retire, offer):
        one.add_argument("--unit", default="gateway", help="whose keys (gateway)")
    forget.add_argument("--unit", help="whose keys (every unit's)")
    for one in (stage, promote, retire, list_keys, offer, take, forget):
        one.add_argument("--keys", type=Path, required=True, metavar="DIR", help="this machine's key folder")

    init, issue, renew, prolong, list_issued, revoke = (
        _add(pki, "init", pki_init),
        _add(pki, "issue", pki_issue),
        _add(pki, "renew", pki_renew),
        _add(pki, "prolong", pki_prolong),
        _add(pki, "list", pki_list),
        _add(pki, "revoke", pki_revoke),
    )
    for one in (init, issue, renew, prolong, list_issued, revoke):
        one.add_argument("--pki", type=Path, required=True, metavar="DIR", help="the PKI folder")
    issue.add_argument("unit", help="agent, gateway, monitor, …, or web")
    issue.add_argument(
        "--dns", action="append", default=[], metavar="NAME", help="a web server's name; may be repeated"
    )
    issue.add_argument("--ip", action="append", default=[], type=_address, help="a web server's address")
    for one in (issue, renew):
        one.add_argument("--tls", type=Path, required=True, metavar="DIR", help="the unit's TLS folder")
        for name, text in (
            ("life", "how long it is good"),
            ("backdated", "how long before now it begins, for clocks that are behind"),
            ("due", "when fewer remain, it is due for renewal"),
        ):
            usual = getattr(USUAL_TERMS, name).days
            about = f"{text} ({usual})"
            one.add_argument(f"--{name}-days", dest=name, type=_days, default=usual, metavar="N", help=about)
    renew.add_argument(
        "--renewable-days", dest="renewable", type=_days, default=USUAL_TERMS.renewable.days, metavar="N",
        help=f"how long after its end it may still be renewed ({USUAL_TERMS.renewable.days})",
    )  # fmt: skip
    renew.add_argument("--if-due", action="store_true", help="only where it is due")
    revoke.add_argument("--all-but", metavar="UNIT", help="every unit's that is not refused yet, but this one's")
    revoke.add_argument("serial", nargs="*", type=_serial, help="serial numbers, hexadecimal, as pki list shows them")
    revoke.add_argument("--tls", action="append", default=[], type=Path, metavar="DIR", help="a TLS folder to update")
    for one in (list_keys, list_issued):
        one.add_argument("--json", action="store_true", help="as JSON")
    for one in (retire, issue, revoke, forget):
        one.add_argument("--yes", action="store_true", help="do it")
    _add_admission(areas.add_parser("admission", help="a unit's keys and identity, all anew"))
    return parser


def _add_admission(area: argparse.ArgumentParser) -> None:
    commands = area.add_subparsers(required=True, metavar="COMMAND")
    offer, take = _add(commands, "offer", admission_offer), _add(commands, "take", admission_take)
    offer.add_argument("--unit", default="gateway", help="whose (gateway)")
    offer.add_argument("--pki", type=Path, required=True, metavar="DIR", help="the PKI folder")
    take.add_argument("--tls", type=Path, required=True, metavar="DIR", help="the unit's TLS folder")
    for one in (offer, take):
        one.add_argument("--keys", type=Path, required=True, metavar="DIR", help="this machine's key folder")


def _add(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, command: Command
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=command.__doc__, description=command.__doc__)
    parser.set_defaults(command=command)
    return parser


def _days(text: str) -> int:
    if not text.isdecimal():
        msg = "must be a number of days"
        raise argparse.ArgumentTypeError(msg)
    return int(text)


def _serial(text: str) -> int:
    try:
        return int(text, 16)
    except ValueError:
        msg = f"{text} is no serial number: pki list shows them"
        raise argparse.ArgumentTypeError(msg) from None


def _address(text: str) -> IPv4Address | IPv6Address:
    try:
        return ip_address(text)
    except ValueError:
        msg = f"{text} is no IP address"
        raise argparse.ArgumentTypeError(msg) from None


def main(arguments: Sequence[str] | None = None, terminal: Terminal | None = None) -> int:
    """Run one command and return the process's exit code: 0, or 1 after one line that says what is wrong."""
    options = _parser().parse_args(arguments)
    command: Command = options.command
    try:
        command(options, terminal or Terminal())
    except (admission.AdmissionRefused, KeysRefused, PKIRefused, Unconfirmed, OSError) as error:
        print(f"python -m bridge: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
