-- name: tables
-- Every table that a backup must bring back, and the statement that counts its rows. Not an extension's own tables,
-- which a dump leaves to the extension, nor unlogged ones, which a crash empties.
-- -> table_name text, statement text
SELECT format('%I.%I', n.nspname, c.relname) AS table_name,
       format('SELECT count(*) FROM ONLY %I.%I', n.nspname, c.relname) AS statement
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.relpersistence = 'p'
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY 1;

-- name: export_snapshot
-- Let another session see what this transaction sees, and tell which transactions that includes.
-- -> exported text, snapshot text
SELECT pg_export_snapshot() AS exported, pg_current_snapshot()::text AS snapshot;

-- name: mark_restore_point
-- Write a named place into the WAL, and tell which transactions had ended by then.
-- $1 name text
-- -> lsn text, snapshot text
SELECT pg_create_restore_point($1)::text AS lsn, pg_current_snapshot()::text AS snapshot;

-- name: cluster
-- What a backup has to know about the cluster.
-- -> system text, version int, segment_bytes int, wal text, size_bytes bigint
SELECT (SELECT system_identifier::text FROM pg_control_system()) AS system,
       current_setting('server_version_num')::int / 10000 AS version,
       (SELECT setting::int FROM pg_settings WHERE name = 'wal_segment_size') AS segment_bytes,
       pg_walfile_name(pg_current_wal_lsn()) AS wal,
       (SELECT sum(pg_database_size(oid))::bigint FROM pg_database) AS size_bytes;

-- name: switch_wal
-- End the segment that is being written, so that it is archived; tell which one that was.
-- -> text
SELECT pg_walfile_name(pg_switch_wal() - 1);

-- name: archiver
-- How archiving goes.
-- -> last_archived_wal text, last_archived_at timestamptz, last_failed_wal text, last_failed_at timestamptz, waiting bigint
SELECT last_archived_wal, last_archived_time AS last_archived_at, last_failed_wal, last_failed_time AS last_failed_at,
       (SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready') AS waiting
FROM pg_stat_archiver;

-- name: recovery
-- Where a cluster in recovery is.
-- -> in_recovery boolean, paused boolean
SELECT pg_is_in_recovery() AS in_recovery,
       CASE WHEN pg_is_in_recovery() THEN pg_get_wal_replay_pause_state() = 'paused' ELSE false END AS paused;

-- name: has_amcheck
-- Whether the server has what checks an index against its table.
-- -> boolean
SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'amcheck');

-- name: check_indexes
-- Check every B-tree index against its table: raises for the first that does not agree.
-- -> bigint
SELECT count(*) FROM (
    SELECT bt_index_check(i.indexrelid, true)
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam
    WHERE a.amname = 'btree' AND c.relpersistence = 'p' AND i.indisready AND i.indisvalid
) AS checked;

-- name: has_audit
-- The audit trail's table, or null where there is none.
-- -> text
SELECT to_regclass('audit')::text;
