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
-- What an account wrote to the owner, newest first, and no more than so many bytes.
-- $1 user_id uuid
-- $2 bytes_max bigint
-- -> created_at timestamptz, topic text, message text, total bigint (of all)
SELECT created_at, topic, message, total
FROM (SELECT id, created_at, topic, message, count(*) OVER () AS total,
             sum(octet_length(topic) + octet_length(message)) OVER (ORDER BY created_at DESC, id) AS bytes
      FROM feedback WHERE user_id = $1) AS sized
WHERE bytes <= $2 ORDER BY created_at DESC, id;

-- name: latest_feedback
-- One page of what people wrote to the owner, newest first, after a place.
-- $1 before_at timestamptz
-- $2 before_id uuid
-- $3 limit bigint
-- -> id uuid, created_at timestamptz, topic text, message text, user_id uuid, email text, name text
SELECT f.id, f.created_at, f.topic, f.message, f.user_id, u.email, u.name
FROM feedback AS f JOIN users AS u ON u.id = f.user_id
WHERE (f.created_at, f.id) < ($1, $2)
ORDER BY f.created_at DESC, f.id DESC LIMIT $3;

-- name: forget_feedback_mails
-- Drop the mails to the owner with what an account wrote, sent or not.
-- $1 user_id uuid
DELETE FROM mails WHERE cause IN (SELECT 'feedback ' || id FROM feedback WHERE user_id = $1);
