-- The outbox: mails that the agent sends, and for a while what became of them.
--
-- A mail is inserted in the transaction that is its cause, so that neither is there without the other. What it says is
-- sealed with a key that is not in the store, because it may hold a link that signs somebody in, and is erased as soon
-- as the mail server has it.

CREATE TABLE mails (
    id          uuid        PRIMARY KEY,
    cause       text        NOT NULL UNIQUE,    -- what it is about: there is one mail for one cause
    template    text        NOT NULL,
    recipient   text        NOT NULL,
    state       text        NOT NULL CHECK (state IN ('waiting', 'sending', 'sent', 'parked', 'dropped')),
    sealed      bytea,                          -- null where there is nothing left to send
    tries       integer     NOT NULL DEFAULT 0,
    reason      text        NOT NULL DEFAULT '',
    created_at  timestamptz NOT NULL,
    next_try_at timestamptz NOT NULL,
    expires_at  timestamptz,                    -- from when on it would come too late
    ended_at    timestamptz
);
CREATE INDEX mails_due ON mails (next_try_at) WHERE state IN ('waiting', 'sending');
CREATE INDEX mails_parked ON mails (created_at) WHERE state = 'parked';
CREATE INDEX mails_ended ON mails (ended_at) WHERE ended_at IS NOT NULL;

CREATE FUNCTION mail_waits() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('drawbridge_mail', '');
    RETURN NULL;
END $$;
CREATE TRIGGER mail_waits AFTER INSERT OR UPDATE OF state ON mails FOR EACH ROW
    WHEN (NEW.state = 'waiting') EXECUTE FUNCTION mail_waits();

GRANT SELECT, INSERT, UPDATE, DELETE ON mails TO {{agent_role}};
