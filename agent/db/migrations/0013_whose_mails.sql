-- Whose account a mail is about: it goes with the account, also where it went to an address that is not the account's.
--
-- What told the former address of a change outlived the account that had changed it, and so did a link to a wanted
-- address: it was mailed when the account was gone. By the address alone they cannot be found, for that may be somebody
-- else's by now. Code of before knows nothing of the column, and works on.

ALTER TABLE mails ADD COLUMN user_id uuid REFERENCES users ON DELETE CASCADE;
CREATE INDEX mails_user ON mails (user_id);
UPDATE mails SET user_id = t.user_id FROM one_time_tokens AS t
WHERE mails.cause = t.purpose || ' ' || t.id AND t.user_id IS NOT NULL;

COMMENT ON COLUMN mails.user_id IS
    'The account that it is about; null where there is none yet, and where only its address says whose it is.';
