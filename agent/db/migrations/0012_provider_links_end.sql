-- Who has another password is linked to nobody at a sign-in service any more.
--
-- Somebody who had the account for a while, under an address of theirs, could have linked it to themselves, and stayed
-- in when its owner had it back. Whoever comes through the service with the account's address is linked anew. Another
-- address alone ends no link: at the service the owner may still have the one from before.

CREATE OR REPLACE FUNCTION users_links_end() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM one_time_tokens WHERE user_id = NEW.id;
    IF OLD.password_hash <> NEW.password_hash THEN
        DELETE FROM oidc_links WHERE user_id = NEW.id;
    END IF;
    RETURN NULL;
END $$;
