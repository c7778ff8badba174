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
-- $10 user_id uuid
-- -> id uuid
INSERT INTO mails (id, cause, template, recipient, state, sealed, reason, created_at, next_try_at, expires_at, user_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9, $10)
ON CONFLICT (cause) DO NOTHING
RETURNING id;

-- name: next_mail
-- When the next mail is due; at once where a sender ended in the middle of one.
-- -> next_at timestamptz
SELECT CASE state WHEN 'sending' THEN 'epoch' ELSE next_try_at END AS next_at
FROM mails WHERE state IN ('waiting', 'sending') ORDER BY 1 LIMIT 1;

-- name: recover_mails
-- Count a try of the mails whose sender ended in the middle; let them wait, or park them after the last one.
-- $1 now timestamptz
-- $2 tries_max int
UPDATE mails SET
    state = CASE WHEN tries + 1 < $2 THEN 'waiting' ELSE 'parked' END,
    tries = tries + 1, next_try_at = $1, reason = 'the agent ended while it was being sent'
WHERE state = 'sending';

-- name: expire_mails
-- Drop what would come too late, and erase what it says.
-- $1 now timestamptz
UPDATE mails SET state = 'dropped', sealed = NULL, ended_at = $1, reason = 'it would have come too late'
WHERE state IN ('waiting', 'parked') AND expires_at <= $1;

-- name: claim_mail
-- Mark the mail that has been due for the longest as being sent; one that is due impossibly late is due: a clock moved.
-- $1 now timestamptz
-- $2 latest timestamptz
-- -> id uuid, template text, recipient text, sealed bytea, tries int
UPDATE mails SET state = 'sending' WHERE id = (
    SELECT id FROM mails WHERE state = 'waiting' AND (next_try_at <= $1 OR next_try_at > $2)
    AND (expires_at IS NULL OR expires_at > $1)
    ORDER BY next_try_at LIMIT 1 FOR UPDATE
) RETURNING id, template, recipient, sealed, tries;

-- name: give_mail_back
-- Let a mail wait as before.
-- $1 id uuid
UPDATE mails SET state = 'waiting' WHERE id = $1 AND state = 'sending';

-- name: mail_sent
-- The server has it: erase what it says.
-- $1 id uuid
-- $2 reason text
-- $3 now timestamptz
UPDATE mails SET state = 'sent', sealed = NULL, tries = tries + 1, reason = $2, ended_at = $3 WHERE id = $1;

-- name: mail_deferred
-- Let a mail be tried again later.
-- $1 id uuid
-- $2 reason text
-- $3 next_try_at timestamptz
UPDATE mails SET state = 'waiting', tries = tries + 1, reason = $2, next_try_at = $3
WHERE id = $1 AND state = 'sending';

-- name: mail_parked
-- Set a mail aside for the owner.
-- $1 id uuid
-- $2 reason text
UPDATE mails SET state = 'parked', tries = tries + 1, reason = $2 WHERE id = $1 AND state = 'sending';

-- name: list_mails
-- The mails that are not sent yet, or all that are remembered; the oldest first.
-- $1 is_all boolean
-- $2 at_most bigint
-- -> id uuid, state text, template text, recipient text, tries int, created_at timestamptz, next_try_at timestamptz,
--    reason text
SELECT id, state, template, recipient, tries, created_at, CASE state WHEN 'waiting' THEN next_try_at END AS next_try_at,
       reason
FROM mails WHERE $1 OR state IN ('waiting', 'sending', 'parked') ORDER BY created_at, id LIMIT $2;

-- name: count_mails
-- How many mails wait, since when the oldest of them does, and how many are parked.
-- -> waiting bigint, oldest timestamptz, parked bigint
SELECT count(*) FILTER (WHERE state <> 'parked') AS waiting, min(created_at) FILTER (WHERE state <> 'parked') AS oldest,
       count(*) FILTER (WHERE state = 'parked') AS parked
FROM mails WHERE state IN ('waiting', 'sending', 'parked');

-- name: mail_by_cause
-- What became of a mail so far.
-- $1 cause text
-- -> state text, tries int, reason text
SELECT state, tries, reason FROM mails WHERE cause = $1;

-- name: retry_mails
-- Let parked mails be tried anew: those of these ids, or all.
-- $1 ids uuid[]
-- $2 now timestamptz
UPDATE mails SET state = 'waiting', tries = 0, next_try_at = $2
WHERE state = 'parked' AND sealed IS NOT NULL AND ($1::uuid[] IS NULL OR id = ANY ($1));

-- name: drop_mails
-- Send mails of these ids never, or all parked ones, and erase what they say.
-- $1 ids uuid[]
-- $2 now timestamptz
UPDATE mails SET state = 'dropped', sealed = NULL, ended_at = $2
WHERE state IN ('waiting', 'parked') AND (id = ANY ($1) OR $1::uuid[] IS NULL AND state = 'parked');

-- name: forget_mails
-- Forget mails that ended long ago.
-- $1 before timestamptz
DELETE FROM mails WHERE ended_at < $1;
