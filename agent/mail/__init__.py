"""Mail that the appliance sends: a durable outbox in the store, and who empties it. See docs/mail.md."""
