-- name: activity
-- What the audit trail has of an account: done by it, or to it by others; newest first, after a place.
-- $1 user_id uuid
-- $2 user_text text
-- $3 before_at timestamptz
-- $4 before_number bigint
-- $5 limit bigint
-- -> timestamp timestamptz, number bigint, action text, outcome text, by_you boolean, address text
SELECT at AS timestamp, number, operation AS action, outcome, by_you,
       coalesce(payload::jsonb -> 'new' ->> 'address', '') AS address
FROM (
    (SELECT *, true AS by_you FROM audit WHERE user_id = $1 AND (at, number) < ($3, $4)
     ORDER BY at DESC, number DESC LIMIT $5)
    UNION ALL
    (SELECT *, false FROM audit
     WHERE entity = 'account' AND entity_id = $2 AND user_id IS DISTINCT FROM $1 AND (at, number) < ($3, $4)
     ORDER BY at DESC, number DESC LIMIT $5)
    UNION ALL
    (SELECT *, false FROM audit
     WHERE entity = 'grant' AND entity_id = $2 AND user_id IS DISTINCT FROM $1 AND (at, number) < ($3, $4)
     ORDER BY at DESC, number DESC LIMIT $5)
) AS deeds
ORDER BY at DESC, number DESC LIMIT $5;

-- name: entries_about
-- What the audit trail has by an account or about it, newest first, as many as have no more than so many bytes of
-- payload; payloads where they are its data.
-- $1 user_id uuid
-- $2 user_text text
-- $3 count bigint
-- $4 bytes_max bigint
-- -> timestamp timestamptz, action text, outcome text, by_you boolean, entity_type text, entity_id text, payload text
WITH about AS MATERIALIZED (  -- else the whole trail may be read backwards, in the hope of meeting enough of them soon
    SELECT number, at, operation, outcome, coalesce(user_id = $1, false) AS by_you, entity, entity_id,
           CASE WHEN subject_id = $1 THEN payload END AS payload
    FROM audit
    WHERE user_id = $1 OR (subject_id = $1 AND payload IS NOT NULL)
       OR (entity IN ('account', 'grant') AND entity_id = $2)
)
SELECT at AS timestamp, operation AS action, outcome, by_you, entity AS entity_type, entity_id, payload
FROM (SELECT *, sum(coalesce(octet_length(payload), 0)) OVER (ORDER BY number DESC) AS bytes
      FROM (SELECT * FROM about ORDER BY number DESC LIMIT $3) AS newest) AS sized
WHERE bytes <= $4 ORDER BY number DESC;

-- name: count_entries_about
-- How many these are in all.
-- $1 user_id uuid
-- $2 user_text text
-- -> bigint
SELECT count(*) FROM audit
WHERE user_id = $1 OR (subject_id = $1 AND payload IS NOT NULL) OR (entity IN ('account', 'grant') AND entity_id = $2);

-- name: was_recorded
-- Whether the audit trail has since then that a session did this by this request.
-- $1 user_id uuid
-- $2 session_id uuid
-- $3 operation text
-- $4 request_id text
-- $5 since timestamptz
-- -> boolean
SELECT EXISTS (
    SELECT FROM audit
    WHERE user_id = $1 AND at >= $5 AND session_id = $2 AND operation = $3 AND request_id = $4
);
