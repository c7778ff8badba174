-- What every table is for, and the columns whose name does not say it: \d+ shows it, and docs/data-model.md.

COMMENT ON TABLE schema_migrations IS
    'The migrations that were applied. One that is missing here, or whose text is another now, stops the start.';
COMMENT ON COLUMN schema_migrations.sha256 IS 'SHA-256 of the file, hexadecimal.';

COMMENT ON TABLE users IS 'Accounts. What changes what a token is worth is told by NOTIFY, whoever changes it.';
COMMENT ON COLUMN users.email IS 'As it was typed; one account''s in whatever letters.';
COMMENT ON COLUMN users.name IS 'What the person is called.';
COMMENT ON COLUMN users.username IS 'What the person signs up as beside the address; null where nobody chose one.';
COMMENT ON COLUMN users.password_hash IS 'bcrypt, with its salt and cost.';
COMMENT ON COLUMN users.role IS 'What the account may do: the roles that each operation names (docs/operations.md).';
COMMENT ON COLUMN users.time_zone IS 'IANA name.';
COMMENT ON COLUMN users.is_active IS 'A disabled account signs in nowhere, and its sessions are over.';
COMMENT ON COLUMN users.token_version IS 'What the access tokens must say; the trigger counts it up to end them all.';
COMMENT ON COLUMN users.preferences IS 'What differs from the usual, as GET /users/preferences names it.';
COMMENT ON COLUMN users.version IS 'Which edition this is, counted by the trigger: what ETag and If-Match say.';

COMMENT ON TABLE sessions IS 'Sign-ins, each with the family of refresh tokens that followed from it.';
COMMENT ON COLUMN sessions.salt IS 'Of the refresh tokens, which are computed and stored nowhere.';
COMMENT ON COLUMN sessions.generation IS 'Number of the refresh token that is good now.';
COMMENT ON COLUMN sessions.rotated_at IS 'When it was last refreshed.';
COMMENT ON COLUMN sessions.ended_at IS 'Null while it lasts; its tokens are worth nothing from then on.';

COMMENT ON TABLE grants IS 'Whose records an account may see, in which app.';
COMMENT ON COLUMN grants.person IS 'The person as the app''s source names them; null where the source has one person.';

COMMENT ON TABLE limits IS 'Attempts that are counted: sign-ins, mails, feedback. Old rows are dropped.';
COMMENT ON COLUMN limits.key IS 'SHA-256 of what is limited: no address can be read here.';
COMMENT ON COLUMN limits.next_at IS 'GCRA''s theoretical arrival time.';

COMMENT ON TABLE idempotency IS 'The answers of writes, given again to who sends the same write again; kept for a day.';
COMMENT ON COLUMN idempotency.caller IS 'user:<id>, or machine:<unit>.';
COMMENT ON COLUMN idempotency.key IS 'The caller''s own.';
COMMENT ON COLUMN idempotency.content_digest IS 'Of the write''s body: another body under this key is refused.';
COMMENT ON COLUMN idempotency.body IS 'The answer.';

COMMENT ON TABLE mails IS 'The outbox: mails that the agent sends, and for a while what became of them.';
COMMENT ON COLUMN mails.cause IS 'What it is about: there is one mail for one cause.';
COMMENT ON COLUMN mails.template IS 'Which text it has (docs/mail.md).';
COMMENT ON COLUMN mails.sealed IS
    'What it says, sealed with a key that is not in the store; erased as soon as the mail server has it.';
COMMENT ON COLUMN mails.reason IS 'What the mail server last said, where it did not take the mail.';
COMMENT ON COLUMN mails.expires_at IS 'From when on it would come too late: it is dropped instead.';
COMMENT ON COLUMN mails.ended_at IS 'When it was sent, parked or dropped.';

COMMENT ON TABLE audit IS
    'The audit trail, a chain of hashes that only grows (docs/audit.md). Triggers refuse every change but one.';
COMMENT ON COLUMN audit.number IS '1, 2, 3, …: the trigger counts, and nothing is left out.';
COMMENT ON COLUMN audit.actor IS 'user, anonymous, owner, or machine:<unit>.';
COMMENT ON COLUMN audit.user_id IS 'Who did it. No foreign key: an entry outlives the account.';
COMMENT ON COLUMN audit.entity IS 'What kind of thing it was done to.';
COMMENT ON COLUMN audit.entity_id IS 'And which one.';
COMMENT ON COLUMN audit.subject_id IS 'The account whose data the payload holds.';
COMMENT ON COLUMN audit.payload_digest IS 'SHA-256 of salt and payload: part of the chain, also once they are erased.';
COMMENT ON COLUMN audit.salt IS 'Erased with the payload, so that nobody can try what it may have been.';
COMMENT ON COLUMN audit.payload IS 'Old and new values, and why, as JSON; erased with the account they are of.';
COMMENT ON COLUMN audit.hash IS 'SHA-256 of the hash before and this entry.';

COMMENT ON TABLE one_time_tokens IS 'Links in mails that do something once.';
COMMENT ON COLUMN one_time_tokens.digest IS 'SHA-256 of the token, which lies nowhere.';
COMMENT ON COLUMN one_time_tokens.id IS 'Which mail it went out with, and the account that a sign-up makes.';
COMMENT ON COLUMN one_time_tokens.user_id IS 'Null while there is no account yet.';
COMMENT ON COLUMN one_time_tokens.content IS 'What the account will be made of.';

COMMENT ON TABLE feedback IS 'What people wrote to the owner; it goes with the account, and into its export.';
COMMENT ON COLUMN feedback.topic IS 'What it is about, in one line.';
