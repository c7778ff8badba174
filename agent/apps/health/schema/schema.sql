-- What inspect and check ask. {{…}} are names of the database's own catalogue, or the mapping's SQL, quoted.

-- name: tables
-- Every table and view that we may read something of, outside PostgreSQL's own.
-- -> schema text, name text, rows bigint (an estimate)
SELECT n.nspname::text AS schema, c.relname::text AS name, greatest(c.reltuples, 0)::bigint AS rows
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
  AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\_%'
  AND has_schema_privilege(n.oid, 'USAGE') AND has_any_column_privilege(c.oid, 'SELECT')
ORDER BY n.nspname, c.relname;

-- name: keys
-- The unique keys of a table, the primary one first and then the shortest.
-- $1 schema text
-- $2 table text
-- -> columns text[]
SELECT array_agg(a.attname::text ORDER BY position.n) AS columns
FROM pg_catalog.pg_index AS i
JOIN pg_catalog.pg_class AS c ON c.oid = i.indrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
CROSS JOIN LATERAL unnest(i.indkey::smallint[]) WITH ORDINALITY AS position (attnum, n)
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = position.attnum
WHERE n.nspname = $1::text AND c.relname = $2::text AND i.indisunique AND i.indpred IS NULL AND i.indexprs IS NULL
GROUP BY i.indexrelid, i.indisprimary
ORDER BY i.indisprimary DESC, count(*);

-- name: foreign_keys
-- The foreign keys of a table that consist of one column.
-- $1 schema text
-- $2 table text
-- -> column_name text, schema text, name text (of the other table), other_column text
SELECT ours.attname::text AS column_name, n.nspname::text AS schema, other.relname::text AS name,
       theirs.attname::text AS other_column
FROM pg_catalog.pg_constraint AS f
JOIN pg_catalog.pg_class AS c ON c.oid = f.conrelid
JOIN pg_catalog.pg_namespace AS own ON own.oid = c.relnamespace
JOIN pg_catalog.pg_class AS other ON other.oid = f.confrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = other.relnamespace
JOIN pg_catalog.pg_attribute AS ours ON ours.attrelid = f.conrelid AND ours.attnum = f.conkey[1]
JOIN pg_catalog.pg_attribute AS theirs ON theirs.attrelid = f.confrelid AND theirs.attnum = f.confkey[1]
WHERE own.nspname = $1::text AND c.relname = $2::text AND f.contype = 'f' AND array_length(f.conkey, 1) = 1
ORDER BY f.conname;

-- name: sample
-- Some rows, every column as text.
-- $1 rows bigint
-- -> one text a column
SELECT {{columns}} FROM {{table}} LIMIT $1;

-- name: time_zone
-- The time zone that sessions of this database begin with.
-- -> text
SELECT current_setting('TimeZone');

-- name: role
-- Who we are, and whether we could write where the records are.
-- $1 table text, quoted
-- -> name text, may_write boolean
SELECT current_user::text AS name,
       has_table_privilege($1::text::regclass, 'INSERT, UPDATE, DELETE, TRUNCATE') AS may_write;

-- name: table_rows
-- How many rows the records' table has.
-- -> bigint
SELECT count(*) FROM {{table}};

-- name: summary
-- The relation as a whole: rows, readable ones, ids that occur twice, rows of nobody, times that lie ahead.
-- -> rows, readable, persons, without_person, repeated_ids, ahead bigint; first, last text
SELECT count(*) AS rows, count(*) FILTER (WHERE record.is_readable) AS readable,
       count(DISTINCT {{person}}) AS persons, count(*) FILTER (WHERE {{person}} IS NULL) AS without_person,
       count(record.id) - count(DISTINCT ({{person}}, record.id)) FILTER (WHERE record.id IS NOT NULL) AS repeated_ids,
       count(*) FILTER (WHERE record.is_readable AND record.recorded_at > now() + interval '1 day') AS ahead,
       (min(record.recorded_at) FILTER (WHERE record.is_readable))::text AS first,
       (max(record.recorded_at) FILTER (WHERE record.is_readable))::text AS last
FROM {{records}} AS record;

-- name: unreadable
-- How many rows hold something else in one field.
-- -> bigint
SELECT count(*) FROM {{tables}} WHERE ({{readable}}) IS NOT TRUE;

-- name: unreadable_examples
-- What such rows hold, most frequent first.
-- $1 rows bigint
-- -> value text, count bigint
SELECT {{raw}} AS value, count(*) AS count FROM {{tables}} WHERE ({{readable}}) IS NOT TRUE
GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT $1;

-- name: by_symptom
-- The rows with one symptom and no other condition: whether an index leads to them.
-- $1 symptom text
SELECT FROM {{tables}} WHERE lower({{symptom}}) = lower($1::text);

-- name: busiest_person
-- The person with the most records, as the text that a grant would hold.
-- -> text
SELECT record.person::text FROM {{records}} AS record WHERE record.person IS NOT NULL
GROUP BY record.person ORDER BY count(*) DESC LIMIT 1;
