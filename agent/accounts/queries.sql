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

-- name: account_with_password
-- The account of a password that was just checked, if it still is the one and the account active; it stays so until the
-- transaction ends.
-- $1 user_id uuid
-- $2 password_hash text
-- -> the account as in user_by_email
SELECT id, email, name, password_hash, role, time_zone, is_active, token_version FROM users
WHERE id = $1 AND password_hash = $2 AND is_active FOR SHARE;

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
-- -> id uuid, was_active boolean
WITH old AS (SELECT id, is_active FROM users WHERE lower(email) = lower($1) FOR UPDATE)
UPDATE users SET is_active = $2 FROM old WHERE users.id = old.id RETURNING users.id, old.is_active AS was_active;

-- name: set_password
-- Replace an account's password, which ends its sessions.
-- $1 email text
-- $2 password_hash text
-- -> id uuid
UPDATE users SET password_hash = $2 WHERE lower(email) = lower($1) RETURNING id;

-- name: add_grant
-- Link an account to a person's records in an app, or to all where the source has one person.
-- $1 email text
-- $2 app text
-- $3 person text
-- -> user_id uuid, was_there boolean, was_person text
WITH account AS (
    SELECT u.id, g.user_id IS NOT NULL AS was_there, g.person AS was_person
    FROM users AS u LEFT JOIN grants AS g ON g.user_id = u.id AND g.app = $2
    WHERE lower(u.email) = lower($1) FOR UPDATE OF u
), given AS (
    INSERT INTO grants (user_id, app, person) SELECT id, $2, $3 FROM account
    ON CONFLICT (user_id, app) DO UPDATE SET person = excluded.person, granted_at = now() RETURNING user_id
)
SELECT user_id, was_there, was_person FROM given JOIN account ON account.id = given.user_id;

-- name: remove_grant
-- Take an account's link in an app away.
-- $1 email text
-- $2 app text
-- -> user_id uuid, person text
DELETE FROM grants USING users WHERE users.id = grants.user_id AND lower(users.email) = lower($1) AND grants.app = $2
RETURNING grants.user_id, grants.person;

-- name: list_grants
-- Every link, by e-mail address.
-- -> email text, app text, person text, granted_at timestamptz
SELECT u.email, g.app, g.person, g.granted_at FROM grants AS g JOIN users AS u ON u.id = g.user_id
ORDER BY lower(u.email), g.app;

-- name: profile
-- An account as its owner sees it.
-- $1 user_id uuid
-- -> id uuid, email text, username text, name text, role text, time_zone text, created_at timestamptz,
--    updated_at timestamptz, version int
SELECT id, email, username, name, role, time_zone, created_at, updated_at, version FROM users WHERE id = $1;

-- name: change_profile
-- Change what an owner may change; null leaves a column as it is.
-- $1 user_id uuid
-- $2 name text
-- $3 username text
-- $4 time_zone text
UPDATE users SET name = coalesce($2, name), username = coalesce($3, username), time_zone = coalesce($4, time_zone)
WHERE id = $1;

-- name: preferences
-- How somebody wants things shown and told: what differs from the usual, and what has columns of its own.
-- $1 user_id uuid
-- -> preferences jsonb, time_zone text, version int
SELECT preferences, time_zone, version FROM users WHERE id = $1;

-- name: lock_account
-- The edition of an account, which nobody else changes until the transaction ends.
-- $1 user_id uuid
-- -> int
SELECT version FROM users WHERE id = $1 FOR UPDATE;

-- name: change_preferences
-- Replace what differs from the usual, and the time zone.
-- $1 user_id uuid
-- $2 preferences jsonb
-- $3 time_zone text
-- -> version int
UPDATE users SET preferences = $2, time_zone = $3 WHERE id = $1 RETURNING version;

-- name: activity
-- What the audit trail has of an account: done by it, or to it by others; newest first, after a place.
-- $1 user_id uuid
-- $2 user_text text
-- $3 before_at timestamptz
-- $4 before_number bigint
-- $5 limit bigint
-- -> at timestamptz, number bigint, operation text, outcome text, by_you boolean, address text
SELECT at, number, operation, outcome, by_you, coalesce(payload::jsonb -> 'new' ->> 'address', '') AS address
FROM (
    (SELECT *, true AS by_you FROM audit WHERE user_id = $1 AND (at, number) < ($3, $4)
     ORDER BY at DESC, number DESC LIMIT $5)
    UNION ALL
    (SELECT *, false FROM audit
     WHERE entity = 'account' AND entity_id = $2 AND user_id IS DISTINCT FROM $1 AND (at, number) < ($3, $4)
     ORDER BY at DESC, number DESC LIMIT $5)
    UNION ALL
    (SELECT *, false FROM audit
     WHERE entity = 'grant' AND entity_id = $2 AND user_id IS DISTINCT FROM $1 AND (at, number) < ($3, $4)
     ORDER BY at DESC, number DESC LIMIT $5)
) AS deeds
ORDER BY at DESC, number DESC LIMIT $5;

-- name: own_sessions
-- The sign-ins of an account that still stand, newest first.
-- $1 user_id uuid
-- $2 now timestamptz
-- -> id uuid, created_at timestamptz, last_used_at timestamptz, expires_at timestamptz
SELECT id, created_at, rotated_at AS last_used_at, expires_at FROM sessions
WHERE user_id = $1 AND ended_at IS NULL AND expires_at > $2
ORDER BY created_at DESC, id;

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

-- name: password_of
-- What a password is checked against when its owner is signed in.
-- $1 user_id uuid
-- -> email text, password_hash text
SELECT email, password_hash FROM users WHERE id = $1;

-- name: replace_password
-- Replace the password that was just checked, if it still is the one, which ends every session of the account.
-- $1 user_id uuid
-- $2 before text
-- $3 password_hash text
-- -> id uuid, and the account as in user_by_email
UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2 AND is_active
RETURNING id, email, name, role, time_zone, token_version;

-- name: lock_admins
-- The active administrators, locked until the transaction ends, in an order that is everybody's.
-- -> id uuid
SELECT id FROM users WHERE role = 'admin' AND is_active ORDER BY id FOR UPDATE;

-- name: has_admin
-- Whether there is an active administrator.
-- -> boolean
SELECT EXISTS (SELECT FROM users WHERE role = 'admin' AND is_active);

-- name: is_admin
-- Whether an account is an active administrator; it stays so until the transaction ends.
-- $1 user_id uuid
-- -> boolean
SELECT true FROM users WHERE id = $1 AND role = 'admin' AND is_active FOR SHARE;

-- name: find_users
-- One page of accounts by address. Null is no filter; ``place`` is where a page ends.
-- $1 role text
-- $2 is_active boolean
-- $3 text text
-- $4 after text
-- $5 limit bigint
-- -> place text, and the account as in user_entry
SELECT lower(u.email) AS place, u.id, u.email, u.username, u.name, u.role, u.is_active, u.time_zone, u.created_at,
       u.updated_at, u.version, (SELECT max(s.created_at) FROM sessions AS s WHERE s.user_id = u.id) AS last_sign_in_at
FROM users AS u
WHERE ($1::text IS NULL OR u.role = $1) AND ($2::boolean IS NULL OR u.is_active = $2)
  AND ($3::text IS NULL OR strpos(lower(u.email), lower($3)) > 0 OR strpos(lower(u.name), lower($3)) > 0)
  AND lower(u.email) > $4
ORDER BY lower(u.email) LIMIT $5;

-- name: user_entry
-- An account as an administrator sees it.
-- $1 user_id uuid
-- -> id uuid, email text, username text, name text, role text, is_active boolean, time_zone text,
--    created_at timestamptz, updated_at timestamptz, version int, last_sign_in_at timestamptz
SELECT u.id, u.email, u.username, u.name, u.role, u.is_active, u.time_zone, u.created_at, u.updated_at, u.version,
       (SELECT max(s.created_at) FROM sessions AS s WHERE s.user_id = u.id) AS last_sign_in_at
FROM users AS u WHERE u.id = $1;

-- name: lock_user
-- The same, locked until the transaction ends.
-- $1 user_id uuid
-- -> the account as in user_entry
SELECT u.id, u.email, u.username, u.name, u.role, u.is_active, u.time_zone, u.created_at, u.updated_at, u.version,
       (SELECT max(s.created_at) FROM sessions AS s WHERE s.user_id = u.id) AS last_sign_in_at
FROM users AS u WHERE u.id = $1 FOR UPDATE;

-- name: create_user
-- Create an account that an administrator asked for.
-- $1 email text
-- $2 name text
-- $3 password_hash text
-- $4 role text
-- $5 time_zone text
-- $6 username text
-- -> id uuid
INSERT INTO users (email, name, password_hash, role, time_zone, username) VALUES ($1, $2, $3, $4, $5, $6) RETURNING id;

-- name: change_user
-- Change what an administrator may change; null leaves a column as it is.
-- $1 user_id uuid
-- $2 name text
-- $3 username text
-- $4 role text
-- $5 is_active boolean
-- $6 time_zone text
UPDATE users SET name = coalesce($2, name), username = coalesce($3, username), role = coalesce($4, role),
                 is_active = coalesce($5, is_active), time_zone = coalesce($6, time_zone)
WHERE id = $1;

-- name: end_sessions_of
-- End every session of an account.
-- $1 user_id uuid
-- $2 now timestamptz
-- -> id uuid
UPDATE sessions SET ended_at = $2 WHERE user_id = $1 AND ended_at IS NULL AND expires_at > $2 RETURNING id;

-- name: forgive_attempts
-- Forget what was counted under a key.
-- $1 keys text[]
DELETE FROM limits WHERE key = ANY($1);

-- name: delete_user
-- Delete an account, and by their keys its sessions, links and tokens.
-- $1 user_id uuid
DELETE FROM users WHERE id = $1;

-- name: forget_answers_of
-- Drop the kept answers that an account was given, and those that others were given about it.
-- $1 caller text
-- $2 user_text text
-- $3 email text
DELETE FROM idempotency
WHERE caller = $1 OR position(convert_to($2, 'UTF8') IN body) > 0 OR position(convert_to($3, 'UTF8') IN body) > 0;

-- name: forget_tokens_for
-- Drop the links that went to an address.
-- $1 email text
DELETE FROM one_time_tokens WHERE lower(email) = lower($1);

-- name: account_to_mail
-- The active account of an address, as far as a mail to it needs it.
-- $1 email text
-- -> id uuid, email text, time_zone text, language text
SELECT id, email, time_zone, coalesce(preferences ->> 'language', 'en') AS language
FROM users WHERE lower(email) = lower($1) AND is_active;

-- name: has_account
-- Whether an address has an account, whatever became of it.
-- $1 email text
-- -> boolean
SELECT EXISTS (SELECT FROM users WHERE lower(email) = lower($1));

-- name: has_username
-- Whether a username is an account's.
-- $1 username text
-- -> boolean
SELECT EXISTS (SELECT FROM users WHERE lower(username) = lower($1));

-- name: add_token
-- Remember a link that does something once.
-- $1 digest bytea
-- $2 id uuid
-- $3 purpose text
-- $4 user_id uuid
-- $5 email text
-- $6 content jsonb
-- $7 now timestamptz
-- $8 expires_at timestamptz
INSERT INTO one_time_tokens (digest, id, purpose, user_id, email, content, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: find_token
-- What a link is for, if it is still good.
-- $1 digest bytea
-- $2 purposes text[]
-- $3 now timestamptz
-- -> purpose text, id uuid, user_id uuid, email text, content jsonb
SELECT purpose, id, user_id, email, content FROM one_time_tokens
WHERE digest = $1 AND purpose = ANY($2) AND expires_at > $3;

-- name: lock_owner
-- The account that a link is about, if it is about one, locked until the transaction ends: whoever changes an account has
-- it locked before its links go, and who uses one has to keep that order.
-- $1 digest bytea
-- -> id uuid
SELECT u.id FROM one_time_tokens AS t JOIN users AS u ON u.id = t.user_id WHERE t.digest = $1 FOR UPDATE OF u;

-- name: use_token
-- Use a link up, if it is still good.
-- $1 digest bytea
-- $2 purposes text[]
-- $3 now timestamptz
-- -> purpose text, id uuid, user_id uuid, email text, content jsonb
DELETE FROM one_time_tokens WHERE digest = $1 AND purpose = ANY($2) AND expires_at > $3
RETURNING purpose, id, user_id, email, content;

-- name: withdraw_tokens
-- Drop the links of some purposes that went to an address.
-- $1 email text
-- $2 purposes text[]
DELETE FROM one_time_tokens WHERE lower(email) = lower($1) AND purpose = ANY($2);

-- name: withdraw_tokens_of
-- Drop the links of some purposes that are about an account.
-- $1 user_id uuid
-- $2 purposes text[]
DELETE FROM one_time_tokens WHERE user_id = $1 AND purpose = ANY($2);

-- name: forget_tokens
-- Drop the links that are no longer good.
-- $1 now timestamptz
DELETE FROM one_time_tokens WHERE expires_at <= $1;

-- name: take_back_mail
-- Drop a mail that the same transaction put in.
-- $1 cause text
DELETE FROM mails WHERE cause = $1;

-- name: drop_unsent_mail
-- Have a mail never sent that still waits, and erase what it says.
-- $1 cause text
-- $2 now timestamptz
UPDATE mails SET state = 'dropped', sealed = NULL, ended_at = $2 WHERE cause = $1 AND state IN ('waiting', 'parked');

-- name: open_invitations
-- One page of the invitations that are still good, by address. ``place`` is where a page ends.
-- $1 now timestamptz
-- $2 after text
-- $3 limit bigint
-- -> place text, id uuid, email text, name text, role text, created_at timestamptz, expires_at timestamptz
SELECT lower(email) AS place, id, email, content ->> 'name' AS name, content ->> 'role' AS role, created_at, expires_at
FROM one_time_tokens WHERE purpose = 'invitation' AND expires_at > $1 AND lower(email) > $2
ORDER BY lower(email) LIMIT $3;

-- name: withdraw_invitation
-- Make the link of an invitation, named by its id or its address, no longer good, if it still is.
-- $1 id uuid
-- $2 email text
-- $3 now timestamptz
-- -> id uuid
DELETE FROM one_time_tokens
WHERE purpose = 'invitation' AND (id = $1 OR lower(email) = lower($2)) AND expires_at > $3 RETURNING id;

-- name: join_user
-- Make the account of a link.
-- $1 id uuid
-- $2 email text
-- $3 name text
-- $4 password_hash text
-- $5 role text
-- $6 time_zone text
-- $7 username text
-- $8 preferences jsonb
INSERT INTO users (id, email, name, password_hash, role, time_zone, username, preferences)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: reset_password
-- Replace the password of an active account, which ends its sessions.
-- $1 user_id uuid
-- $2 password_hash text
-- -> id uuid, email text, time_zone text, language text
UPDATE users SET password_hash = $2 WHERE id = $1 AND is_active
RETURNING id, email, time_zone, coalesce(preferences ->> 'language', 'en') AS language;

-- name: change_email
-- Give an active account another address, and say which it had.
-- $1 user_id uuid
-- $2 email text
-- -> email text, time_zone text, language text
WITH old AS (SELECT id, email FROM users WHERE id = $1 AND is_active FOR UPDATE)
UPDATE users SET email = $2 FROM old WHERE users.id = old.id
RETURNING old.email, users.time_zone, coalesce(users.preferences ->> 'language', 'en') AS language;

-- name: language_of
-- The language that somebody wants mails in.
-- $1 user_id uuid
-- -> text
SELECT coalesce(preferences ->> 'language', 'en') FROM users WHERE id = $1;

-- name: sessions_of
-- Every session of an account that is still remembered, newest first.
-- $1 user_id uuid
-- -> id uuid, created_at timestamptz, last_used_at timestamptz, expires_at timestamptz, ended_at timestamptz
SELECT id, created_at, rotated_at AS last_used_at, expires_at, ended_at FROM sessions
WHERE user_id = $1 ORDER BY created_at DESC, id;

-- name: links_of
-- Whose records an account may see.
-- $1 user_id uuid
-- -> app text, person text, granted_at timestamptz
SELECT app, person, granted_at FROM grants WHERE user_id = $1 ORDER BY app;

-- name: mails_to
-- The mails to an address that are still remembered, newest first.
-- $1 email text
-- -> template text, state text, created_at timestamptz
SELECT template, state, created_at FROM mails WHERE lower(recipient) = lower($1) ORDER BY created_at DESC, id;

-- name: forget_mails_to
-- Drop the mails to an address, sent or not.
-- $1 email text
DELETE FROM mails WHERE lower(recipient) = lower($1);

-- name: entries_about
-- What the audit trail has by an account or about it, newest first; payloads where they are its data.
-- $1 user_id uuid
-- $2 user_text text
-- $3 count bigint
-- -> at timestamptz, operation text, outcome text, by_you boolean, entity text, entity_id text, payload text
SELECT at, operation, outcome, coalesce(user_id = $1, false) AS by_you, entity, entity_id,
       CASE WHEN subject_id = $1 THEN payload END AS payload
FROM audit
WHERE user_id = $1 OR (subject_id = $1 AND payload IS NOT NULL) OR (entity IN ('account', 'grant') AND entity_id = $2)
ORDER BY number DESC LIMIT $3;

-- name: count_entries_about
-- How many these are in all.
-- $1 user_id uuid
-- $2 user_text text
-- -> bigint
SELECT count(*) FROM audit
WHERE user_id = $1 OR (subject_id = $1 AND payload IS NOT NULL) OR (entity IN ('account', 'grant') AND entity_id = $2);

-- name: was_recorded
-- Whether the audit trail has since then that a session did this by this request.
-- $1 user_id uuid
-- $2 session_id uuid
-- $3 operation text
-- $4 request_id text
-- $5 since timestamptz
-- -> boolean
SELECT EXISTS (
    SELECT FROM audit
    WHERE user_id = $1 AND at >= $5 AND session_id = $2 AND operation = $3 AND request_id = $4
);

-- name: email_to_keep
-- An account's address; the account cannot be deleted before the transaction ends.
-- $1 user_id uuid
-- -> text
SELECT email FROM users WHERE id = $1 FOR KEY SHARE;

-- name: add_feedback
-- Keep what somebody wrote to the owner.
-- $1 id uuid
-- $2 user_id uuid
-- $3 topic text
-- $4 message text
-- $5 now timestamptz
INSERT INTO feedback (id, user_id, topic, message, created_at) VALUES ($1, $2, $3, $4, $5);

-- name: feedback_of
-- What an account wrote to the owner, newest first.
-- $1 user_id uuid
-- -> created_at timestamptz, topic text, message text
SELECT created_at, topic, message FROM feedback WHERE user_id = $1 ORDER BY created_at DESC, id;

-- name: forget_feedback_mails
-- Drop the mails to the owner with what an account wrote, sent or not.
-- $1 user_id uuid
DELETE FROM mails WHERE cause IN (SELECT 'feedback ' || id FROM feedback WHERE user_id = $1);

-- name: lock_user_by_email
-- An account by its address, locked until the transaction ends.
-- $1 email text
-- -> id uuid, email text, role text
SELECT id, email, role FROM users WHERE lower(email) = lower($1) FOR UPDATE;

-- name: user_by_oidc
-- The account that a provider's person was linked to.
-- $1 issuer text
-- $2 subject text
-- -> the account as in user_by_email, but for the password
SELECT u.id, u.email, u.name, u.role, u.time_zone, u.is_active, u.token_version
FROM oidc_links AS l JOIN users AS u ON u.id = l.user_id WHERE l.issuer = $1 AND l.subject = $2;

-- name: add_oidc_link
-- Link a provider's person to an account, unless either has a link there already.
-- $1 issuer text
-- $2 subject text
-- $3 user_id uuid
-- $4 now timestamptz
-- -> user_id uuid
INSERT INTO oidc_links (issuer, subject, user_id, linked_at) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING RETURNING user_id;

-- name: oidc_links_of
-- Which provider's person an account is.
-- $1 user_id uuid
-- -> issuer text, subject text, linked_at timestamptz
SELECT issuer, subject, linked_at FROM oidc_links WHERE user_id = $1 ORDER BY issuer;

-- name: use_oidc_sign_in
-- Note that a sign-in through a provider came back; no row where it did before.
-- $1 digest bytea
-- $2 expires_at timestamptz
-- -> digest bytea
INSERT INTO oidc_used (digest, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING digest;

-- name: forget_oidc_used
-- Drop the notes of sign-ins that are too old to be taken.
-- $1 now timestamptz
DELETE FROM oidc_used WHERE expires_at <= $1;
