-- The statements of the program that knew migration 0001 alone, as they were. A store that is newer still has to serve
-- them: a release whose health check fails goes back to the one before, and the store does not.

-- name: users_state
-- What decides whether a user's tokens and grants are worth anything; of one user, or of all.
-- $1 user_id uuid
-- -> id uuid, role text, is_active boolean, token_version int, apps text[], persons text[]
SELECT u.id, u.role, u.is_active, u.token_version,
       array_agg(g.app ORDER BY g.app) FILTER (WHERE g.app IS NOT NULL) AS apps,
       array_agg(g.person ORDER BY g.app) FILTER (WHERE g.app IS NOT NULL) AS persons
FROM users AS u LEFT JOIN grants AS g ON g.user_id = u.id
WHERE $1::uuid IS NULL OR u.id = $1
GROUP BY u.id;

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

-- name: user_by_email
-- The account that signs in with an e-mail address.
-- $1 email text
-- -> id uuid, email text, name text, password_hash text, role text, time_zone text, is_active boolean,
--    token_version int
SELECT id, email, name, password_hash, role, time_zone, is_active, token_version FROM users WHERE lower(email) = lower($1);

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

-- name: take_attempts
-- Count one attempt for each key (GCRA), and say which keys have had too many.
-- A time further ahead than two periods was written by a clock that was wrong, and counts as none. Not one period: a
-- clock that is set back by a moment would give everybody a new quota.
-- $1 keys text[]
-- $2 intervals_s double precision[]
-- $3 now timestamptz
-- $4 period interval
-- -> retry_after_s double precision
WITH asked AS (
    SELECT key, interval_s, $3::timestamptz AS now
    FROM unnest($1::text[], $2::double precision[]) AS a (key, interval_s)
), taken AS (
    INSERT INTO limits AS l (key, next_at)
    SELECT key, now + make_interval(secs => interval_s) FROM asked ORDER BY key
    ON CONFLICT (key) DO UPDATE
    SET next_at = CASE WHEN l.next_at > $3 + 2 * $4::interval THEN excluded.next_at
                       ELSE greatest(l.next_at, $3) + (excluded.next_at - $3) END
    -- a millisecond for the rounding of intervals such as 60 s / 7
    WHERE l.next_at <= $3 + $4 - (excluded.next_at - $3) + interval '1 ms' OR l.next_at > $3 + 2 * $4::interval
    RETURNING key
)
-- LEFT: a row that others made since this statement began refuses here, and cannot be seen
SELECT coalesce(extract(epoch FROM l.next_at - $3 - $4)::double precision, 0) + a.interval_s AS retry_after_s
FROM asked AS a LEFT JOIN limits AS l USING (key)
WHERE a.key NOT IN (SELECT key FROM taken);

-- name: forget_attempts
-- Drop the counts that limit nobody any more.
-- $1 now timestamptz
DELETE FROM limits WHERE next_at <= $1;

-- name: add_user
-- Create an account.
-- $1 email text
-- $2 name text
-- $3 password_hash text
-- $4 role text
-- $5 time_zone text
-- -> id uuid
INSERT INTO users (email, name, password_hash, role, time_zone) VALUES ($1, $2, $3, $4, $5) RETURNING id;

-- name: list_users
-- Every account, by e-mail address.
-- -> id uuid, email text, name text, role text, is_active boolean, created_at timestamptz
SELECT id, email, name, role, is_active, created_at FROM users ORDER BY lower(email);

-- name: set_active
-- Disable an account, which ends its sessions, or enable it again.
-- $1 email text
-- $2 is_active boolean
UPDATE users SET is_active = $2 WHERE lower(email) = lower($1);

-- name: set_password
-- Replace an account's password, which ends its sessions.
-- $1 email text
-- $2 password_hash text
UPDATE users SET password_hash = $2 WHERE lower(email) = lower($1);

-- name: add_grant
-- Link an account to a person's records in an app, or to all where the source has one person.
-- $1 email text
-- $2 app text
-- $3 person text
INSERT INTO grants (user_id, app, person) SELECT id, $2, $3 FROM users WHERE lower(email) = lower($1)
ON CONFLICT (user_id, app) DO UPDATE SET person = excluded.person, granted_at = now();

-- name: remove_grant
-- Take an account's link in an app away.
-- $1 email text
-- $2 app text
DELETE FROM grants USING users WHERE users.id = grants.user_id AND lower(users.email) = lower($1) AND grants.app = $2;

-- name: list_grants
-- Every link, by e-mail address.
-- -> email text, app text, person text, granted_at timestamptz
SELECT u.email, g.app, g.person, g.granted_at FROM grants AS g JOIN users AS u ON u.id = g.user_id
ORDER BY lower(u.email), g.app;
