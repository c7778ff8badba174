"""PostgreSQL: connections with deadlines, statements from ``.sql`` files, our own schema and its migrations."""
