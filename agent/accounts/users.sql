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
-- -> id uuid, email text, time_zone text, language text
WITH old AS (SELECT id, email FROM users WHERE id = $1 AND is_active FOR UPDATE)
UPDATE users SET email = $2 FROM old WHERE users.id = old.id
RETURNING users.id, old.email, users.time_zone, coalesce(users.preferences ->> 'language', 'en') AS language;

-- name: language_of
-- The language that somebody wants mails in.
-- $1 user_id uuid
-- -> text
SELECT coalesce(preferences ->> 'language', 'en') FROM users WHERE id = $1;

-- name: lock_user_by_email
-- An account by its address, locked until the transaction ends.
-- $1 email text
-- -> id uuid, email text, role text
SELECT id, email, role FROM users WHERE lower(email) = lower($1) FOR UPDATE;
