"""The agent is killed between any two steps of sending a mail, and starts again."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections import Counter
from pathlib import Path

import pytest
import trustme

from tests.integration.agent.conftest import StoreDsns
from tests.integration.agent.mail.conftest import rows
from tests.mail_server import mail_server

UNKNOWABLE = {"after the text", "before mail_sent"}
"""The server has the text, and the store does not know it yet."""


@pytest.mark.slow
async def test_mail_comes_and_comes_once_when_the_agent_is_killed_between_any_two_steps(
    authority: trustme.CA, store_dsns: StoreDsns, tmp_path: Path
) -> None:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    async with mail_server(authority) as server:
        program = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.integration.agent.mail.killed",
            store_dsns.agent, str(tmp_path / "key"), str(server.port), str(tmp_path / "ca.pem"),
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        output, _ = await program.communicate()
    assert program.returncode == 0
    results = json.loads(output)
    came = Counter(server.mailbox.recipients())

    steps = [result["step"] for result in results]
    assert [result["status"] for result in results] == [signal.SIGKILL] * (len(results) - 1) + [0]
    assert all(result["again"] == 0 for result in results)
    for expected in ("recover_mails", "claim_mail", "EHLO", "AUTH", "MAIL", "RCPT", "the text", "mail_sent"):
        assert {f"before {expected}", f"after {expected}"} <= set(steps)
    for result in results:
        times = {2} if result["step"] in UNKNOWABLE else {1}
        assert came[result["recipient"]] in times, result
    assert {row["state"] for row in await rows(store_dsns)} == {"sent"}
    ids = [(message["To"], message["Message-ID"]) for message in server.mailbox.taken]
    assert len(set(ids)) == len(results)  # those that came twice came under one id
