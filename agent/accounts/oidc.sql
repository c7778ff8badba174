-- name: user_by_oidc
-- The account that a provider's person was linked to.
-- $1 issuer text
-- $2 subject text
-- -> the account as in user_by_email, but for the password; as it is until the transaction ends
SELECT u.id, u.email, u.name, u.role, u.time_zone, u.is_active, u.token_version
FROM oidc_links AS l JOIN users AS u ON u.id = l.user_id WHERE l.issuer = $1 AND l.subject = $2 FOR SHARE OF u;

-- name: user_to_link
-- The account of an address, as it is until the transaction ends.
-- $1 email text
-- -> id uuid, is_active boolean
SELECT id, is_active FROM users WHERE lower(email) = lower($1) FOR SHARE;

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

-- name: remove_oidc_links
-- Forget which provider's person an account is: the next who comes with its address is linked anew.
-- $1 user_id uuid
-- -> issuer text, subject text
DELETE FROM oidc_links WHERE user_id = $1 RETURNING issuer, subject;

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
