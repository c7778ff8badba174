"""Both Pis have another processor than this machine: what we put there installs, loads, starts and answers on it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import asyncpg
import pytest

from bridge.process.clock import SystemClock, utc
from demo.appliance import ANNA, readable_password
from demo.databases import MAPPING, SOURCE, provide_source, provide_store
from demo.door import Door, free_port
from demo.installation import AGENT_DRAIN_S, GATEWAY_DRAIN_S, Installation
from demo.postgres import PORT, EmbeddedPostgres
from tests.lab.arm64 import Pi
from tests.lab.shell import PROJECT

pytestmark = [pytest.mark.usefixtures("idle"), pytest.mark.timeout(180, func_only=True)]

CORES: Final = {"door": "cortex-a72", "keep": "cortex-a53"}
"""Of a Raspberry Pi 4 and 3."""
SUITES: Final = {"door": "trixie", "keep": "bookworm"}
"""The two that the playbook knows, one each: a new door before an old keep. The wheels are the same on both sides."""
SERVICES: Final = (("keep", "agent", AGENT_DRAIN_S), ("door", "gateway", GATEWAY_DRAIN_S))

QUESTION: Final = "How often did I have a migraine in all?"
COUNT: Final = """
    SELECT count(*) FROM symptom_log JOIN symptom_type ON symptom_type.id = symptom_id
    WHERE patient_id = $1 AND label = 'Migraine'
"""
LOAD: Final = """
import importlib, json, pathlib, platform, sys, sysconfig
from importlib.metadata import distributions
sys.path.extend(map(str, pathlib.Path("/usr/share/python-wheels").glob("pip-*.whl")))
from pip._vendor.packaging.tags import sys_tags
from pip._vendor.packaging.utils import canonicalize_name, parse_wheel_filename

taken = frozenset(sys_tags())
wheels = [file.name for file in pathlib.Path("/opt/drawbridge/current/wheels").iterdir()]
site = pathlib.Path(sysconfig.get_path("platlib"))
names = [".".join((*file.relative_to(site).parent.parts, file.name.partition(".")[0])) for file in site.rglob("*.so")]
print(json.dumps({
    "machine": platform.machine(),
    "refused": [name for name in wheels if taken.isdisjoint(parse_wheel_filename(name)[3])],
    "installed": {canonicalize_name(each.name): each.version for each in distributions(path=[str(site)])},
    "loaded": [importlib.import_module(name).__name__ for name in names],
}))
"""
"""Asks the Pi's own pip which wheels it takes, and loads every compiled module."""
COMPILED: Final = {"aiohttp", "asyncpg", "bcrypt", "cryptography", "pydantic_core", "rapidfuzz", "uvloop", "yarl"}
"""Some of the packages with compiled modules; a list that came out empty would prove nothing."""


@pytest.fixture(scope="module")
def pis() -> Iterator[Mapping[str, Pi]]:
    """Give the door and the keep, each with its release."""
    with tempfile.TemporaryDirectory(prefix="drawbridge-arm64-") as folder:
        Path(folder).chmod(0o755)  # mmdebstrap downloads as another user
        pis = {side: Pi(Path(folder) / side, SUITES[side], side, core) for side, core in CORES.items()}
        with ThreadPoolExecutor() as threads:
            list(threads.map(Pi.set_up, pis.values()))
        yield pis


@pytest.fixture(scope="module")
def postgres() -> Iterator[EmbeddedPostgres]:
    with tempfile.TemporaryDirectory(prefix="drawbridge-arm64-postgres-") as folder:
        server = EmbeddedPostgres(Path(folder), durable=False)
        server.start()
        try:
            yield server
        finally:
            server.stop()


def test_every_wheel_of_the_lock_loads_when_the_pis_have_arm64(pis: Mapping[str, Pi]) -> None:
    with ThreadPoolExecutor() as threads:
        answers = list(threads.map(lambda pi: pi.python("-c", LOAD), pis.values()))
    for side, answer in zip(pis, answers, strict=True):
        found = json.loads(answer)
        assert found["machine"] == "aarch64", side
        assert found["refused"] == [], side
        assert found["installed"] == _locked(), side
        assert {name.partition(".")[0] for name in found["loaded"]} >= COMPILED, side


def test_chat_answers_when_gateway_and_agent_run_on_arm64(
    pis: Mapping[str, Pi], postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    installation = Installation(tmp_path / "installation")
    port = _install(installation, pis, postgres)
    keep, config = pis["keep"], _config(installation, "agent")
    password = readable_password()
    (password_file := installation.folder / "password").write_text(password, "utf-8")
    keep.give(password_file)
    owner = [
        ("users", "add", ANNA.email, "--name", ANNA.name, "--password-file", str(password_file)),
        ("grants", "add", ANNA.email, "--app", "health", "--person", ANNA.person),
    ]
    credentials = _credentials(installation, "agent")
    keep.python("-m", "agent", "migrate", *config, variables=[credentials])
    with ExitStack() as running:
        # The owner's commands take as long as a start: they run beside one, as they may at any time.
        for (side, name, drain_s), command in zip(SERVICES, owner, strict=True):
            service = pis[side].start(
                name, *_config(installation, name), variables=[_credentials(installation, name)],
                log=installation.log / f"{name}.log", drain_s=drain_s + 5,
            )  # fmt: skip
            running.callback(service.stop)
            keep.python("-m", "agent", *command, *config, variables=[credentials])
            service.wait()
        door = Door(port, installation.ca_file)
        door.wait_until_ready(30)
        token = door.sign_in(ANNA.email, password)
        status, body = door.ask("POST", "/api/v1/chat", content={"message": QUESTION}, token=token)
    assert status == 200, body
    number = re.search(r"\d[\d,]*", json.loads(body)["answer"])
    assert number is not None, body
    count = _in_records(postgres, COUNT)
    assert count > 0
    assert int(number[0].replace(",", "")) == count


def _locked() -> dict[str, str]:
    """Return what the lock pins for Linux."""
    lines = (PROJECT / "requirements.lock").read_text("utf-8").splitlines()
    pins = [re.match(r"([a-z0-9-]+)==(\S+)", line) for line in lines if "'win32'" not in line]
    return {pin[1]: pin[2] for pin in pins if pin}


def _install(installation: Installation, pis: Mapping[str, Pi], postgres: EmbeddedPostgres) -> int:
    """Give each Pi its certificates, keys, settings and credentials, as the playbook would; return the door's port."""
    now = utc(SystemClock().time())
    installation.claim("arm64")
    installation.issue_certificates(now)
    installation.make_keys(now)
    logins = asyncio.run(provide_store(postgres))
    asyncio.run(provide_source(postgres, now))
    port, agent_port = free_port(), free_port()
    installation.write_agent(
        port=agent_port,
        mapping=MAPPING,
        credentials={"source.dsn": logins.source, "store.dsn": logins.agent, "store.owner-dsn": logins.owner},
    )
    installation.write_gateway(port=port, agent_port=agent_port)
    for path in (installation.agent, installation.pki, MAPPING):
        pis["keep"].give(path, without=("root.key", "web"))
    pis["door"].give(installation.gateway)
    socket = postgres.socket_folder / f".s.PGSQL.{PORT}"
    inside = pis["keep"].root / socket.relative_to("/")
    inside.parent.mkdir(parents=True)
    os.link(socket, inside)  # the same socket: a root has no way to what is outside
    return port


def _config(installation: Installation, name: str) -> tuple[str, str]:
    return "--config", str(installation.folder / name / f"{name}.toml")


def _credentials(installation: Installation, name: str) -> str:
    return f"CREDENTIALS_DIRECTORY={installation.folder / name / 'credentials'}"


def _in_records(postgres: EmbeddedPostgres, query: str) -> int:
    async def ask() -> int:
        connection = await asyncpg.connect(postgres.dsn(SOURCE), timeout=5)
        try:
            return int(await connection.fetchval(query, int(ANNA.person), timeout=5))
        finally:
            await connection.close(timeout=5)

    return asyncio.run(ask())
