-- name: take_attempts
-- Count one attempt for each key (GCRA), and say which keys have had too many.
-- A time further ahead than two periods was written by a clock that was wrong, and counts as none. Not one period: a
-- clock that is set back by a moment would give everybody a new quota.
-- $1 keys text[]
-- $2 intervals_s double precision[]
-- $3 now timestamptz
-- $4 period interval
-- -> retry_after_s double precision
WITH asked AS (
    SELECT key, interval_s, $3::timestamptz AS now
    FROM unnest($1::text[], $2::double precision[]) AS a (key, interval_s)
), taken AS (
    INSERT INTO limits AS l (key, next_at)
    SELECT key, now + make_interval(secs => interval_s) FROM asked ORDER BY key
    ON CONFLICT (key) DO UPDATE
    SET next_at = CASE WHEN l.next_at > $3 + 2 * $4::interval THEN excluded.next_at
                       ELSE greatest(l.next_at, $3) + (excluded.next_at - $3) END
    -- a millisecond for the rounding of intervals such as 60 s / 7
    WHERE l.next_at <= $3 + $4 - (excluded.next_at - $3) + interval '1 ms' OR l.next_at > $3 + 2 * $4::interval
    RETURNING key
)
-- LEFT: a row that others made since this statement began refuses here, and cannot be seen
SELECT coalesce(extract(epoch FROM l.next_at - $3 - $4)::double precision, 0) + a.interval_s AS retry_after_s
FROM asked AS a LEFT JOIN limits AS l USING (key)
WHERE a.key NOT IN (SELECT key FROM taken);

-- name: forget_attempts
-- Drop the counts that limit nobody any more.
-- $1 now timestamptz
DELETE FROM limits WHERE next_at <= $1;

-- name: forgive_attempts
-- Forget what was counted under a key.
-- $1 keys text[]
DELETE FROM limits WHERE key = ANY($1);
