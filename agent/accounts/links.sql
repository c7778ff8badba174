-- name: forget_tokens_for
-- Drop the links that went to an address.
-- $1 email text
DELETE FROM one_time_tokens WHERE lower(email) = lower($1);

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

-- name: withdraw_every_token
-- Drop all links, whatever they do.
DELETE FROM one_time_tokens;

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
-- One page of the invitations whose time is not over, by address; ``place`` is where a page ends. ``invited_by`` is null
-- where the owner did; an invitation is worth nothing once its sender may invite nobody.
-- $1 now timestamptz
-- $2 after text
-- $3 limit bigint
-- -> place text, id uuid, email text, name text, role text, created_at timestamptz, expires_at timestamptz,
--    invited_by text, is_good boolean
SELECT lower(t.email) AS place, t.id, t.email, t.content ->> 'name' AS name, t.content ->> 'role' AS role,
       t.created_at, t.expires_at, s.email AS invited_by,
       t.content ->> 'invited_by' IS NULL OR coalesce(s.role = 'admin' AND s.is_active, false) AS is_good
FROM one_time_tokens AS t LEFT JOIN LATERAL (
    -- LIMIT: looked up for each row of the page, not joined to every account
    SELECT u.email, u.role, u.is_active FROM users AS u WHERE u.id = (t.content ->> 'invited_by')::uuid LIMIT 1
) AS s ON true
WHERE t.purpose = 'invitation' AND t.expires_at > $1 AND lower(t.email) > $2
ORDER BY lower(t.email) LIMIT $3;

-- name: lock_invitation
-- An invitation, named by its id or its address, whose link is still good; locked until the transaction ends.
-- $1 id uuid
-- $2 email text
-- $3 now timestamptz
-- -> id uuid, email text, content jsonb
SELECT id, email, content FROM one_time_tokens
WHERE purpose = 'invitation' AND (id = $1 OR lower(email) = lower($2)) AND expires_at > $3 FOR UPDATE;

-- name: renew_token
-- Put another link in the place of the one of that id.
-- $1 id uuid
-- $2 digest bytea
-- $3 content jsonb
-- $4 now timestamptz
-- $5 expires_at timestamptz
UPDATE one_time_tokens SET digest = $2, content = $3, created_at = $4, expires_at = $5 WHERE id = $1;

-- name: withdraw_invitation
-- Make the link of an invitation, named by its id or its address, no longer good, if it still is; ``mail`` names the mail
-- that brought it.
-- $1 id uuid
-- $2 email text
-- $3 now timestamptz
-- -> id uuid, mail text
DELETE FROM one_time_tokens
WHERE purpose = 'invitation' AND (id = $1 OR lower(email) = lower($2)) AND expires_at > $3
RETURNING id, coalesce(content ->> 'mail', id::text) AS mail;
