-- name: tables
-- The store's tables, and what the agent's role may do with each.
-- $1 role text
-- -> name text, comment text, rights text[]
SELECT c.relname::text AS name, coalesce(obj_description(c.oid, 'pg_class'), '') AS comment,
       ARRAY(SELECT r FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) WITH ORDINALITY AS u (r, o)
             WHERE has_table_privilege($1, c.oid, r) ORDER BY o) AS rights
FROM pg_class AS c
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
ORDER BY c.relname;

-- name: columns
-- The columns of every table, in their order.
-- -> table_name text, name text, type text, is_nullable boolean, usual text, comment text
SELECT c.relname::text AS table_name, a.attname::text AS name, format_type(a.atttypid, a.atttypmod) AS type,
       NOT a.attnotnull AS is_nullable, coalesce(pg_get_expr(d.adbin, d.adrelid, true), '') AS usual,
       coalesce(col_description(c.oid, a.attnum), '') AS comment
FROM pg_class AS c
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
ORDER BY c.relname, a.attnum;

-- name: rules
-- Constraints, indexes and triggers. Not those that follow from another: a key's index, a column's NOT NULL.
-- -> table_name text, kind text, name text, definition text
SELECT c.relname::text AS table_name, 'constraint' AS kind, k.conname::text AS name,
       pg_get_constraintdef(k.oid, true) AS definition
FROM pg_constraint AS k JOIN pg_class AS c ON c.oid = k.conrelid
WHERE c.relnamespace = current_schema()::regnamespace AND k.contype IN ('p', 'u', 'f', 'c', 'x')
UNION ALL
SELECT c.relname, 'index', i.relname, pg_get_indexdef(i.oid, 0, true)
FROM pg_index AS x JOIN pg_class AS c ON c.oid = x.indrelid JOIN pg_class AS i ON i.oid = x.indexrelid
WHERE c.relnamespace = current_schema()::regnamespace
  AND NOT EXISTS (SELECT FROM pg_constraint AS k WHERE k.conindid = i.oid AND k.contype IN ('p', 'u', 'x'))
UNION ALL
SELECT c.relname, 'trigger', t.tgname, pg_get_triggerdef(t.oid, true)
FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
WHERE c.relnamespace = current_schema()::regnamespace AND NOT t.tgisinternal
ORDER BY table_name, kind, name;

-- name: references
-- What refers to which table: by a foreign key, which keeps them together, or by its name alone (an account's id).
-- -> table_name text, column_name text, other_name text, is_nullable boolean, is_unique boolean, is_kept boolean
SELECT c.relname::text AS table_name, a.attname::text AS column_name,
       coalesce(k.confrelid::regclass::text, 'users') AS other_name, NOT a.attnotnull AS is_nullable,
       EXISTS (SELECT FROM pg_index AS i WHERE i.indrelid = c.oid AND i.indisunique AND i.indnatts = 1
               AND i.indkey[0] = a.attnum) AS is_unique,
       k.oid IS NOT NULL AS is_kept
FROM pg_attribute AS a
JOIN pg_class AS c ON c.oid = a.attrelid
LEFT JOIN pg_constraint AS k ON k.conrelid = c.oid AND k.contype = 'f' AND k.conkey = ARRAY[a.attnum]
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND NOT a.attisdropped
  AND (k.oid IS NOT NULL OR a.attname IN ('user_id', 'subject_id'))
ORDER BY c.relname, a.attnum;
