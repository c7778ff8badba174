-- What people wrote to the owner. It goes with the account, and into its export.

CREATE TABLE feedback (
    id         uuid        PRIMARY KEY,
    user_id    uuid        NOT NULL REFERENCES users ON DELETE CASCADE,
    topic      text        NOT NULL,
    message    text        NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX feedback_user ON feedback (user_id, created_at);

GRANT SELECT, INSERT ON feedback TO {{agent_role}};
