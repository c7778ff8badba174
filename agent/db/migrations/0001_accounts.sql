-- Accounts, sessions, grants, limits and idempotency records.
--
-- The role that owns these tables migrates them; the agent runs as {{agent_role}}, which cannot alter any.
-- Whatever changes what a token or a grant is worth tells so by NOTIFY from a trigger, so that a change takes effect
-- within a second whoever makes it: the agent, its command line, or the owner with psql.

CREATE TABLE users (
    id            uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    email         text        NOT NULL,
    name          text        NOT NULL,
    password_hash text        NOT NULL,
    role          text        NOT NULL CHECK (role IN ('admin', 'technician', 'viewer')),
    time_zone     text        NOT NULL DEFAULT 'UTC',
    is_active     boolean     NOT NULL DEFAULT true,
    token_version integer     NOT NULL DEFAULT 1,
    created_at    timestamptz NOT NULL DEFAULT now()
);
-- lower() instead of citext, which not every PostgreSQL has
CREATE UNIQUE INDEX users_email ON users (lower(email));

CREATE TABLE sessions (
    id         uuid        PRIMARY KEY,
    user_id    uuid        NOT NULL REFERENCES users ON DELETE CASCADE,
    salt       bytea       NOT NULL,
    generation integer     NOT NULL DEFAULT 0,  -- of the refresh token that is good now
    created_at timestamptz NOT NULL,
    rotated_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    ended_at   timestamptz
);
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_ended ON sessions (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX sessions_expiry ON sessions (expires_at);

CREATE TABLE grants (
    user_id    uuid        NOT NULL REFERENCES users ON DELETE CASCADE,
    app        text        NOT NULL,
    person     text,                            -- null where the source has one person
    granted_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, app)
);

CREATE TABLE limits (
    key      text        PRIMARY KEY,           -- a digest: no address or e-mail can be read here
    next_at  timestamptz NOT NULL               -- GCRA's theoretical arrival time
);
CREATE INDEX limits_next ON limits (next_at);

CREATE TABLE idempotency (
    caller         text        NOT NULL,
    operation      text        NOT NULL,
    key            text        NOT NULL,
    content_digest text        NOT NULL,
    body           bytea       NOT NULL,
    next_cursor    text        NOT NULL,
    created_at     timestamptz NOT NULL,
    PRIMARY KEY (caller, operation, key)
);
CREATE INDEX idempotency_age ON idempotency (created_at);

CREATE FUNCTION users_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF (OLD.email, OLD.password_hash, OLD.role, OLD.is_active)
            IS DISTINCT FROM (NEW.email, NEW.password_hash, NEW.role, NEW.is_active) THEN
            NEW.token_version := OLD.token_version + 1;
        END IF;
        IF OLD.password_hash <> NEW.password_hash OR NOT NEW.is_active THEN
            UPDATE sessions SET ended_at = now() WHERE user_id = NEW.id AND ended_at IS NULL;
        END IF;
    END IF;
    PERFORM pg_notify('drawbridge', 'user ' || COALESCE(NEW.id, OLD.id));
    RETURN COALESCE(NEW, OLD);
END $$;
CREATE TRIGGER users_changed BEFORE INSERT OR UPDATE OR DELETE ON users FOR EACH ROW EXECUTE FUNCTION users_changed();

CREATE FUNCTION session_ended() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('drawbridge', 'session ' || NEW.id);
    RETURN NULL;
END $$;
CREATE TRIGGER session_ended AFTER UPDATE OF ended_at ON sessions FOR EACH ROW
    WHEN (OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL) EXECUTE FUNCTION session_ended();

CREATE FUNCTION grants_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('drawbridge', 'user ' || COALESCE(NEW.user_id, OLD.user_id));
    RETURN NULL;
END $$;
CREATE TRIGGER grants_changed AFTER INSERT OR UPDATE OR DELETE ON grants
    FOR EACH ROW EXECUTE FUNCTION grants_changed();

GRANT SELECT, INSERT, UPDATE, DELETE ON users, sessions, grants, limits, idempotency TO {{agent_role}};
