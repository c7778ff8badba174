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

-- name: mails_of
-- The mails about an account or to its address that are still remembered, newest first. Whether an address that is not
-- the account's is somebody else's shows in none of them.
-- $1 user_id uuid
-- $2 email text
-- $3 count bigint
-- -> recipient text, template text, state text, created_at timestamptz, total bigint (of all)
SELECT recipient, CASE WHEN template = 'account_exists' AND lower(recipient) <> lower($2) THEN 'verify_email'
                  ELSE template END AS template, state, created_at,
       count(*) OVER () AS total
FROM mails
WHERE user_id = $1 OR (lower(recipient) = lower($2) AND (user_id IS NULL OR template = 'account_exists'))
ORDER BY created_at DESC, id LIMIT $3;

-- name: keep_mails_to
-- Let the mails to an address that an account leaves stay the account's, but for what people wrote to the owner.
-- $1 user_id uuid
-- $2 email text
UPDATE mails SET user_id = $1
WHERE lower(recipient) = lower($2) AND (user_id IS NULL AND template <> 'feedback' OR template = 'account_exists');

-- name: forget_mails_to
-- Drop the mails to an address, sent or not.
-- $1 email text
DELETE FROM mails WHERE lower(recipient) = lower($1);
