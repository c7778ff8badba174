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

-- name: mails_to
-- The mails to an address that are still remembered, newest first.
-- $1 email text
-- -> template text, state text, created_at timestamptz
SELECT template, state, created_at FROM mails WHERE lower(recipient) = lower($1) ORDER BY created_at DESC, id;

-- name: forget_mails_to
-- Drop the mails to an address, sent or not.
-- $1 email text
DELETE FROM mails WHERE lower(recipient) = lower($1);
