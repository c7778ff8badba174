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

-- name: links_of
-- Whose records an account may see.
-- $1 user_id uuid
-- -> app text, person text, granted_at timestamptz
SELECT app, person, granted_at FROM grants WHERE user_id = $1 ORDER BY app;
