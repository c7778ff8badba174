-- The audit trail: what was done, by whom, to what; a chain of hashes that only grows.
--
-- hash = SHA256(hash of the entry before || entry), where the first entry follows 32 zero bytes and an entry is the JSON
-- array that audit_append() builds, in UTF-8. It holds SHA256(salt || payload) and not the payload (old and new values,
-- and why), so that a person's payloads can be erased and the chain still holds. docs/audit.md is the specification.

CREATE TABLE audit (
    number         bigint      PRIMARY KEY,     -- 1, 2, 3, …: audit_append() counts, and nothing is left out
    at             timestamptz NOT NULL CHECK (isfinite(at)),
    actor          text        NOT NULL,        -- 'user', 'anonymous', 'owner', or 'machine:<unit>'
    user_id        uuid,                        -- no foreign key: an entry outlives the account
    session_id     uuid,
    operation      text        NOT NULL,
    outcome        text        NOT NULL CHECK (outcome IN ('done', 'refused')),
    entity         text        NOT NULL,        -- what kind of thing it was done to
    entity_id      text        NOT NULL,        -- and which one
    subject_id     uuid,                        -- the account whose data the payload holds
    request_id     text        NOT NULL,
    payload_digest bytea,                       -- SHA256(salt || payload)
    salt           bytea,
    payload        text,
    hash           bytea       NOT NULL,
    CHECK ((salt IS NULL) = (payload IS NULL) AND (payload IS NULL OR payload_digest IS NOT NULL))
);
CREATE INDEX audit_at ON audit (at, number);
CREATE INDEX audit_user ON audit (user_id, at, number) WHERE user_id IS NOT NULL;
CREATE INDEX audit_entity ON audit (entity, entity_id, at, number);
CREATE INDEX audit_operation ON audit (operation, at, number);
CREATE INDEX audit_subject ON audit (subject_id) WHERE payload IS NOT NULL;

CREATE FUNCTION audit_append() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    previous record;
BEGIN
    -- until the transaction ends: the next one has to see this entry. Writers append last, so that none waits for long.
    PERFORM pg_advisory_xact_lock(hashtextextended('drawbridge.audit', 0));
    SELECT number, hash INTO previous FROM audit ORDER BY number DESC LIMIT 1;
    NEW.number := coalesce(previous.number, 0) + 1;
    NEW.hash := sha256(
        coalesce(previous.hash, decode(repeat('00', 32), 'hex'))
        || convert_to(json_build_array(
            NEW.number, (extract(epoch FROM NEW.at) * 1000000)::bigint, NEW.actor, NEW.user_id, NEW.session_id,
            NEW.operation, NEW.outcome, NEW.entity, NEW.entity_id, NEW.subject_id, NEW.request_id,
            encode(NEW.payload_digest, 'hex'))::text, 'UTF8'));
    RETURN NEW;
END $$;
CREATE TRIGGER audit_append BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION audit_append();

CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit trail only grows: % is refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_refuse BEFORE DELETE OR TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
-- the one change there is takes salt and payload away together, and leaves all else as it was
CREATE TRIGGER audit_refuse_change BEFORE UPDATE ON audit FOR EACH ROW
    WHEN (NEW.payload IS NOT NULL OR NEW.salt IS NOT NULL
          OR (NEW.number, NEW.at, NEW.actor, NEW.user_id, NEW.session_id, NEW.operation, NEW.outcome, NEW.entity,
              NEW.entity_id, NEW.subject_id, NEW.request_id, NEW.payload_digest, NEW.hash)
             IS DISTINCT FROM
             (OLD.number, OLD.at, OLD.actor, OLD.user_id, OLD.session_id, OLD.operation, OLD.outcome, OLD.entity,
              OLD.entity_id, OLD.subject_id, OLD.request_id, OLD.payload_digest, OLD.hash))
    EXECUTE FUNCTION audit_refuse();

-- The agent may not UPDATE; this is how it erases, and only what belongs to one account. That it did is an entry, made
-- by the caller in the same transaction: without one, verification reports the payload as missing.
CREATE FUNCTION audit_erase(subject uuid) RETURNS bigint LANGUAGE sql SECURITY DEFINER AS $$
    WITH erased AS (
        UPDATE audit SET salt = NULL, payload = NULL WHERE subject_id = subject AND payload IS NOT NULL RETURNING 1
    )
    SELECT count(*) FROM erased
$$;

DO $$
BEGIN  -- no table of the caller's may be taken for this one
    EXECUTE format('ALTER FUNCTION audit_append() SET search_path = pg_catalog, %I, pg_temp', current_schema());
    EXECUTE format('ALTER FUNCTION audit_erase(uuid) SET search_path = pg_catalog, %I, pg_temp', current_schema());
END $$;

REVOKE ALL ON FUNCTION audit_erase(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit_erase(uuid) TO {{agent_role}};
GRANT SELECT, INSERT ON audit TO {{agent_role}};
