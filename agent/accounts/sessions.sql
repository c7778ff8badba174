-- name: sessions_ended
-- The sessions whose access tokens would still be good, had they not been ended; oldest first.
-- $1 not_before timestamptz
-- -> id uuid, ended_at timestamptz
SELECT id, ended_at FROM sessions WHERE ended_at > $1 ORDER BY ended_at;

-- name: session_has_ended
-- Whether a session was ended.
-- $1 session_id uuid
-- -> boolean
SELECT EXISTS (SELECT FROM sessions WHERE id = $1 AND ended_at IS NOT NULL);

-- name: start_session
-- Remember a sign-in.
-- $1 session_id uuid
-- $2 user_id uuid
-- $3 salt bytea
-- $4 now timestamptz
-- $5 expires_at timestamptz
INSERT INTO sessions (id, user_id, salt, created_at, rotated_at, expires_at) VALUES ($1, $2, $3, $4, $4, $5);

-- name: session_to_refresh
-- The session a refresh token belongs to, with its account; locked until the transaction ends.
-- $1 session_id uuid
-- -> salt bytea, generation int, created_at timestamptz, rotated_at timestamptz, expires_at timestamptz,
--    ended_at timestamptz, and the account as in user_by_email
SELECT s.salt, s.generation, s.created_at, s.rotated_at, s.expires_at, s.ended_at,
       u.id, u.email, u.name, u.role, u.time_zone, u.is_active, u.token_version
FROM sessions AS s JOIN users AS u ON u.id = s.user_id
WHERE s.id = $1 FOR UPDATE OF s;

-- name: rotate_session
-- Make the next refresh token of a session the one that is good.
-- $1 session_id uuid
-- $2 generation int
-- $3 now timestamptz
-- $4 expires_at timestamptz
UPDATE sessions SET generation = $2, rotated_at = $3, expires_at = $4 WHERE id = $1;

-- name: end_session
-- End a session; its tokens stop working at once.
-- $1 session_id uuid
-- $2 now timestamptz
UPDATE sessions SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL;

-- name: end_every_session
-- End all sessions; their tokens stop working at once, each by its trigger.
-- $1 now timestamptz
UPDATE sessions SET ended_at = $1 WHERE ended_at IS NULL;

-- name: forget_sessions
-- Drop sessions when nobody can hold a token of theirs any more.
-- $1 not_after timestamptz
DELETE FROM sessions WHERE expires_at <= $1;

-- name: own_sessions
-- The sign-ins of an account that still stand, the newest 200 of them: who signs in with each call has thousands.
-- $1 user_id uuid
-- $2 now timestamptz
-- -> id uuid, created_at timestamptz, last_used_at timestamptz, expires_at timestamptz
SELECT id, created_at, rotated_at AS last_used_at, expires_at FROM sessions
WHERE user_id = $1 AND ended_at IS NULL AND expires_at > $2
ORDER BY created_at DESC, id LIMIT 200;

-- name: end_own_session
-- End a session if it is this account's and stands.
-- $1 user_id uuid
-- $2 session_id uuid
-- $3 now timestamptz
-- -> id uuid
UPDATE sessions SET ended_at = $3 WHERE user_id = $1 AND id = $2 AND ended_at IS NULL AND expires_at > $3 RETURNING id;

-- name: end_other_sessions
-- End every session of an account but one.
-- $1 user_id uuid
-- $2 session_id uuid
-- $3 now timestamptz
-- -> id uuid
UPDATE sessions SET ended_at = $3 WHERE user_id = $1 AND id <> $2 AND ended_at IS NULL AND expires_at > $3 RETURNING id;

-- name: end_sessions_of
-- End every session of an account.
-- $1 user_id uuid
-- $2 now timestamptz
-- -> id uuid
UPDATE sessions SET ended_at = $2 WHERE user_id = $1 AND ended_at IS NULL AND expires_at > $2 RETURNING id;

-- name: sessions_of
-- The sessions of an account that are still remembered, newest first.
-- $1 user_id uuid
-- $2 count bigint
-- -> id uuid, created_at timestamptz, last_used_at timestamptz, expires_at timestamptz, ended_at timestamptz,
--    total bigint (of all)
SELECT id, created_at, rotated_at AS last_used_at, expires_at, ended_at, count(*) OVER () AS total FROM sessions
WHERE user_id = $1 ORDER BY created_at DESC, id LIMIT $2;

-- name: administrates_still
-- Whether a session of an active administrator stands; the account stays as it is until the transaction ends.
-- $1 user_id uuid
-- $2 session_id uuid
-- -> boolean
SELECT true FROM users AS u JOIN sessions AS s ON s.user_id = u.id
WHERE u.id = $1 AND s.id = $2 AND u.role = 'admin' AND u.is_active AND s.ended_at IS NULL FOR SHARE OF u;
