-- Indexes for what is asked of the outbox when many sent mails are remembered.
--
-- mails_pending serves how many wait, the list, and what comes too late; with it the parked ones need none of their own.

CREATE INDEX mails_pending ON mails (created_at, id) WHERE state IN ('waiting', 'sending', 'parked');
DROP INDEX mails_parked;
-- what an account is given of its mails, and loses with it
CREATE INDEX mails_recipient ON mails (lower(recipient));
