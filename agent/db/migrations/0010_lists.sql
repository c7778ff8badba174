-- What administrators list: the invitations that are open, and what people wrote to the owner.
--
-- Code of before knows nothing of these indexes, and works on.

CREATE INDEX one_time_tokens_invitations ON one_time_tokens (lower(email)) WHERE purpose = 'invitation';
CREATE INDEX feedback_latest ON feedback (created_at, id);
