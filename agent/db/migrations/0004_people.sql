-- What people say of themselves and how they want to be told things, names to sign up with, and when an account changed.
--
-- Code of before works on these tables: each new column has a default, and none is needed.

ALTER TABLE users
    ADD COLUMN username    text,                                 -- null where nobody chose one
    ADD COLUMN preferences jsonb       NOT NULL DEFAULT '{}',    -- what differs from the usual
    ADD COLUMN version     integer     NOT NULL DEFAULT 1,       -- of what can be edited
    ADD COLUMN updated_at  timestamptz NOT NULL DEFAULT now();
CREATE UNIQUE INDEX users_username ON users (lower(username));
CREATE INDEX users_admins ON users (id) WHERE role = 'admin' AND is_active;

CREATE FUNCTION users_versioned() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.version := OLD.version + 1;
    NEW.updated_at := now();
    RETURN NEW;
END $$;
CREATE TRIGGER users_versioned BEFORE UPDATE ON users FOR EACH ROW
    WHEN ((OLD.email, OLD.username, OLD.name, OLD.role, OLD.is_active, OLD.time_zone, OLD.preferences)
          IS DISTINCT FROM
          (NEW.email, NEW.username, NEW.name, NEW.role, NEW.is_active, NEW.time_zone, NEW.preferences))
    EXECUTE FUNCTION users_versioned();

-- A link in a mail that does something once. Only the digest of its token is here.
CREATE TABLE one_time_tokens (
    digest     bytea       PRIMARY KEY,         -- SHA-256 of the token
    id         uuid        NOT NULL UNIQUE,     -- which mail it went out with, and the account that a sign-up makes
    purpose    text        NOT NULL CHECK (purpose IN ('sign_up', 'invitation', 'reset', 'email', 'nothing')),
    user_id    uuid        REFERENCES users ON DELETE CASCADE,  -- null while there is no account yet
    email      text        NOT NULL,
    content    jsonb       NOT NULL DEFAULT '{}',               -- what the account will be made of
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX one_time_tokens_user ON one_time_tokens (user_id);
CREATE INDEX one_time_tokens_email ON one_time_tokens (lower(email), purpose);
CREATE INDEX one_time_tokens_expiry ON one_time_tokens (expires_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON one_time_tokens TO {{agent_role}};
