-- The statements of the audit trail as they were in the program that knew migrations 0001 to 0004; a page with every
-- condition that it could be asked for.

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

-- name: links
-- The next entries of the chain in order, with the bytes that are hashed (docs/audit.md) made from the columns as stored.
-- $1 after bigint
-- $2 count bigint
-- -> number bigint, entry bytea, hash bytea, payload_digest bytea, salt bytea, payload bytea, subject text, erased text
SELECT number,
       convert_to(json_build_array(
           number, (extract(epoch FROM at) * 1000000)::bigint, actor, user_id, session_id, operation, outcome, entity,
           entity_id, subject_id, request_id, encode(payload_digest, 'hex'))::text, 'UTF8') AS entry,
       hash, payload_digest, salt, convert_to(payload, 'UTF8') AS payload, subject_id::text AS subject,
       CASE WHEN operation = 'audit.erase' THEN entity_id END AS erased
FROM audit WHERE number > $1 ORDER BY number LIMIT $2;

-- name: hash_of
-- The hash of an entry; null where there is none of that number.
-- $1 number bigint
-- -> bytea
SELECT hash FROM audit WHERE number = $1;

-- name: page
-- The newest entries that match, after a place in that order; a condition that is not asked for is left out.
-- $1 start timestamptz
-- $2 end timestamptz
-- $3 user_id uuid
-- $4 entity text
-- $5 entity_id text
-- $6 operation text
-- $7 before_at timestamptz
-- $8 before_number bigint
-- $9 count bigint
-- -> number bigint, at timestamptz, actor text, user_id uuid, user_email text, session_id uuid, operation text, outcome text, entity text, entity_id text, request_id text, payload text, erased boolean
SELECT a.number, a.at, a.actor, a.user_id, u.email AS user_email, a.session_id, a.operation, a.outcome, a.entity,
       a.entity_id, a.request_id, a.payload, a.payload IS NULL AND a.payload_digest IS NOT NULL AS erased
FROM (
    SELECT * FROM audit AS a
    WHERE a.at >= $1 AND a.at < $2 AND a.user_id = $3 AND a.entity = $4 AND a.entity_id = $5 AND a.operation = $6
        AND (a.at, a.number) < ($7, $8)
    ORDER BY a.at DESC, a.number DESC LIMIT $9
) AS a LEFT JOIN users AS u ON u.id = a.user_id
ORDER BY a.at DESC, a.number DESC;

-- name: one
-- One entry, as in page.
-- $1 number bigint
-- -> as in page
SELECT a.number, a.at, a.actor, a.user_id, u.email AS user_email, a.session_id, a.operation, a.outcome, a.entity,
       a.entity_id, a.request_id, a.payload, a.payload IS NULL AND a.payload_digest IS NOT NULL AS erased
FROM audit AS a LEFT JOIN users AS u ON u.id = a.user_id WHERE a.number = $1;

-- name: account
-- The id of the account with an e-mail address.
-- $1 email text
-- -> uuid
SELECT id FROM users WHERE lower(email) = lower($1);

-- name: head
-- The newest entry that is committed; no row in an empty trail.
-- -> number bigint, hash bytea
SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1;

-- name: looks
-- Who looked at some persons' records, the newest first, after a place in that order.
-- $1 entities text[]
-- $2 entity_ids text[]
-- $3 before_at timestamptz
-- $4 before_number bigint
-- $5 count bigint
-- -> number bigint, at timestamptz, entity text, operation text, user_id uuid, name text
SELECT l.number, l.at, l.entity, l.operation, l.user_id, u.name
FROM (
    SELECT a.number, a.at, a.entity, a.operation, a.user_id
    FROM unnest($1::text[], $2::text[]) AS records (entity, entity_id)
    CROSS JOIN LATERAL (
        SELECT * FROM audit WHERE audit.entity = records.entity AND audit.entity_id = records.entity_id
            AND (audit.at, audit.number) < (coalesce($3::timestamptz, 'infinity'), coalesce($4::bigint, 9223372036854775807))
        ORDER BY audit.at DESC, audit.number DESC LIMIT $5
    ) AS a
    ORDER BY a.at DESC, a.number DESC LIMIT $5
) AS l LEFT JOIN users AS u ON u.id = l.user_id
ORDER BY l.at DESC, l.number DESC;
