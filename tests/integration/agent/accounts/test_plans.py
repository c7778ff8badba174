"""Every question about accounts has an index when there are many of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import uuid4

import asyncpg
import pytest

from agent.accounts.statements import QUERIES
from tests.integration.agent.conftest import StoreDsns

MANY: Final = 100_000
NOW: Final = datetime(2026, 5, 1, tzinfo=UTC)
LATEST: Final = (NOW + timedelta(days=1), 1 << 40)
SOMEBODY: Final = uuid4()
FILL: Final = f"""
    SET session_replication_role = replica;
    INSERT INTO users (email, name, password_hash, role, username)
        SELECT 'user' || n || '@example.org', 'User ' || n, 'x',
               CASE n % 1000 WHEN 0 THEN 'admin' WHEN 1 THEN 'technician' ELSE 'viewer' END, 'user' || n
        FROM generate_series(1, {MANY}) AS n;
    INSERT INTO sessions (id, user_id, salt, created_at, rotated_at, expires_at)
        SELECT gen_random_uuid(), id, 'x', now(), now(), now() + interval '1 day' FROM users;
    INSERT INTO one_time_tokens (digest, id, purpose, user_id, email, created_at, expires_at)
        SELECT sha256(id::text::bytea), gen_random_uuid(), 'reset', id, email, now(), now() + interval '1 hour'
        FROM users;
    INSERT INTO audit (number, at, actor, user_id, operation, outcome, entity, entity_id, subject_id, request_id, hash)
        SELECT row_number() OVER (), now(), 'user', id, 'o', 'done', 'account', id::text, id, '', 'x' FROM users;
    INSERT INTO oidc_links (issuer, subject, user_id, linked_at)
        SELECT 'https://login.example.org', id::text, id, now() FROM users;
    INSERT INTO oidc_used (digest, expires_at) SELECT sha256(id::text::bytea), now() + interval '10 min' FROM users;
    ANALYZE;
"""  # noqa: S608 - a number of ours
ASKED: Final = {
    "user_by_email": ("user7@example.org",),
    "profile": (SOMEBODY,),
    "own_sessions": (SOMEBODY, NOW),
    "activity": (SOMEBODY, str(SOMEBODY), *LATEST, 51),
    "entries_about": (SOMEBODY, str(SOMEBODY), 10_000),
    "find_users": (None, None, None, "user5", 51),
    "lock_admins": (),
    "has_admin": (),
    "has_username": ("user7",),
    "account_to_mail": ("user7@example.org",),
    "find_token": (b"x", ["reset"], NOW),
    "use_token": (b"x", ["reset"], NOW),
    "withdraw_tokens": ("user7@example.org", ["reset"]),
    "withdraw_tokens_of": (SOMEBODY, ["reset"]),
    "forget_tokens": (NOW,),
    "forget_tokens_for": ("user7@example.org",),
    "end_sessions_of": (SOMEBODY, NOW),
    "user_by_oidc": ("https://login.example.org", str(SOMEBODY)),
    "oidc_links_of": (SOMEBODY,),
    "forget_oidc_used": (NOW,),
    "change_email": (SOMEBODY, "x@example.org"),
}


@pytest.mark.story("todo/SC-009")
@pytest.mark.slow
async def test_no_question_reads_a_whole_table_when_there_are_100_000_accounts(store_dsns: StoreDsns) -> None:
    connection = await asyncpg.connect(store_dsns.owner, timeout=5)
    await connection.execute(FILL, timeout=50)
    whole = {}
    for name, values in ASKED.items():
        rows = await connection.fetch(f"EXPLAIN {QUERIES[name].sql}", *values, timeout=5)
        plan = "\n".join(row[0] for row in rows)
        if "Seq Scan" in plan:
            whole[name] = plan
    page = [row["email"] for row in await connection.fetch(QUERIES["find_users"].sql, *ASKED["find_users"], timeout=5)]
    await connection.close(timeout=5)
    assert whole == {}
    assert (len(page), page) == (51, sorted(page))
