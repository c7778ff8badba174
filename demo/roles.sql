-- The roles of the two databases, as on the RPI3. Run at every start by the superuser: all of it may be repeated.

DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['clinic', 'drawbridge_source', 'drawbridge_owner', 'drawbridge_agent'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
            EXECUTE format('CREATE ROLE %I LOGIN', role);
        END IF;
    END LOOP;
END $$;

-- reads the existing database, and can do nothing else there, nor hold it up
ALTER ROLE drawbridge_source SET default_transaction_read_only = on;
ALTER ROLE drawbridge_source SET statement_timeout = '5s';
ALTER ROLE drawbridge_source SET lock_timeout = '1s';
ALTER ROLE drawbridge_source SET idle_in_transaction_session_timeout = '10s';

-- reads and writes our own tables, and cannot alter them
ALTER ROLE drawbridge_agent SET statement_timeout = '5s';
ALTER ROLE drawbridge_agent SET lock_timeout = '2s';
ALTER ROLE drawbridge_agent SET idle_in_transaction_session_timeout = '10s';
