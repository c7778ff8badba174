-- A sentence for every column that had none: \d+ shows it, and docs/data-model.md.

COMMENT ON COLUMN schema_migrations.number IS 'Of the file, counted from 1.';
COMMENT ON COLUMN schema_migrations.name IS 'Of the file, without the number.';
COMMENT ON COLUMN schema_migrations.applied_at IS 'When it was applied.';
COMMENT ON COLUMN schema_migrations.breaks_older IS 'Whether releases of before cannot work on what it made.';

COMMENT ON COLUMN users.id IS 'Who it is everywhere else; it never changes.';
COMMENT ON COLUMN users.created_at IS 'When the account was made.';
COMMENT ON COLUMN users.updated_at IS 'When what can be edited last changed, set by the trigger.';

COMMENT ON COLUMN sessions.id IS 'What the tokens of the sign-in name it by.';
COMMENT ON COLUMN sessions.user_id IS 'Whose sign-in it is.';
COMMENT ON COLUMN sessions.created_at IS 'When somebody signed in.';
COMMENT ON COLUMN sessions.expires_at IS 'Until when it can be refreshed; each refresh moves it on, up to a month in all.';

COMMENT ON COLUMN grants.user_id IS 'The account that may see them.';
COMMENT ON COLUMN grants.app IS 'The app whose records they are.';
COMMENT ON COLUMN grants.granted_at IS 'When the link was last made or changed.';

COMMENT ON COLUMN idempotency.operation IS 'What the write called.';
COMMENT ON COLUMN idempotency.next_cursor IS 'What went with the answer, where it was a page.';
COMMENT ON COLUMN idempotency.created_at IS 'When it was answered; the row is dropped a day later.';

COMMENT ON COLUMN mails.id IS 'What the Message-ID is made of: the same at each try.';
COMMENT ON COLUMN mails.recipient IS 'The address that it goes to.';
COMMENT ON COLUMN mails.state IS
    'waiting, sending, sent, parked (given up until the owner decides), or dropped.';
COMMENT ON COLUMN mails.tries IS 'How often it was offered to the mail server.';
COMMENT ON COLUMN mails.created_at IS 'When it was put in.';
COMMENT ON COLUMN mails.next_try_at IS 'When it is due, while it waits.';

COMMENT ON COLUMN audit.at IS 'When it was done.';
COMMENT ON COLUMN audit.session_id IS 'The sign-in that it was done with; null where there was none.';
COMMENT ON COLUMN audit.operation IS 'What was done: an operation''s name (docs/operations.md), or the command line''s.';
COMMENT ON COLUMN audit.outcome IS 'done, or refused.';
COMMENT ON COLUMN audit.request_id IS 'The request in the logs that it was done by; empty where there was none.';

COMMENT ON COLUMN one_time_tokens.purpose IS
    'sign_up, invitation, reset, email (another address), or nothing (an answer that tells nobody what there is).';
COMMENT ON COLUMN one_time_tokens.email IS 'The address that the link went to.';
COMMENT ON COLUMN one_time_tokens.created_at IS 'When it was mailed.';
COMMENT ON COLUMN one_time_tokens.expires_at IS 'From when on the link does nothing, and the row is dropped.';

COMMENT ON COLUMN feedback.id IS 'What the mail to the owner refers to.';
COMMENT ON COLUMN feedback.user_id IS 'Who wrote it.';
COMMENT ON COLUMN feedback.message IS 'What they wrote.';
COMMENT ON COLUMN feedback.created_at IS 'When they wrote it.';

COMMENT ON COLUMN oidc_links.user_id IS 'The account that the person signs in to.';
