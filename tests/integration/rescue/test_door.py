"""Locking the door out, letting it in again, and rotating its keys: the real agent, PKI, keys and way of rescue."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest

from bridge.errors import Code, Outcome
from bridge.keys import load_keyring
from demo.installation import Installation
from demo.processes import DemoError
from tests.adversity.appliance import Keep, Stage, keep
from tests.adversity.door import Door, door
from tests.certificates import serial_in
from tests.integration.rescue.hosts import Answer, Hosts

pytestmark = pytest.mark.slow

STATE = "/var/lib/drawbridge"


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with tempfile.TemporaryDirectory(prefix="drawbridge-rescue-stage-") as folder:
        made = Stage(Path(folder))
        try:
            made.__enter__()
        except DemoError as error:
            pytest.skip(str(error))
        try:
            yield made
        finally:
            made.__exit__()


@dataclass
class Appliance:
    """A keep and a door whose files are an agent's and a gateway's that run."""

    rescue: Hosts
    keep: Keep
    stage: Stage

    @property
    def door(self) -> Installation:
        """What the real door has."""
        return self.keep.installation

    def stolen(self) -> Installation:
        """Copy all that the door has now."""
        folder = self.stage.folder / f"stolen-{len(list(self.stage.folder.iterdir()))}"
        shutil.copytree(self.door.gateway, folder / "gateway")
        return Installation(folder)

    async def ask(self, line: str) -> Answer:
        return await asyncio.to_thread(self.rescue.ssh, line, timeout_s=50.0)

    def door_of(self, installation: Installation) -> AbstractAsyncContextManager[Door]:
        return door(installation, self.keep.port)


@pytest.fixture
async def appliance(rescue: Hosts, stage: Stage) -> AsyncIterator[Appliance]:
    async with keep(stage) as running:
        installation = running.installation
        agent = installation.agent
        for host, name, target in (
            (rescue.keep, "tls", agent / "tls"),
            (rescue.keep, "keys", agent / "keys"),
            (rescue.keep, "pki", installation.pki),
            (rescue.door, "gateway", installation.gateway),
        ):
            link = host.path(f"{STATE}/{name}")
            link.unlink(missing_ok=True)
            link.symlink_to(target)
        for name in ("door-locked", "agent-held"):
            rescue.keep.path(f"{STATE}/{name}").unlink(missing_ok=True)
        shutil.copy(agent / "agent.toml", rescue.keep.path("/etc/drawbridge/agent.toml"))
        shutil.copy(
            agent / "credentials" / "store.dsn",
            rescue.keep.path("/etc/drawbridge/credentials/store.dsn"),
        )
        yield Appliance(rescue, running, stage)


async def test_stolen_door_has_nothing_when_locked_and_the_real_one_all_when_readmitted(appliance: Appliance) -> None:
    email, thief = await appliance.stage.add_user(), appliance.stolen()
    first = serial_in(thief.gateway / "tls")
    async with appliance.door_of(thief) as thiefs:
        assert (await thiefs.sign_in(email)).outcome is Outcome.OK
        assert (await thiefs.ask()).outcome is Outcome.OK
        tokens = thiefs.credentials

        locked = await appliance.ask("lock-door --yes")

        assert locked.code == 0, locked.out
        assert (await thiefs.ask()).outcome is not Outcome.OK  # its connections were cut
    async with appliance.door_of(thief) as thiefs:
        assert (await thiefs.sign_in(email)).outcome is not Outcome.OK
    status = await appliance.ask("status")
    assert "THE DOOR IS LOCKED OUT since" in status.out
    assert "by anna" in status.out

    readmitted = await appliance.ask("readmit-door --yes")

    assert readmitted.code == 0, readmitted.out
    async with appliance.door_of(appliance.door) as ours:
        ours.credentials = tokens
        assert (await ours.ask()).code in {Code.SESSION_ENDED, Code.UNAUTHENTICATED}
        assert (await ours.sign_in(email)).outcome is Outcome.OK
        assert (await ours.ask()).outcome is Outcome.OK
    async with appliance.door_of(thief) as thiefs:
        assert (await thiefs.sign_in(email)).outcome is not Outcome.OK
    assert (await appliance.ask("status")).code == 0
    states = {line.split()[-1]: line.split()[1] for line in (await appliance.ask("certificates list")).out.splitlines()}
    assert states[f"{first:x}"] == "revoked"
    assert states[f"{serial_in(appliance.door.gateway / 'tls'):x}"] == "good"
    said = "".join(
        one.log(name).read_text()
        for one in (appliance.rescue.keep, appliance.rescue.door)
        for name in ("helper", "sshd")
    )
    for secret in (load_keyring(appliance.door.gateway / "keys").ring("gateway").current.secret, b"PRIVATE KEY"):
        assert secret not in said.encode()
        assert secret not in (appliance.rescue.keep.audit + appliance.rescue.door.audit).encode()


async def test_door_stays_locked_out_when_it_cannot_be_reached_to_be_readmitted(appliance: Appliance) -> None:
    thief = appliance.stolen()
    await appliance.ask("lock-door --yes")
    appliance.rescue.door.stop("sshd")
    try:
        answer = await appliance.ask("readmit-door --yes")
    finally:
        appliance.rescue.door.start_sshd()

    assert answer.code == 1
    assert "stays locked out" in answer.out
    assert load_keyring(appliance.keep.installation.agent / "keys").rings == {}
    async with appliance.door_of(thief) as thiefs:
        assert (await thiefs.ask()).outcome is not Outcome.OK
    assert (await appliance.ask("readmit-door --yes")).code == 0


async def test_keep_stops_the_agent_and_drops_the_door_when_a_step_fails(appliance: Appliance) -> None:
    host = appliance.rescue.keep
    host.path("/run/fail-ours").touch()
    try:
        answer = await appliance.ask("lock-door --yes")
    finally:
        host.path("/run/fail-ours").unlink()

    assert answer.code == 1, answer.out
    assert "nft:" not in answer.out
    assert "locked out by force" in answer.out
    assert host.path(f"{STATE}/agent-held").exists()
    assert any(call.endswith("stop agent.service") for call in host.calls)
    assert (
        "ip saddr 10.77.0.4 tcp dport { 8443, 8444 } drop"
        in host.run("nft", "list", "table", "inet", "drawbridge_lock").out
    )

    assert (await appliance.ask("readmit-door --yes")).code == 0
    assert not host.path(f"{STATE}/agent-held").exists()
    assert host.run("nft", "list", "table", "inet", "drawbridge_lock").code != 0
    assert [call for call in host.calls if call.startswith("systemctl")][-1].endswith("start agent.service")


async def test_rotation_loses_no_call_when_the_keep_drives_it(appliance: Appliance) -> None:
    email, before = await appliance.stage.add_user(), load_keyring(appliance.door.gateway / "keys").request_key().key_id
    async with appliance.door_of(appliance.door) as ours:
        await ours.sign_in(email)
        async with ours.load(every_s=0.05) as seen:
            rotated = await appliance.ask("rotate-keys --yes")

    assert rotated.code == 0, rotated.out
    assert {one.outcome for one in seen} == {Outcome.OK}
    assert len(seen) > 100
    rings = [load_keyring(folder / "keys").ring("gateway") for folder in (appliance.door.agent, appliance.door.gateway)]
    assert rings[0] == rings[1]
    assert rings[0].current.key_id != before
    assert rings[0].previous is rings[0].next is None
