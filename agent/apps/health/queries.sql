-- The mapping's relation stands for {{records}}; {{person}} and {{matches}} are its conditions (statements.py).
-- The filter's parameters $2 to $7 are NULL where nothing is asked for.

-- name: columns
-- The columns of one table or view that we may read, with the base type of a domain.
-- $1 schema text
-- $2 table text
-- -> name text, type text, is_enum boolean, is_required boolean
SELECT a.attname::text AS name, coalesce(base.typname, own.typname)::text AS type,
       own.typtype = 'e' AS is_enum, a.attnotnull AS is_required
FROM pg_catalog.pg_attribute AS a
JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_type AS own ON own.oid = a.atttypid
LEFT JOIN pg_catalog.pg_type AS base ON base.oid = own.typbasetype
WHERE n.nspname = $1::text AND c.relname = $2::text AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND a.attnum > 0 AND NOT a.attisdropped
  AND has_schema_privilege(n.oid, 'USAGE') AND has_column_privilege(c.oid, a.attnum, 'SELECT')
ORDER BY a.attnum;

-- name: alive
-- One row, if the database is there.
-- -> alive boolean
SELECT true AS alive;

-- name: probe
-- Nothing, unless the relation does not fit the tables: then the error that says why.
-- $1 person text
SELECT record.* FROM {{records}} AS record WHERE {{person}} AND record.is_readable LIMIT 0;

-- name: list
-- One page of a person's records in the order asked for, after the last one of the page before.
-- $1 person text
-- $2 symptoms text[]
-- $3 pattern text
-- $4 category text
-- $5 start timestamptz
-- $6 end timestamptz
-- $7 min_severity integer
-- $8 rows bigint
-- $9 after_rank integer
-- $10 after_time timestamptz
-- $11 after_id text
-- -> the record, rank integer (its place by severity, for the next page)
SELECT record.id, record.symptom, record.category, record.severity, record.recorded_at, record.duration_minutes,
       record.notes, {{rank}} AS rank
FROM {{records}} AS record
WHERE {{person}} AND record.is_readable AND {{matches}} AND {{after}}
ORDER BY {{order}}
LIMIT $8;

-- name: list_counted
-- The same, each row with the number of all matching records, counted no further than $12 (NULL: all).
-- $1 person text
-- $2 symptoms text[]
-- $3 pattern text
-- $4 category text
-- $5 start timestamptz
-- $6 end timestamptz
-- $7 min_severity integer
-- $8 rows bigint
-- $9 after_rank integer
-- $10 after_time timestamptz
-- $11 after_id text
-- $12 count_to bigint
-- -> the record, rank integer, total bigint
SELECT record.id, record.symptom, record.category, record.severity, record.recorded_at, record.duration_minutes,
       record.notes, {{rank}} AS rank,
       (SELECT count(*) FROM (SELECT FROM {{records}} AS record
                              WHERE {{person}} AND record.is_readable AND {{matches}} LIMIT $12) AS counted) AS total
FROM {{records}} AS record
WHERE {{person}} AND record.is_readable AND {{matches}} AND {{after}}
ORDER BY {{order}}
LIMIT $8;

-- name: total
-- The number of matching records, counted no further than $8 (NULL: all); for a page without rows.
-- $1 person text
-- $2 symptoms text[]
-- $3 pattern text
-- $4 category text
-- $5 start timestamptz
-- $6 end timestamptz
-- $7 min_severity integer
-- $8 count_to bigint
-- -> total bigint
SELECT count(*) AS total
FROM (SELECT FROM {{records}} AS record WHERE {{person}} AND record.is_readable AND {{matches}} LIMIT $8) AS counted;

-- name: names
-- A person's symptoms, however they are capitalised, in the spelling used most; most frequent first.
-- $1 person text
-- $2 rows bigint
-- -> symptom text, category text, count bigint, first timestamptz, last timestamptz, total bigint (of names)
SELECT mode() WITHIN GROUP (ORDER BY record.symptom COLLATE "C") AS symptom,
       mode() WITHIN GROUP (ORDER BY record.category COLLATE "C") AS category,
       count(*) AS count, min(record.recorded_at) AS first, max(record.recorded_at) AS last,
       count(*) OVER () AS total
FROM {{records}} AS record
WHERE {{person}} AND record.is_readable
GROUP BY lower(record.symptom)
ORDER BY count DESC, lower(record.symptom) COLLATE "C"
LIMIT $2;

-- name: stats
-- Figures over all matching records.
-- $1 person text
-- $2 symptoms text[]
-- $3 pattern text
-- $4 category text
-- $5 start timestamptz
-- $6 end timestamptz
-- $7 min_severity integer
-- -> one row
SELECT count(*) AS count, count(record.severity) AS severity_count,
       min(record.recorded_at) AS first, max(record.recorded_at) AS last,
       sum(record.severity)::float8 / nullif(count(record.severity), 0) AS average_severity,
       max(record.severity) AS max_severity
FROM {{records}} AS record
WHERE {{person}} AND record.is_readable AND {{matches}};

-- name: series
-- The same figures with those of every day, week or month that has records; the row without a bucket is of them all.
-- $1 person text
-- $2 symptoms text[]
-- $3 pattern text
-- $4 category text
-- $5 start timestamptz
-- $6 end timestamptz
-- $7 min_severity integer
-- $8 bucket text
-- $9 time_zone text
-- $10 rows bigint
-- -> bucket date, and as for stats; first the row of all, then by date
SELECT record.bucket, count(*) AS count, count(record.severity) AS severity_count,
       min(record.recorded_at) AS first, max(record.recorded_at) AS last,
       sum(record.severity)::float8 / nullif(count(record.severity), 0) AS average_severity,
       max(record.severity) AS max_severity
FROM (SELECT record.recorded_at, record.severity,
             date_trunc($8::text, record.recorded_at AT TIME ZONE $9::text)::date AS bucket
      FROM {{records}} AS record
      WHERE {{person}} AND record.is_readable AND {{matches}}) AS record
GROUP BY GROUPING SETS ((), (record.bucket))
ORDER BY record.bucket NULLS FIRST
LIMIT $10;

-- name: unconverted
-- How many of a person's rows the mapping cannot read.
-- $1 person text
-- -> count bigint
SELECT count(*) FROM {{records}} AS record WHERE {{person}} AND record.is_readable IS NOT TRUE;
