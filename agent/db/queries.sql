-- name: try_lock
-- Take the lock of one idempotency key until the transaction ends, without waiting for another holder.
-- $1 caller text
-- $2 operation text
-- $3 key text
-- -> boolean
SELECT pg_try_advisory_xact_lock(hashtextextended(concat_ws(chr(1), $1::text, $2::text, $3::text), 0));

-- name: find_answer
-- What was answered to the key before.
-- $1 caller text
-- $2 operation text
-- $3 key text
-- $4 not_before timestamptz
-- -> content_digest text, body bytea, next_cursor text
SELECT content_digest, body, next_cursor FROM idempotency
WHERE caller = $1 AND operation = $2 AND key = $3 AND created_at > $4;

-- name: keep_answer
-- Keep what is answered to the key now; an older record of it has expired.
-- $1 caller text
-- $2 operation text
-- $3 key text
-- $4 content_digest text
-- $5 body bytea
-- $6 next_cursor text
-- $7 now timestamptz
INSERT INTO idempotency (caller, operation, key, content_digest, body, next_cursor, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (caller, operation, key) DO UPDATE
SET content_digest = excluded.content_digest, body = excluded.body, next_cursor = excluded.next_cursor,
    created_at = excluded.created_at;

-- name: forget_answers
-- Drop the records that nobody will ask for again.
-- $1 not_after timestamptz
DELETE FROM idempotency WHERE created_at <= $1;

-- name: applied_migrations
-- The migrations this store has, in order.
-- -> number int, name text, sha256 text
SELECT number, name, sha256 FROM schema_migrations ORDER BY number;

-- name: has_breaking_migration
-- Whether a migration after the known ones breaks code that does not know it.
-- $1 known int
-- -> boolean
SELECT EXISTS (SELECT FROM schema_migrations WHERE number > $1 AND breaks_older);
