-- name: append
-- Add one entry; a trigger numbers and chains it, and other writers wait until the transaction ends.
-- $1 at timestamptz
-- $2 actor text
-- $3 user_id uuid
-- $4 session_id uuid
-- $5 operation text
-- $6 outcome text
-- $7 entity text
-- $8 entity_id text
-- $9 subject_id uuid
-- $10 request_id text
-- $11 payload_digest bytea
-- $12 salt bytea
-- $13 payload text
-- -> number bigint, hash bytea
INSERT INTO audit (at, actor, user_id, session_id, operation, outcome, entity, entity_id, subject_id, request_id,
                   payload_digest, salt, payload)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
RETURNING number, hash;

-- name: erase
-- Take away the payloads that hold an account's data, and say how many there were.
-- $1 subject_id uuid
-- -> bigint
SELECT audit_erase($1);
