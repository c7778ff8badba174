-- Whoever has another password or address, or is disabled, has no links lying in mailboxes any more.
--
-- A link to move an account to another address outlived the password that it was asked for with: who had known it could
-- take the account back after its owner had chosen another. And a link to reset the password was good in the mailbox of
-- the address that the account had left.

CREATE FUNCTION users_links_end() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM one_time_tokens WHERE user_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER users_links_end AFTER UPDATE ON users FOR EACH ROW
    WHEN (OLD.password_hash <> NEW.password_hash OR OLD.email <> NEW.email OR NOT NEW.is_active)
    EXECUTE FUNCTION users_links_end();
