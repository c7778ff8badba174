"""Tables as they are when there are 100,000 of everything, and values that a question would have."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

MANY: Final = 100_000
NOW: Final = datetime(2026, 5, 1, tzinfo=UTC)
SOMEBODY: Final = UUID(int=7)
EMAIL: Final = "user7@example.org"
_NOW: Final = f"timestamptz '{NOW.isoformat()}'"
_ID: Final = "lpad(to_hex(n), 32, '0')::uuid"

# One index at a time when the rows are there takes a fraction of what keeping them all up to date would.
_INDEXES: Final = """
    CREATE TEMPORARY TABLE indexes AS
        SELECT i.indexrelid::regclass AS name, pg_get_indexdef(i.indexrelid) AS definition
        FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indrelid
        WHERE c.relnamespace = 'public'::regnamespace
          AND NOT EXISTS (SELECT FROM pg_constraint AS k WHERE k.conindid = i.indexrelid);
    DO $$ DECLARE each record; BEGIN
        FOR each IN SELECT name FROM indexes LOOP EXECUTE format('DROP INDEX %s', each.name); END LOOP;
    END $$;
"""
_INDEXES_AGAIN: Final = """
    DO $$ DECLARE each record; BEGIN
        FOR each IN SELECT definition FROM indexes LOOP EXECUTE each.definition; END LOOP;
    END $$;
    SET session_replication_role = origin;
    ANALYZE;
"""

STORE: Final = f"""
    SET session_replication_role = replica;
    {_INDEXES}
    INSERT INTO users (id, email, name, password_hash, role, username)
        SELECT {_ID}, 'user' || n || '@example.org', 'User ' || n, 'x',
               CASE n % 1000 WHEN 0 THEN 'admin' WHEN 1 THEN 'technician' ELSE 'viewer' END, 'user' || n
        FROM generate_series(1, {MANY}) AS n;
    INSERT INTO sessions (id, user_id, salt, created_at, rotated_at, expires_at, ended_at)
        SELECT {_ID}, {_ID}, 'x', at, at, at + interval '7 days', CASE WHEN n % 10 = 0 THEN at END
        FROM generate_series(1, {MANY}) AS n, LATERAL (SELECT {_NOW} - n * interval '6 s' AS at) AS t;
    INSERT INTO grants (user_id, app, person) SELECT {_ID}, 'health', n::text FROM generate_series(1, {MANY}) AS n;
    INSERT INTO limits (key, next_at)
        SELECT encode(sha256(n::text::bytea), 'hex'), {_NOW} + n * interval '1 s' FROM generate_series(1, {MANY}) AS n;
    INSERT INTO idempotency (caller, operation, key, content_digest, body, next_cursor, created_at)
        SELECT 'user:' || {_ID}, 'users.change', n::text, 'x', 'x', '', {_NOW} - n * interval '0.8 s'
        FROM generate_series(1, {MANY}) AS n;
    INSERT INTO one_time_tokens (digest, id, purpose, user_id, email, created_at, expires_at)
        SELECT sha256(n::text::bytea), {_ID}, CASE n % 10 WHEN 0 THEN 'invitation' ELSE 'reset' END, {_ID},
               'user' || n || '@example.org', {_NOW}, {_NOW} + n * interval '1 s'
        FROM generate_series(1, {MANY}) AS n;
    INSERT INTO feedback (id, user_id, topic, message, created_at)
        SELECT {_ID}, {_ID}, 'other', 'x', {_NOW} FROM generate_series(1, {MANY}) AS n;
    INSERT INTO mails (id, cause, template, recipient, user_id, state, created_at, next_try_at, ended_at)
        SELECT {_ID}, 'feedback ' || {_ID}, 'reset', 'user' || n || '@example.org', {_ID}, state, at,
               at, CASE state WHEN 'sent' THEN at END
        FROM generate_series(1, {MANY}) AS n, LATERAL (SELECT {_NOW} - n * interval '20 s' AS at,
             CASE WHEN n <= 20 THEN 'waiting' WHEN n <= 40 THEN 'parked' ELSE 'sent' END AS state) AS t;
    INSERT INTO audit (number, at, actor, user_id, operation, outcome, entity, entity_id, subject_id, request_id,
                       payload_digest, salt, payload, hash)
        SELECT n, {_NOW} - ({MANY} - n) * interval '1 min', 'user', lpad(to_hex(n % 500), 32, '0')::uuid,
               'op.' || n % 20, 'done', 'kind' || n % 10, (n % 500)::text,
               CASE WHEN n % 2 = 0 THEN lpad(to_hex(n % 500), 32, '0')::uuid END, '',
               'x', CASE WHEN n % 2 = 0 THEN 'x'::bytea END, CASE WHEN n % 2 = 0 THEN '{{}}' END, 'x'
        FROM generate_series(1, {MANY}) AS n;
    INSERT INTO oidc_links (issuer, subject, user_id, linked_at)
        SELECT 'https://login.example.org', n::text, {_ID}, {_NOW} FROM generate_series(1, {MANY}) AS n;
    INSERT INTO oidc_used (digest, expires_at)
        SELECT sha256(n::text::bytea), {_NOW} + n * interval '1 s' FROM generate_series(1, {MANY}) AS n;
    {_INDEXES_AGAIN}
"""  # noqa: S608 - numbers of ours

VALUES: Final[dict[str, object]] = {
    "actor": "user", "after": 500, "app": "health", "at": NOW, "at_most": 100, "before": "x", "before_at": NOW,
    "before_id": SOMEBODY, "before_number": 1 << 40, "body": b"x",
    "bytes_max": 1 << 20, "caller": f"user:{SOMEBODY}", "cause": f"feedback {SOMEBODY}",
    "content": "{}", "content_digest": "x", "count": 51, "digest": b"x", "email": EMAIL, "entities": ["kind3"],
    "entity": "kind3", "entity_id": "3", "entity_ids": ["3"], "expires_at": NOW, "generation": 1, "id": SOMEBODY,
    "ids": [SOMEBODY], "intervals_s": [12.0], "is_active": True, "is_all": False,
    "issuer": "https://login.example.org", "key": "7", "keys": ["x"], "known": 3, "latest": NOW + timedelta(days=1),
    "limit": 51, "message": "x", "name": "User", "next_cursor": "", "next_try_at": NOW,
    "not_after": NOW - timedelta(days=1), "not_before": NOW - timedelta(hours=1), "now": NOW, "number": 7,
    "operation": "users.change", "outcome": "done", "password_hash": "y", "payload": "{}", "payload_digest": b"x",
    "period": timedelta(minutes=1), "person": "p", "preferences": "{}", "purpose": "reset", "purposes": ["reset"],
    "reason": "", "recipient": EMAIL, "request_id": "", "role": "viewer", "salt": b"x", "sealed": b"x",
    "session_id": SOMEBODY, "since": NOW, "state": "waiting", "subject": "7", "subject_id": SOMEBODY,
    "template": "reset", "time_zone": "UTC", "topic": "other", "tries_max": 3, "user_id": SOMEBODY,
    "user_text": str(SOMEBODY), "username": "user7",
}  # fmt: skip
"""What a parameter of this name is asked with, in every statement that has it."""

NEW: Final = UUID(int=1 << 100)
NEW_ACCOUNT: Final[dict[str, object]] = {"id": NEW, "email": "new@example.org", "username": "new"}
OTHERWISE: Final[dict[str, tuple[dict[str, object], ...]]] = {
    "accounts.users_state": ({}, {"user_id": None}),
    "accounts.add_feedback": ({"id": NEW},),
    "accounts.add_token": ({"id": NEW},),
    "accounts.add_user": (NEW_ACCOUNT,),
    "accounts.change_email": (NEW_ACCOUNT,),
    "accounts.create_user": (NEW_ACCOUNT,),
    "accounts.join_user": (NEW_ACCOUNT,),
    "accounts.start_session": ({"session_id": NEW},),
    "accounts.find_users": (
        {"role": None, "is_active": None, "text": None, "after": "user5"},
        {"role": None, "is_active": True, "text": None, "after": ""},
        {"role": "viewer", "is_active": None, "text": None, "after": "user5"},
        {"role": None, "is_active": None, "text": "user", "after": "user5"},
    ),
    "accounts.open_invitations": ({"after": ""}, {"after": "user5"}),
    "accounts.lock_invitation": ({"email": None}, {"id": None}),
    "accounts.renew_token": ({"digest": b"new"},),
    "accounts.withdraw_invitation": ({"email": None}, {"id": None}),
    "accounts.forget_attempts": ({"now": NOW + timedelta(seconds=500)},),
    "accounts.forget_tokens": ({"now": NOW + timedelta(seconds=500)},),
    "accounts.forget_oidc_used": ({"now": NOW + timedelta(seconds=500)},),
    "accounts.forget_sessions": ({"not_after": NOW - timedelta(seconds=MANY * 6 - 3000) + timedelta(days=7)},),
    "db.forget_answers": ({"not_after": NOW - timedelta(seconds=MANY * 0.8 - 400)},),
    "mail.add_mail": ({"id": NEW}, {"id": NEW, "cause": "new"}),
    "mail.forget_mails": ({"before": NOW - timedelta(seconds=MANY * 20 - 10_000)},),
    "audit.links": ({"after": MANY - 500, "count": 256},),
    "mail.list_mails": ({}, {"is_all": True}),
    "mail.retry_mails": ({}, {"ids": None}),
    "mail.drop_mails": ({}, {"ids": None}),
}
"""By statement, what differs; several where it may be asked in several ways."""
