"""Keys, certificates and clocks that change, and messages that nobody should believe."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final

from bridge.errors import Code
from bridge.keys import Keyring, Ring, RotationStep, generate, load_keyring, rotate_once, save_keyring
from bridge.pki import IDENTITY_FILE, ROOTS_FILE, Authority, read_identity
from bridge.process.clock import SystemClock, utc
from bridge.signing import SigningKey
from tests.adversity.agent import Mitigation
from tests.adversity.door import Rules, door, outcomes
from tests.adversity.fault import Fault, Where
from tests.adversity.hand import AGENT, Hand, code_of, hand
from tests.adversity.scene import Scene, Setup
from tests.waiting import until

_UNIT: Final = "gateway"
_SENDERS_MAX: Final = 16
_HOUR_S: Final = 3600.0
_OK: Final = 200


async def _keys_rotated(scene: Scene) -> None:
    installation = scene.keep.installation
    agent, unit = installation.agent / "keys", installation.gateway / "keys"
    now = utc(SystemClock.time())
    async with scene.door.load() as seen:
        if scene.setup.is_careless:
            anew = Keyring({_UNIT: Ring(generate(_UNIT, now=now))})
            await _replace_keys(scene, agent, anew)
            asked = len(seen)
            await until(lambda: len(seen) > asked + 5)
            await _replace_keys(scene, unit, anew)
        else:
            for step in RotationStep:
                rings = load_keyring(agent).ring(_UNIT), load_keyring(unit).ring(_UNIT)
                after = rotate_once(*rings, step=step, now=now)
                for folder, before, ring in zip((agent, unit), rings, after, strict=True):
                    if ring != before:
                        await _replace_keys(scene, folder, Keyring({_UNIT: ring}))
        asked = len(seen)
        await until(lambda: len(seen) > asked + 60)
    lost = [one for one in seen if not one.is_good]
    scene.expect(not lost, f"{len(lost)} of {len(seen)} calls are lost: {outcomes(lost)}")
    scene.note(f"{len(seen)} calls, none lost")
    await scene.expect_recovery()


async def _replace_keys(scene: Scene, folder: Path, keyring: Keyring) -> None:
    """Replace a folder's keys, and return when the process that reads them has them."""
    is_agent = folder.parent == scene.keep.installation.agent
    log = scene.keep.log if is_agent else scene.door.log
    before = len(log("keys_loaded"))
    save_keyring(folder, keyring)
    await until(lambda: len(log("keys_loaded")) > before)


async def _certificates_replaced(scene: Scene) -> None:
    installation = scene.keep.installation
    authority, now = Authority(installation.pki), utc(SystemClock.time())
    agent, unit = installation.agent / "tls", installation.gateway / "tls"
    old = read_identity(unit / IDENTITY_FILE).certificate.serial_number
    async with scene.door.load() as seen:
        authority.issue_unit("agent", agent, now=now)
        authority.issue_unit(_UNIT, unit, now=now)
        if scene.setup.rules.reloads:
            await until(lambda: bool(scene.door.log("certificates_loaded")))
        await until(lambda: bool(scene.keep.log("certificates_loaded")))
        authority.revoke([old], folders=[agent])
        await until(lambda: any(line["revoked"] for line in scene.keep.log("certificates_loaded")))
        asked = len(seen)
        await until(lambda: len(seen) > asked + 60)
    lost = [one for one in seen if not one.is_good]
    scene.expect(not lost, f"{len(lost)} of {len(seen)} calls are lost: {outcomes(lost)}")
    scene.note(f"{len(seen)} calls, none lost, the old certificate revoked")
    await scene.expect_recovery()


async def _clocks(scene: Scene) -> None:
    for ahead_s in (_HOUR_S, -_HOUR_S):
        rules = replace(scene.setup.rules, clock_ahead_s=ahead_s)
        async with door(scene.keep.installation, scene.keep.port, rules) as other:
            seen = [await other.sign_in(scene.email), await other.ask(), await other.ask()]
        scene.expect(all(one.is_good for one in seen), f"an hour {_direction(ahead_s)}: {outcomes(seen)}")
        scene.note(f"an hour {_direction(ahead_s)}: {outcomes(seen)}")
    await scene.expect_recovery()


def _direction(ahead_s: float) -> str:
    return "ahead" if ahead_s > 0 else "behind"


async def _senders(scene: Scene) -> None:
    token = scene.door.credentials.token
    async with _hands(scene, _SENDERS_MAX + 4) as hands:
        first = hands[0]
        recorded = first.write(token=token)
        answers = [await first.send(recorded)]
        answers += [await one.send(one.write(token=token)) for one in hands[1:]]
        refused = [code_of(answer) for answer in answers if answer.head.status != _OK]
        replayed = await first.send(recorded)
        scene.expect(replayed.head.status != _OK, "a recorded message was believed again")
        scene.expect(
            len(refused) >= len(hands) - _SENDERS_MAX and set(refused) == {Code.REPLAYED},
            f"of {len(hands)} senders, refused: {refused}",
        )
        another = await first.send(first.write(token=token))
        scene.expect(another.head.status == _OK, "a sender that was known is not served any more")
    scene.note(f"{len(refused)} of {len(hands)} refused, the known ones served, a recorded message refused")
    await scene.expect_recovery()


async def _forged(scene: Scene) -> None:
    genuine = load_keyring(scene.keep.installation.gateway / "keys").request_key()
    forger = hand(scene.keep.installation, scene.keep.port, key=SigningKey(genuine.key_id, bytes(32)))
    forger.boot = _boot(scene)
    try:
        answer = await forger.send(forger.write(token=scene.door.credentials.token))
    finally:
        await forger.transport.close()
    scene.expect(answer.head.status != _OK, "a message with a wrong MAC was believed")
    steps = [line["step"] for line in scene.keep.log("bridge_message_refused")]
    scene.expect(steps == ["mac"], f"the log tells of {steps}")
    scene.note("refused without a signature, logged with `step=mac`")
    await scene.expect_recovery()


async def _strangers(scene: Scene) -> None:
    installation, now = scene.keep.installation, utc(SystemClock.time())
    ours, theirs = Authority(installation.pki), Authority(installation.folder / "their-pki")
    theirs.init(now=now)
    folders = {name: installation.folder / name for name in ("unknown_ca", "expired", "revoked", "wrong_name")}
    theirs.issue_unit(_UNIT, folders["unknown_ca"], now=now)
    ours.issue_unit(_UNIT, folders["expired"], now=now - timedelta(days=60))
    ours.issue_unit("printer", folders["wrong_name"], now=now)
    leaf = ours.issue_unit(_UNIT, folders["revoked"], now=now)
    ours.revoke([leaf.serial_number], folders=[installation.agent / "tls"])
    await until(lambda: bool(scene.keep.log("certificates_loaded")))
    roots = installation.agent / "tls" / ROOTS_FILE
    for folder in (None, *folders.values()):
        await _knock(scene.keep.port, roots, None if folder is None else folder / IDENTITY_FILE)
    expected = ["no_certificate", *folders]

    async def are_logged() -> bool:
        return len(scene.keep.log("connection_refused")) >= len(expected)

    await scene.eventually(are_logged, "not every refused handshake is in the log")
    steps = [line["step"] for line in scene.keep.log("connection_refused")]
    scene.expect(steps == expected, f"the log tells of {steps}")
    scene.note(f"refused, logged with `step=` {', '.join(expected)}")
    await scene.expect_recovery()


async def _knock(port: int, roots: Path, identity: Path | None) -> None:
    """Connect with a certificate, or none, and wait to be turned away."""
    context = ssl.create_default_context(cafile=roots)
    if identity is not None:
        context.load_cert_chain(identity)
    try:
        async with asyncio.timeout(2.0):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=AGENT)
            writer.write(b"POST /v1/system.status HTTP/1.1\r\n")
            await reader.read(1)
            writer.transport.abort()
    except (OSError, TimeoutError):
        return


def _boot(scene: Scene) -> str:
    return scene.door.session._boot


@asynccontextmanager
async def _hands(scene: Scene, number: int) -> AsyncIterator[list[Hand]]:
    """Give as many sending processes, which know the agent's boot id."""
    hands = [hand(scene.keep.installation, scene.keep.port) for _ in range(number)]
    try:
        for one in hands:
            one.boot = _boot(scene)
        yield hands
    finally:
        for one in hands:
            await one.transport.close()


ROWS: Final = (
    Fault(
        "keys-rotated", Where.TRUST, "The bridge's keys are rotated under load.", "No call is lost.",
        "rotation in steps, with overlap: replaced at once", _keys_rotated, Setup(is_careless=True),
    ),
    Fault(
        "certificates-replaced", Where.TRUST, "Both certificates are replaced under load, the old one is revoked.",
        "No call is lost.", "reloading (`bridge.reload_s`) at the gateway", _certificates_replaced,
        Setup(rules=Rules(reloads=False)),
    ),
    Fault(
        "clocks-apart", Where.TRUST, "The gateway's clock is an hour ahead, or behind.",
        "The first call is answered, and those after it.", "learning the agent's time", _clocks,
        Setup(rules=Rules(learns_time=False)),
    ),
    Fault(
        "more-senders-than-windows", Where.TRUST,
        f"{_SENDERS_MAX + 4} sending processes within a minute; the agent remembers {_SENDERS_MAX}.",
        "Newcomers are refused, nobody is forgotten, no message is believed twice.",
        "never forgetting a sender too early", _senders, Setup(without=Mitigation.NO_EVICTION),
    ),
    Fault(
        "forged-message", Where.TRUST, "A message with a known key id and a wrong MAC.",
        "Refused, and logged with its step.", "comparison of the MAC", _forged, Setup(without=Mitigation.MAC),
    ),
    Fault(
        "refused-handshakes", Where.TRUST,
        "Handshakes without a certificate, with another CA's, an expired, a revoked, another unit's.",
        "Refused, each logged with its step.", "the listener's own word on each", _strangers,
        Setup(without=Mitigation.REPORT),
    ),
)  # fmt: skip
