"""The store's schema, one numbered file a step; see :mod:`agent.db.migrate`."""
