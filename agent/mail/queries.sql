-- name: add_mail
-- Put a mail into the outbox, unless there is one for its cause.
-- $1 id uuid
-- $2 cause text
-- $3 template text
-- $4 recipient text
-- $5 state text
-- $6 sealed bytea
-- $7 reason text
-- $8 now timestamptz
-- $9 expires_at timestamptz
-- -> id uuid
INSERT INTO mails (id, cause, template, recipient, state, sealed, reason, created_at, next_try_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9)
ON CONFLICT (cause) DO NOTHING
RETURNING id;
