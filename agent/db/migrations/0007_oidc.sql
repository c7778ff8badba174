-- Signing in through a provider (OIDC): which of its people is which account, and which of these sign-ins are used up.

CREATE TABLE oidc_links (
    issuer    text        NOT NULL,
    subject   text        NOT NULL,
    user_id   uuid        NOT NULL REFERENCES users ON DELETE CASCADE,
    linked_at timestamptz NOT NULL,
    PRIMARY KEY (issuer, subject),
    UNIQUE (user_id, issuer)
);

CREATE TABLE oidc_used (
    digest     bytea       PRIMARY KEY,
    expires_at timestamptz NOT NULL
);
CREATE INDEX oidc_used_expiry ON oidc_used (expires_at);

COMMENT ON TABLE oidc_links IS
    'Who signs in through a provider. Found by subject: another address at the provider changes nothing here.';
COMMENT ON COLUMN oidc_links.issuer IS 'The provider, as its ID tokens name it.';
COMMENT ON COLUMN oidc_links.subject IS 'Its own, unchanging name for the person (`sub`).';
COMMENT ON COLUMN oidc_links.linked_at IS 'When the person first came, by the account''s address, verified there.';

COMMENT ON TABLE oidc_used IS 'Sign-ins through a provider that came back: none is taken twice.';
COMMENT ON COLUMN oidc_used.digest IS 'SHA-256 of the state.';
COMMENT ON COLUMN oidc_used.expires_at IS 'From when on it is too old to be taken anyway, and the row is dropped.';

GRANT SELECT, INSERT, DELETE ON oidc_links, oidc_used TO {{agent_role}};
